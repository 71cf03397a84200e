"""The memory-augmented autoencoder of Gong et al. (2019)."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import keras
from keras import ops

from keras_cdae.baselines.base import BaselineModel
from keras_cdae.baselines.memory import Memory
from keras_cdae.serialization import register
from keras_cdae.types import Tensor


@register
class MemoryAutoencoder(BaselineModel):
    """MemAE: a 3-D convolutional autoencoder whose codes pass a memory.

    Three 3x3x3 convolutions at stride 2 in space, the `Memory`, and back. The
    paper's clips have 16 frames and it halves time, too; these have 5 and keep
    it. No batch normalisation: batches are small.

    Args:
        *args: arguments of `BaselineModel`; the three convolutions have 1, 2
            and 4 times `width` channels.
        slots: codes in the memory (the paper: 2000).
        entropy_weight: weight of the entropy of the addressing.
        **kwargs: arguments of `BaselineModel`.

    Example:
        >>> model = MemoryAutoencoder.from_preset("nano", (32, 32), 1)
        >>> clips = np.zeros((2, 5, 32, 32, 1), "float32")
        >>> outputs = model(clips)
        >>> tuple(outputs["output"].shape), tuple(outputs["entropy"].shape)
        ((2, 5, 32, 32, 1), (2, 5, 4, 4))

    Reference:
        Gong, Liu, Le, Saha, Mansour, Venkatesh, van den Hengel: Memorizing
        Normality to Detect Anomaly, ICCV 2019.
    """

    presets = MappingProxyType(
        {
            "edge": {"image_size": (128, 128), "width": 14, "slots": 500},
            "nano": {"image_size": (64, 64), "width": 8, "slots": 50},
        }
    )

    def __init__(
        self,
        *args: Any,
        slots: int = 500,
        entropy_weight: float = 2e-4,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            *args,
            own={"slots": slots, "entropy_weight": entropy_weight},
            **kwargs,
        )

    def make_network(self) -> keras.Model:
        """Return the autoencoder of a clip, and the entropy beside it."""
        layers, width = keras.layers, self.width
        options = {"padding": "same", "data_format": "channels_last"}
        hidden = {**options, "strides": (1, 2, 2), "dtype": self.dtype_policy}
        shape = (self.clip_length, *self.image_size, self.channels)
        x = inputs = keras.Input(shape)
        for times in (1, 2, 4):
            x = layers.Conv3D(times * width, 3, **hidden)(x)
            x = layers.LeakyReLU(0.2, dtype=self.dtype_policy)(x)
        x, entropy = Memory(self.slots, dtype=self.dtype_policy)(x)
        for times in (2, 1):
            x = layers.Conv3DTranspose(times * width, 3, **hidden)(x)
            x = layers.LeakyReLU(0.2, dtype=self.dtype_policy)(x)
        x = layers.Conv3DTranspose(self.channels, 3, **hidden)(x)
        outputs = {"output": x, "entropy": entropy}
        return keras.Model(inputs, outputs, name="network")

    def network_input(self, clips: Tensor) -> Tensor:
        """Return the clips as they are."""
        return clips

    def objective(
        self, target: Tensor, outputs: Mapping[str, Tensor]
    ) -> Tensor:
        """Return the mean squared error plus the weighted entropy.

        Args:
            target: the clips.
            outputs: as `call` gave them.
        """
        error = super().objective(target, outputs)
        return error + self.entropy_weight * ops.mean(outputs["entropy"])
