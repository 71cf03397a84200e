"""The future frame prediction of Liu et al. (2018), its U-Net alone."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras

from keras_cdae.baselines.base import BaselineModel
from keras_cdae.serialization import register
from keras_cdae.training.losses import gradient_loss
from keras_cdae.types import Tensor


@register
class FramePrediction(BaselineModel):
    """A U-Net that predicts the last frame of a clip from those before it.

    Four levels of two 3x3 convolutions, pooling by 2 between them, and back
    with skip connections. Intensity and gradient loss; the paper's GAN and
    its flow network are left out. The score is the log of the mean squared
    error, which is the paper's PSNR with its sign turned.

    Args:
        *args: arguments of `BaselineModel`; the levels have 1, 2, 4 and 8
            times `width` channels.
        gradient_weight: weight of the gradient loss.
        **kwargs: arguments of `BaselineModel`.

    Example:
        >>> model = FramePrediction.from_preset("nano", (32, 32), 1)
        >>> clips = np.zeros((2, 5, 32, 32, 1), "float32")
        >>> tuple(model(clips)["output"].shape)
        (2, 32, 32, 1)

    Reference:
        Liu, Luo, Lian, Gao: Future Frame Prediction for Anomaly Detection - A
        New Baseline, CVPR 2018.
    """

    presets = MappingProxyType(
        {
            "edge": {"image_size": (128, 128), "width": 11},
            "nano": {"image_size": (64, 64), "width": 6},
        }
    )

    def __init__(
        self, *args: Any, gradient_weight: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(
            *args, own={"gradient_weight": gradient_weight}, **kwargs
        )

    def make_network(self) -> keras.Model:
        """Return the U-Net over the frames before the last."""
        layers, policy = keras.layers, self.dtype_policy
        channels = (self.clip_length - 1) * self.channels
        options = {"padding": "same", "data_format": "channels_last"}

        def twice(x: Tensor, filters: int) -> Tensor:
            for _ in range(2):
                x = layers.Conv2D(
                    filters,
                    3,
                    activation="relu",
                    kernel_initializer="he_normal",
                    dtype=policy,
                    **options,
                )(x)
            return x

        inputs = keras.Input((*self.image_size, channels))
        x, skips = twice(inputs, self.width), []
        for times in (2, 4, 8):
            skips.append(x)
            x = layers.MaxPooling2D(2, data_format="channels_last")(x)
            x = twice(x, times * self.width)
        for times, skip in zip((4, 2, 1), reversed(skips), strict=True):
            x = layers.Conv2DTranspose(
                times * self.width, 2, strides=2, dtype=policy, **options
            )(x)
            x = twice(
                layers.Concatenate(axis=-1)([x, skip]), times * self.width
            )
        x = layers.Conv2D(self.channels, 3, dtype=policy, **options)(x)
        return keras.Model(inputs, x, name="network")

    def network_input(self, clips: Tensor) -> Tensor:
        """Return the frames before the last, stacked on channels."""
        return self._stack(clips[:, :-1])

    def target(self, clips: Tensor) -> Tensor:
        """Return the last frame, `(batch, height, width, channels)`."""
        return clips[:, -1]

    def objective(
        self, target: Tensor, outputs: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the mean squared error plus the weighted gradient loss.

        Args:
            target: the last frame.
            outputs: as `call` gave them.
        """
        gradient = gradient_loss(target, outputs["output"])
        error = super().objective(target, outputs)
        return error + self.gradient_weight * gradient
