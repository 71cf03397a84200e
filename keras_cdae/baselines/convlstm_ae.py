"""The spatiotemporal autoencoder of Chong and Tay (2017)."""

from types import MappingProxyType

import keras
from keras import ops

from keras_cdae.baselines.base import BaselineModel
from keras_cdae.serialization import register
from keras_cdae.types import Tensor


@register
class ConvLSTMAutoencoder(BaselineModel):
    """ConvLSTM-AE: each frame coded alone, the codes through ConvLSTMs.

    11x11 convolution at stride 4 and 5x5 at stride 2 on each frame, three
    3x3 ConvLSTMs, the middle one half as wide, and back by transposed
    convolutions; tanh. The paper's clips have 10 frames.

    The paper's Table 1 has the ConvLSTM-AE of Luo, Liu and Gao (2017), a
    relative with two decoders.

    Args:
        *args: arguments of `BaselineModel`; the convolutions have 2 and 1
            times `width` channels, and so have the ConvLSTMs 1, 1/2 and 1.
        **kwargs: arguments of `BaselineModel`.

    Example:
        >>> model = ConvLSTMAutoencoder.from_preset("nano", (32, 32), 1)
        >>> clips = np.zeros((2, 5, 32, 32, 1), "float32")
        >>> tuple(model(clips)["output"].shape)
        (2, 5, 32, 32, 1)

    Reference:
        Chong, Tay: Abnormal Event Detection in Videos using Spatiotemporal
        Autoencoder, ISNN 2017.
    """

    presets = MappingProxyType(
        {
            "edge": {"image_size": (128, 128), "width": 26},
            "nano": {"image_size": (64, 64), "width": 12},
        }
    )

    def make_network(self) -> keras.Model:
        """Return the autoencoder of a clip."""
        layers, width, length = keras.layers, self.width, self.clip_length
        height, side = self.image_size
        policy = self.dtype_policy
        options = {"padding": "same", "data_format": "channels_last"}
        hidden = {**options, "activation": "tanh", "dtype": policy}
        x = inputs = keras.Input((length, height, side, self.channels))
        x = ops.reshape(x, (-1, height, side, self.channels))
        x = layers.Conv2D(2 * width, 11, strides=4, **hidden)(x)
        x = layers.Conv2D(width, 5, strides=2, **hidden)(x)
        x = ops.reshape(x, (-1, length, height // 8, side // 8, width))
        for filters in (width, max(1, width // 2), width):
            x = layers.ConvLSTM2D(
                filters,
                3,
                return_sequences=True,
                unroll=True,  # five steps, without a loop in exported graphs
                dtype=policy,
                **options,
            )(x)
        x = ops.reshape(x, (-1, height // 8, side // 8, width))
        x = layers.Conv2DTranspose(2 * width, 5, strides=2, **hidden)(x)
        x = layers.Conv2DTranspose(
            self.channels, 11, strides=4, dtype=policy, **options
        )(x)
        x = ops.reshape(x, (-1, length, height, side, self.channels))
        return keras.Model(inputs, x, name="network")

    def network_input(self, clips: Tensor) -> Tensor:
        """Return the clips as they are."""
        return clips
