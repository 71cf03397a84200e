"""The convolution that the networks are made of."""

from typing import Any

import keras

from keras_cdae import backend
from keras_cdae.types import Tensor


class Convolution(keras.layers.Conv2D):
    """`keras.layers.Conv2D` with `"same"` padding, channels last.

    The weights and the numbers are those of Keras's layer. Under torch Keras
    copies the features twice on their way to each convolution; this layer
    does not.

    Args:
        filters: integer, output channels.
        kernel_size: integer, side of the kernel.
        **kwargs: other arguments of `keras.layers.Conv2D`, but no padding,
            data format, dilation or groups.
    """

    def __init__(
        self, filters: int, kernel_size: int = 3, **kwargs: Any
    ) -> None:
        super().__init__(
            filters,
            kernel_size,
            padding="same",
            data_format="channels_last",
            **kwargs,
        )

    def convolution_op(self, inputs: Tensor, kernel: Tensor) -> Tensor:
        """Return the convolution without bias and activation; for Keras."""
        if backend.convolve is None:
            return super().convolution_op(inputs, kernel)
        return backend.convolve(inputs, kernel, self.strides)
