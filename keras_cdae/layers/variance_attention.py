"""The variance attention module (section 3.3 of the paper)."""

from collections.abc import Sequence
from typing import Any

import keras
from keras import ops

from keras_cdae.layers.convolution import Convolution
from keras_cdae.serialization import register
from keras_cdae.types import Shape, Tensor

DEVIATIONS = ("squared", "absolute")
LAST = "channels_last"


@register
class VarianceAttention(keras.layers.Layer):
    """Amplify the locations whose features vary most over channels.

    With `f = W * x`, a 1x1 convolution (Eq. 7):

    ```
    v(h, w)   = mean_d (f(h, w, d) - mean_d f(h, w, d)) ** 2         (Eq. 8)
    p(h, w)   = exp(v(h, w)) / sum_{h, w} exp(v(h, w))
    att(h, w) = p(h, w) / ||p||_2                                    (Eq. 9)
    y         = x * exp(att)
    ```

    The paper prints neither how Eq. 9's norm is meant nor how the map meets
    `x`. Here the softmax over all locations is divided by its l2 norm, and the
    map multiplies through `exp`, so that attention amplifies by 1 to e and
    never silences.

    Args:
        embedding_dim: integer, channels of `f`. None: as many as `x` has.
        pool_size: integer, side of the average pooling before Eq. 7, so that
            stages of different resolution can attend on one grid. The height
            and width of `x` must be multiples of it.
        deviation: `"squared"` for the variance, `"absolute"` for the mean
            absolute deviation, which is Eq. 8 to the letter (the norm of a
            scalar is its absolute value).
        border: integer, locations at each side, after pooling, whose variance
            is replaced by that of the locations inside, mirrored. Convolutions
            pad with zeros, so that features vary most at the edge of the
            picture, whatever is seen there: 2 keeps that out of Eq. 9.
        **kwargs: arguments of `keras.layers.Layer`, such as `name`.

    Call arguments:
        x: features, `(batch, height, width, channels)`.

    Input shape:
        `(batch, height, width, channels)`, channels last.

    Output shape:
        That of the input.

    Raises:
        ValueError: for an argument out of range, an input that is not 4D, or a
            height or width that is no multiple of `pool_size` or too small
            for `border`.

    Example:
        >>> import numpy as np
        >>> layer = VarianceAttention()
        >>> x = np.random.default_rng(0).random((2, 8, 8, 3), "float32")
        >>> tuple(layer(x).shape), tuple(layer.attention_map(x).shape)
        ((2, 8, 8, 3), (2, 8, 8, 1))

    Reference:
        Chang et al., Clustering Driven Deep Autoencoder for Video Anomaly
        Detection, ECCV 2020, section 3.3.
    """

    def __init__(
        self,
        embedding_dim: int | None = None,
        pool_size: int = 1,
        deviation: str = "squared",
        *,
        border: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if embedding_dim is not None and embedding_dim < 1:
            raise ValueError(
                "embedding_dim must be a positive integer or None. "
                f"Received: embedding_dim={embedding_dim!r}"
            )
        if pool_size < 1:
            raise ValueError(
                "pool_size must be a positive integer. "
                f"Received: pool_size={pool_size!r}"
            )
        if deviation not in DEVIATIONS:
            raise ValueError(
                f"deviation must be one of {DEVIATIONS}. "
                f"Received: deviation={deviation!r}"
            )
        if border < 0:
            raise ValueError(
                f"border must not be negative. Received: border={border!r}"
            )
        self.embedding_dim = embedding_dim
        self.pool_size = pool_size
        self.deviation = deviation
        self.border = border

    def build(self, input_shape: Shape) -> None:
        """Create the 1x1 convolution of Eq. 7."""
        if len(input_shape) != 4 or input_shape[-1] is None:
            raise ValueError(
                "VarianceAttention expects (batch, height, width, channels) "
                f"with known channels. Received: input_shape={input_shape!r}"
            )
        self._check_sides(input_shape)
        self.embedding = Convolution(
            self.embedding_dim or input_shape[-1],
            1,
            use_bias=False,
            dtype=self.dtype_policy,
            name="embedding",
        )
        self.embedding.build(input_shape)

    def attention_map(self, x: Tensor) -> Tensor:
        """Return `att` of Eq. 9 before any upsampling.

        Args:
            x: features, `(batch, height, width, channels)`.

        Returns:
            `(batch, height / pool_size, width / pool_size, 1)`, float32, not
            negative, with l2 norm 1 over locations.
        """
        if not self.built:
            self.build(tuple(x.shape))
        x = ops.convert_to_tensor(x, dtype=self.compute_dtype)
        if self.pool_size > 1:
            sides = (self.pool_size, self.pool_size)
            # jax wants the strides spelled out
            x = ops.average_pool(x, sides, sides, data_format=LAST)
        features = ops.cast(self.embedding(x), "float32")  # Eq. 7
        deviations = features - ops.mean(features, axis=-1, keepdims=True)
        if self.deviation == "squared":
            spread = ops.square(deviations)
        else:
            spread = ops.abs(deviations)
        variance = ops.mean(spread, axis=-1, keepdims=True)  # Eq. 8: B, h, w, 1
        variance = self._without_border(variance)
        peak = ops.max(variance, axis=(1, 2), keepdims=True)
        # The denominator of the softmax cancels in Eq. 9's normalisation.
        weight = ops.exp(variance - peak)
        norm = ops.sqrt(
            ops.sum(ops.square(weight), axis=(1, 2), keepdims=True)
        )  # at least 1: the peak weighs 1
        return weight / norm  # Eq. 9

    def call(self, x: Tensor) -> Tensor:
        """Return `x * exp(att)`."""
        x = ops.convert_to_tensor(x)
        self._check_sides(x.shape)  # `build` may not have known them
        if not keras.backend.is_float_dtype(x.dtype):
            x = ops.cast(x, self.compute_dtype)
        attention = self.attention_map(x)
        if self.pool_size > 1:
            attention = ops.repeat(attention, self.pool_size, axis=1)
            attention = ops.repeat(attention, self.pool_size, axis=2)
        return x * ops.cast(ops.exp(attention), x.dtype)

    def compute_output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of the input."""
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "embedding_dim": self.embedding_dim,
            "pool_size": self.pool_size,
            "deviation": self.deviation,
            "border": self.border,
        }

    def _check_sides(self, shape: Sequence[int | None]) -> None:
        for side in shape[1:3]:
            if side is not None and side % self.pool_size:
                raise ValueError(
                    "Height and width must be multiples of pool_size="
                    f"{self.pool_size}. Received: input_shape={tuple(shape)!r}"
                )
            if side is not None and side // self.pool_size < 3 * self.border:
                raise ValueError(
                    "Height and width must be at least three times border="
                    f"{self.border}, after pooling. "
                    f"Received: input_shape={tuple(shape)!r}"
                )

    def _without_border(self, variance: Tensor) -> Tensor:
        """Return (B, h, w, 1), its rim a mirror of what is inside of it."""
        rim = self.border
        if not rim:
            return variance
        # Not `ops.pad(mode="symmetric")`: under torch, Keras repeats the edge.
        variance = variance[:, rim:-rim, rim:-rim]
        above = ops.flip(variance[:, :rim], axis=1)
        below = ops.flip(variance[:, -rim:], axis=1)
        variance = ops.concatenate([above, variance, below], axis=1)
        left = ops.flip(variance[:, :, :rim], axis=2)
        right = ops.flip(variance[:, :, -rim:], axis=2)
        return ops.concatenate([left, variance, right], axis=2)
