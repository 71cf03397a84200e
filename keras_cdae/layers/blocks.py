"""Residual blocks of the encoders and decoders."""

from typing import Any

import keras
from keras import ops

from keras_cdae.layers.convolution import Convolution
from keras_cdae.serialization import register
from keras_cdae.types import Shape, Tensor

SLOPE = 0.2  # of every LeakyReLU


def convolution(
    filters: int,
    name: str,
    dtype: Any,
    strides: int = 1,
    gain: float = 2.0,
) -> Convolution:
    """Return a 3x3 convolution without bias, channels last.

    Args:
        filters: integer, output channels.
        name: name of the layer.
        dtype: dtype policy of the owner.
        strides: integer, 1 or 2.
        gain: the variance of the initial kernel, times the fan-in: 2 keeps
            that of the features behind a ReLU (He), 1 is for each of two
            paths that are added.

    Returns:
        The layer, unbuilt.
    """
    return Convolution(
        filters,
        strides=strides,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(gain),
        dtype=dtype,
        name=name,
    )


class ResidualBlock(keras.layers.Layer):
    """Two 3x3 convolutions beside a projection, LeakyReLU after the sum.

    Args:
        filters: integer, output channels.
        **kwargs: arguments of `keras.layers.Layer`.
    """

    strides = 1

    def __init__(self, filters: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        if filters < 1:
            raise ValueError(
                "filters must be a positive integer. "
                f"Received: filters={filters!r}"
            )
        self.filters = filters
        policy = self.dtype_policy
        self.first = convolution(filters, "first", policy, self.strides)
        self.second = convolution(filters, "second", policy, gain=1.0)
        self.projection = convolution(
            filters, "projection", policy, self.strides, gain=1.0
        )

    def residual(self, x: Tensor) -> Tensor:
        """Return the block's output for features already at their size."""
        y = self.second(ops.leaky_relu(self.first(x), SLOPE))
        return ops.leaky_relu(y + self.projection(x), SLOPE)

    def build_convolutions(self, input_shape: Shape) -> None:
        """Build the three convolutions for features of `input_shape`."""
        self.first.build(input_shape)
        self.second.build(self.first.compute_output_shape(input_shape))
        self.projection.build(input_shape)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {**super().get_config(), "filters": self.filters}


@register
class DownBlock(ResidualBlock):
    """Residual block at stride 2: the encoder's stage.

    3x3 convolution at stride 2, LeakyReLU, 3x3 convolution, plus a 3x3
    projection at stride 2, LeakyReLU. No bias, no normalisation.

    Args:
        filters: integer, output channels.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: features, `(batch, height, width, channels)`.

    Output shape:
        `(batch, height / 2, width / 2, filters)`, rounded up.

    Example:
        >>> import numpy as np
        >>> tuple(DownBlock(6)(np.zeros((1, 8, 8, 3), "float32")).shape)
        (1, 4, 4, 6)
    """

    strides = 2

    def build(self, input_shape: Shape) -> None:
        """Create the three convolutions."""
        self.build_convolutions(input_shape)

    def call(self, x: Tensor) -> Tensor:
        """Return the features at half the resolution."""
        return self.residual(x)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape at half the resolution."""
        return self.first.compute_output_shape(input_shape)


@register
class UpBlock(ResidualBlock):
    """Depth-to-space by 2, then a residual block: the decoder's stage.

    Depth-to-space (pixel shuffle) trades four channels for one at twice the
    resolution; 3x3 convolutions stand in the main and in the residual path.

    Args:
        filters: integer, output channels.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: features, `(batch, height, width, channels)`; channels must be a
            multiple of 4.
        skip: optional features of the encoder at twice the resolution, put
            beside those of `x` on the channel axis.

    Output shape:
        `(batch, 2 * height, 2 * width, filters)`.

    Raises:
        ValueError: if the channels are no multiple of 4.

    Example:
        >>> import numpy as np
        >>> tuple(UpBlock(6)(np.zeros((1, 4, 4, 8), "float32")).shape)
        (1, 8, 8, 6)
    """

    def build(self, x_shape: Shape, skip_shape: Shape | None = None) -> None:
        """Create the three convolutions."""
        channels = x_shape[-1]
        if channels is None or channels % 4:
            raise ValueError(
                "UpBlock needs a multiple of 4 channels. "
                f"Received: x_shape={x_shape!r}"
            )
        depth = channels // 4
        if skip_shape is not None:
            depth += skip_shape[-1]  # type: ignore[operator]
        self.build_convolutions((x_shape[0], None, None, depth))

    def call(self, x: Tensor, skip: Tensor | None = None) -> Tensor:
        """Return the features at twice the resolution."""
        x = ops.depth_to_space(x, 2, data_format="channels_last")
        if skip is not None:
            x = ops.concatenate([x, skip], axis=-1)
        return self.residual(x)

    def compute_output_shape(
        self, x_shape: Shape, skip_shape: Shape | None = None
    ) -> Shape:
        """Return the shape at twice the resolution."""
        batch, height, width, _ = x_shape
        return (
            batch,
            None if height is None else 2 * height,
            None if width is None else 2 * width,
            self.filters,
        )
