"""Reconstruction losses (Eq. 3 and 6)."""

from keras import ops

from keras_cdae.types import Tensor

LOSSES = ("mse", "l2")


def reconstruction_loss(
    target: Tensor, output: Tensor, kind: str = "mse"
) -> Tensor:
    """Return the reconstruction loss of a batch, a scalar in float32.

    Args:
        target: `(batch, ...)`, values in [0, 1] or differences of them.
        output: the same shape.
        kind: `"mse"`, the mean squared error, or `"l2"`, the l2 norm of each
            sample's error, averaged over the batch (Eq. 3 to the letter).
    """
    error = ops.cast(target, "float32") - ops.cast(output, "float32")
    if kind == "mse":
        return ops.mean(ops.square(error))
    axes = tuple(range(1, len(error.shape)))
    squares = ops.sum(ops.square(error), axis=axes)
    return ops.mean(ops.sqrt(ops.maximum(squares, 1e-12)))


def gradient_loss(target: Tensor, output: Tensor) -> Tensor:
    """Return the mean absolute difference of spatial gradients, a scalar.

    Args:
        target: `(..., height, width, channels)`.
        output: the same shape.
    """
    total = 0.0
    error = ops.cast(target, "float32") - ops.cast(output, "float32")
    # The gradient is linear: the gradient of the error is what differs.
    total += ops.mean(ops.abs(error[..., 1:, :, :] - error[..., :-1, :, :]))
    total += ops.mean(ops.abs(error[..., :, 1:, :] - error[..., :, :-1, :]))
    return total
