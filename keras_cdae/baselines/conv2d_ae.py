"""The convolutional autoencoder of Hasan et al. (2016)."""

from types import MappingProxyType

import keras

from keras_cdae.baselines.base import BaselineModel
from keras_cdae.serialization import register


@register
class Conv2DAutoencoder(BaselineModel):
    """Conv2D-AE: frames stacked on channels, coded and reconstructed.

    11x11 convolution at stride 4, pooling by 2, 5x5, 3x3, and back; tanh, as
    in the paper, whose second pooling is left out: its frames have 227
    pixels, and 13 x 13 codes are left of them; here 16 x 16 of 128. Its stack
    has 10 frames, this one as many as every model of the package.

    Args:
        *args: arguments of `BaselineModel`; the three convolutions have 4, 2
            and 1 times `width` channels.
        **kwargs: arguments of `BaselineModel`.

    Example:
        >>> model = Conv2DAutoencoder.from_preset("nano", (32, 32), 1)
        >>> clips = np.zeros((2, 5, 32, 32, 1), "float32")
        >>> tuple(model(clips)["output"].shape), model.score(clips)["map"].shape
        ((2, 32, 32, 5), (2, 4, 4))

    Reference:
        Hasan, Choi, Neumann, Roy-Chowdhury, Davis: Learning Temporal
        Regularity in Video Sequences, CVPR 2016.
    """

    presets = MappingProxyType(
        {
            "edge": {"image_size": (128, 128), "width": 34},
            "nano": {"image_size": (64, 64), "width": 12},
        }
    )

    def make_network(self) -> keras.Model:
        """Return the autoencoder of a stack of frames."""
        layers, width = keras.layers, self.width
        channels = self.clip_length * self.channels
        options = {"padding": "same", "data_format": "channels_last"}
        hidden = {**options, "activation": "tanh", "dtype": self.dtype_policy}
        x = inputs = keras.Input((*self.image_size, channels))
        x = layers.Conv2D(4 * width, 11, strides=4, **hidden)(x)
        x = layers.MaxPooling2D(2, data_format="channels_last")(x)
        x = layers.Conv2D(2 * width, 5, **hidden)(x)
        x = layers.Conv2D(width, 3, **hidden)(x)  # the code
        x = layers.Conv2DTranspose(2 * width, 3, **hidden)(x)
        x = layers.Conv2DTranspose(4 * width, 5, **hidden)(x)
        x = layers.UpSampling2D(2, data_format="channels_last")(x)
        x = layers.Conv2DTranspose(
            channels, 11, strides=4, dtype=self.dtype_policy, **options
        )(x)
        return keras.Model(inputs, x, name="network")
