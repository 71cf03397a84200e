"""CDAE whose motion decoder gives optical flow, not differences."""

from typing import Any

from keras import ops

from keras_cdae.data.flow import FLOW_CHANNELS, FLOWS, STEPS, ZERO
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.clip_scorer import pooled
from keras_cdae.serialization import register
from keras_cdae.training.staged import check_choice
from keras_cdae.types import Tensor


@register
class FlowCDAE(CDAE):
    """CDAE with optical flow as its motion target, for the paper's Fig. 6.

    The networks, clusters and stages are `CDAE`'s. The motion encoder takes
    the same frames; its decoder gives the flow from each frame to the next, in
    `data.flow.REACH`es, instead of each frame's difference to the last. As
    flow and picture cannot be added as in Eq. 14, the error is that of the
    last frame plus that of the flow.

    Clips have two more channels, see `data.flow.with_flow`. The package's own
    training, evaluation and scoring of videos add them; exports and live
    scoring refuse the model.

    Args:
        *args: arguments of `CDAE`.
        flow: `"dis"` or `"tvl1"`.
        **kwargs: arguments of `CDAE`.

    Call arguments:
        clips: `(batch, T, height, width, channels + 2)`, uint8 as `with_flow`
            gives them, or those divided by 255.

    Output shape:
        As `CDAE`'s, but `"motion"` is `(batch, T - 1, height, width, 2)`.

    Raises:
        ValueError: for an unknown flow, or a region of interest.

    Example:
        >>> model = FlowCDAE.from_preset("nano", (32, 32), 1)
        >>> clips = np.zeros((2, 5, 32, 32, 3), "uint8")
        >>> tuple(model(clips)["motion"].shape)
        (2, 4, 32, 32, 2)
    """

    extra_channels = FLOW_CHANNELS
    motion_channels = FLOW_CHANNELS

    def __init__(self, *args: Any, flow: str = "dis", **kwargs: Any) -> None:
        check_choice("flow", flow, tuple(FLOWS))
        if kwargs.get("roi") is not None:
            raise ValueError(
                "FlowCDAE takes no roi: optical flow is of whole frames, and "
                "what is outside would reach in."
            )
        super().__init__(*args, **kwargs)
        self.flow = flow

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal model."""
        return {**super().get_config(), "flow": self.flow}

    def _split(self, clips: Tensor) -> tuple[Tensor, Tensor]:
        """Return the last picture and those before it, stacked."""
        pictures = self._in_floats(clips)[..., : self.channels]
        before = self.clip_length - 1
        return pictures[:, before], self._stack(pictures[:, :before])

    def _motion_target(
        self, clips: Tensor, last: Tensor, stack: Tensor
    ) -> Tensor:
        """Return the flow between the frames, stacked."""
        del last, stack
        fields = self._in_floats(clips)[:, 1:, ..., self.channels :]
        return self._stack((255.0 * fields - ZERO) / STEPS)

    def _errors(
        self,
        clips: Tensor,
        last: Tensor,
        stack: Tensor,
        appearance: Tensor,
        motion: Tensor,
    ) -> dict[str, Tensor]:
        """Return the maps of errors, and of what motion there was."""
        target = self._motion_target(clips, last, stack)
        seen = pooled(ops.square(last - ops.cast(appearance, "float32")))
        moved = pooled(ops.square(target - ops.cast(motion, "float32")))
        return {
            "error": seen + moved,
            "motion_error": moved,
            "motion_power": pooled(ops.square(target)),
        }
