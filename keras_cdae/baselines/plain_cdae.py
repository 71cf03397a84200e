"""CDAE without its clusters: one or both of its autoencoders."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import keras
from keras import ops

from keras_cdae.baselines.base import BaselineModel
from keras_cdae.models.autoencoder import Decoder, Encoder
from keras_cdae.models.motion_input import MOTION_INPUTS, motion_input
from keras_cdae.models.presets import PRESETS
from keras_cdae.serialization import register
from keras_cdae.training.losses import reconstruction_loss
from keras_cdae.training.order import Order
from keras_cdae.training.schedule import Schedule, as_schedule
from keras_cdae.training.staged import check_choice
from keras_cdae.types import Tensor

BRANCHES = ("appearance", "motion")
# Arguments of a preset of CDAE that this model has as well.
SHARED = ("image_size", "width", "decoder_multipliers", "motion_input")


@register
class PlainCDAE(BaselineModel):
    """The autoencoders of CDAE alone, for the paper's tables 2 and 3.

    The same encoders, decoders, losses and learning rates as `CDAE` of the
    same preset; no clusters, so that the score is the log of the error: of
    the last frame with `"appearance"` alone, of the difference to it with
    `"motion"` alone, and with both of `x_clips - (x_a_hat + x_diff_hat)`, as
    in Eq. 14.

    Args:
        *args: arguments of `BaselineModel`.
        branches: `"appearance"`, `"motion"` or both.
        decoder_multipliers: as in `CDAE`.
        attention: as in `CDAE`; None: no attention.
        skips: as in `CDAE`.
        motion_input: as in `CDAE`.
        schedule: as in `CDAE`; its learning rates of the autoencoders, and
            the epochs at which they fall, are used.
        **kwargs: arguments of `BaselineModel`.

    Raises:
        ValueError: for an unknown branch, or none.

    Example:
        >>> model = PlainCDAE.from_preset(
        ...     "nano", (32, 32), 1, branches=["motion"]
        ... )
        >>> clips = np.zeros((2, 5, 32, 32, 1), "float32")
        >>> {k: tuple(v.shape) for k, v in model(clips).items()}
        {'motion': (2, 32, 32, 4)}
    """

    presets = MappingProxyType(
        {
            name: {
                **{
                    key: value
                    for key, value in preset.model.items()
                    if key in SHARED
                },
                "schedule": preset.schedule,
            }
            for name, preset in PRESETS.items()
        }
    )

    def __init__(
        self,
        *args: Any,
        branches: Sequence[str] = BRANCHES,
        decoder_multipliers: Sequence[int] = (4, 4, 2),
        attention: Mapping[str, Any] | None = {},
        skips: str = "motion",
        motion_input: str = "frames",
        schedule: Schedule | dict[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        if not branches or set(branches) - set(BRANCHES):
            raise ValueError(
                f"branches must be some of {BRANCHES}. "
                f"Received: branches={branches!r}"
            )
        check_choice("motion_input", motion_input, MOTION_INPUTS)
        chosen = as_schedule(schedule)
        kwargs.setdefault("learning_rate", chosen.learning_rate)
        kwargs.setdefault("beta_2", chosen.beta_2)
        super().__init__(
            *args,
            own={
                "branches": tuple(branches),
                "decoder_multipliers": tuple(decoder_multipliers),
                "attention": None if attention is None else dict(attention),
                "skips": skips,
                "motion_input": motion_input,
                "schedule": chosen,
            },
            **kwargs,
        )

    def make_network(self) -> keras.Model:
        """Return the autoencoders over a stack of frames."""
        widths = tuple(t * self.width for t in self.decoder_multipliers)
        before = (self.clip_length - 1) * self.channels
        policy = self.dtype_policy
        inputs = keras.Input((*self.image_size, before + self.channels))
        outputs = {}
        if "appearance" in self.branches:
            encoder = Encoder(self.width, dtype=policy, name="appearance_in")
            code, _ = encoder(inputs[..., before:])
            outputs["appearance"] = Decoder(
                self.channels, widths, dtype=policy, name="appearance_out"
            )(code)
        if "motion" in self.branches:
            encoder = Encoder(
                self.width, self.attention, dtype=policy, name="motion_in"
            )
            code, skips = encoder(
                motion_input(
                    inputs[..., :before],
                    self.clip_length - 1,
                    self.motion_input,
                )
            )
            decoder = Decoder(before, widths, dtype=policy, name="motion_out")
            outputs["motion"] = (
                decoder(code, skips)
                if self.skips == "motion"
                else decoder(code)
            )
        return keras.Model(inputs, outputs, name="network")

    def objective(
        self, target: Tensor, outputs: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the losses of the branches (Eq. 3 and 6), added.

        Args:
            target: all frames, stacked.
            outputs: as `call` gave them.
        """
        return sum(
            reconstruction_loss(wanted, outputs[branch])
            for branch, wanted in self._wanted(target).items()
        )

    def error(self, clips: Tensor) -> Tensor:
        """Return the squared error that is scored, `(batch, h, w, n)`.

        Args:
            clips: checked, float32 in [0, 1].
        """
        outputs = {k: ops.cast(v, "float32") for k, v in self(clips).items()}
        wanted = self._wanted(self._stack(clips))
        errors = {k: wanted[k] - outputs[k] for k in self.branches}
        if len(errors) == 1:
            return ops.square(next(iter(errors.values())))
        # x_t - x_a_hat - x_diff_hat: what both lack, together.
        times = (1, 1, 1, self.clip_length - 1)
        return ops.square(
            errors["motion"] + ops.tile(errors["appearance"], times)
        )

    def own_callbacks(self, data: Any) -> list[keras.callbacks.Callback]:
        """Return the callbacks that `fit` brings along.

        Args:
            data: what `fit` was given.
        """
        return [Order(data), Decay(self.schedule)]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal model."""
        config = super().get_config()
        return {**config, "schedule": self.schedule.get_config()}

    def _wanted(self, stack: Tensor) -> dict[str, Tensor]:
        """Return what each branch should give, of all frames stacked."""
        before = (self.clip_length - 1) * self.channels
        last = stack[..., before:]
        tiled = ops.tile(last, (1, 1, 1, self.clip_length - 1))
        targets = {"appearance": last, "motion": stack[..., :before] - tiled}
        return {branch: targets[branch] for branch in self.branches}


class Decay(keras.callbacks.Callback):
    """Let the learning rate fall when that of CDAE's autoencoders does.

    Args:
        schedule: of CDAE.
    """

    def __init__(self, schedule: Schedule) -> None:
        super().__init__()
        self.schedule = schedule

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the learning rate of this epoch."""
        plan = self.schedule.plan(self.params["epochs"])
        rate = self.model.learning_rate
        if 0 < plan.pretrain_epochs <= epoch:
            rate *= self.schedule.alternation_factor
        if epoch >= plan.decay_epoch:
            rate *= self.schedule.decay_factor
        self.model.optimizer.learning_rate = rate
