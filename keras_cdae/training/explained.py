"""The share of a target that a reconstruction explains."""

import keras
from keras import ops

from keras_cdae.types import Tensor


class ExplainedShare(keras.metrics.Metric):
    """`1 - mean(error ** 2) / mean(target ** 2)`, over an epoch.

    1 is a perfect reconstruction, 0 that of a decoder which always says zero.
    A motion decoder that died scores like the plain frame difference, and only
    this number tells.

    Args:
        name: name of the metric.
        **kwargs: arguments of `keras.metrics.Metric`.
    """

    def __init__(self, name: str = "explained", **kwargs: object) -> None:
        super().__init__(name=name, **kwargs)
        self.error = self.add_variable((), "zeros", name="error")
        self.power = self.add_variable((), "zeros", name="power")

    def update_state(self, error: Tensor, power: Tensor) -> None:
        """Add a batch's mean squared error and mean squared target."""
        self.error.assign_add(ops.cast(error, self.dtype))
        self.power.assign_add(ops.cast(power, self.dtype))

    def result(self) -> Tensor:
        """Return the share, at most 1; 0 for a target that is all zero."""
        power = ops.maximum(self.power, 1e-12)
        return ops.where(self.power > 0, 1.0 - self.error / power, 0.0)
