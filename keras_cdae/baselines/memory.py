"""The memory of MemAE: codes rebuilt from what was normal."""

import math
from typing import Any

import keras
from keras import ops

from keras_cdae.serialization import register
from keras_cdae.types import Shape, Tensor

EPSILON = 1e-12


@register
class Memory(keras.layers.Layer):
    """Replace each code by a sparse mixture of stored ones.

    Addressing: `w = softmax(r M^T)`; hard shrinkage at `threshold`,
    `w' = max(w - threshold, 0) w / (|w - threshold| + eps)`, and l1
    normalisation; the output is `w' M`. Products instead of the paper's
    cosines, as in its authors' code: a softmax of cosines is nearly flat.

    Args:
        slots: how many codes are stored.
        threshold: of the shrinkage, times `1 / slots`; the paper advises 1 to
            3.
        **kwargs: arguments of `keras.layers.Layer`.

    Call arguments:
        codes: `(..., dim)`.

    Output shape:
        The mixtures, `(..., dim)`, and the entropy of their weights, `(...)`.

    Raises:
        ValueError: for an argument out of range.

    Example:
        >>> codes, entropy = Memory(10)(np.ones((2, 4, 4, 8), "float32"))
        >>> tuple(codes.shape), tuple(entropy.shape)
        ((2, 4, 4, 8), (2, 4, 4))
    """

    def __init__(
        self, slots: int = 100, threshold: float = 1.0, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        if slots < 1:
            raise ValueError(
                f"slots must be a positive integer. Received: slots={slots!r}"
            )
        if threshold < 0:
            raise ValueError(
                "threshold must not be negative. "
                f"Received: threshold={threshold!r}"
            )
        self.slots = slots
        self.threshold = threshold

    def build(self, input_shape: Shape) -> None:
        """Create the memory, `(slots, dim)`."""
        self.items = self.add_weight(
            name="items",
            shape=(self.slots, input_shape[-1]),
            initializer="glorot_uniform",
            dtype="float32",
            autocast=False,
        )

    def call(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mixtures and the entropy of their weights."""
        items = ops.convert_to_tensor(self.items)
        products = ops.matmul(ops.cast(codes, "float32"), ops.transpose(items))
        weights = ops.softmax(products, axis=-1)  # ..., slots
        above = weights - self.threshold / self.slots
        weights = ops.relu(above) * weights / (ops.abs(above) + EPSILON)
        total = ops.sum(weights, axis=-1, keepdims=True)
        weights = weights / (total + EPSILON)
        logs = ops.log(weights + EPSILON)
        entropy = -ops.sum(weights * logs, axis=-1)
        return ops.cast(ops.matmul(weights, items), codes.dtype), entropy

    def compute_output_shape(self, input_shape: Shape) -> tuple[Shape, Shape]:
        """Return the shapes of the mixtures and of the entropy."""
        return input_shape, input_shape[:-1]

    def multiply_accumulates(self, input_shape: Shape) -> int:
        """Return the multiply-accumulates: addressing and mixing.

        Args:
            input_shape: of the codes.
        """
        return 2 * self.slots * math.prod(input_shape)  # type: ignore[arg-type]

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "slots": self.slots,
            "threshold": self.threshold,
        }
