"""One training step under torch."""

import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import torch
from keras import ops
from torch.nn import functional

from keras_cdae.types import Mixin, Tensor

precise_matmul = ops.matmul  # torch rounds no product if not told to


class AlternatingStep(Mixin):
    """Mixin: update the active blocks of weights one after the other."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Update every active block on one batch; return the metrics."""
        clips, target = self.unpack(data)
        logs: dict[str, Tensor] = {}
        for block in self.active_blocks():
            values = [v.value for v in self.block_variables(block)]
            losses = self.block_losses(block, clips, target)
            loss = self.optimizer.scale_loss(losses["loss"])
            # Not backward(): that would also fill .grad of the frozen block.
            gradients = torch.autograd.grad(loss, values)
            with torch.no_grad():
                self.optimizer.apply(
                    self.spread(block, list(gradients)),
                    self.trainable_variables,
                )
            detached = {k: v.detach() for k, v in losses.items()}
            logs = {**detached, **logs}
        self.update_metrics(logs)
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Return the metrics of one batch."""
        self.add_validation(data)
        return self.get_metrics_result()

    def mean_over_devices(self, value: Tensor) -> Tensor:
        """Return the value: there is one device."""
        return value


def compile_forward(
    model: Any, function: Callable[[Tensor], Any]
) -> Callable[[Tensor], Any]:
    """Return `function` without gradient bookkeeping, run eagerly."""
    del model  # eager: the weights are read at each call

    def run(x: Tensor) -> Any:
        with torch.no_grad():
            return function(ops.convert_to_tensor(x))

    return run


def convolve(
    inputs: Tensor, kernel: Tensor, strides: tuple[int, int]
) -> Tensor:
    """Return the convolution, `"same"`, without a copy of the features.

    `keras.ops.conv` lays them out channels first and then channels last again.
    A permuted view of channels-last features already is what torch calls
    `torch.channels_last`, and what its kernels like best.

    Args:
        inputs: `(batch, height, width, channels)`.
        kernel: `(height, width, channels, filters)`.
        strides: along height and width.
    """
    features = torch.permute(inputs, (0, 3, 1, 2))
    kernel = torch.permute(kernel, (3, 2, 0, 1))
    # Of one filter, torch has no gradient in that layout.
    layout = torch.channels_last if len(kernel) > 1 else torch.contiguous_format
    kernel = kernel.contiguous(memory_format=layout)
    before, after = zip(
        *map(_padding, features.shape[2:], kernel.shape[2:], strides),
        strict=True,
    )
    padding = list(before)
    if before != after:
        (top, left), (bottom, right) = before, after
        features = functional.pad(features, (left, right, top, bottom))
        padding = [0, 0]
    outputs = functional.conv2d(features, kernel, None, strides, padding)
    return torch.permute(outputs, (0, 2, 3, 1))


def _padding(size: int, kernel: int, stride: int) -> tuple[int, int]:
    """Return how many zeros `"same"` puts before and after one axis."""
    outputs = -(-size // stride)
    zeros = max((outputs - 1) * stride + kernel - size, 0)
    return zeros // 2, zeros - zeros // 2


def device_names() -> list[str]:
    """Return the GPUs, or the CPU where there is none."""
    count = torch.cuda.device_count()
    return [f"cuda:{index}" for index in range(count)] or ["cpu"]


def replicate(names: Sequence[str]) -> contextlib.AbstractContextManager[Any]:
    """Raise an error: `fit` of Keras knows one device under torch."""
    raise NotImplementedError(f"Keras cannot train on {names} under torch.")


def replica_count(model: Any) -> int:
    """Return 1."""
    del model
    return 1


def loss_share(model: Any, loss: Tensor) -> Tensor:
    """Return the loss: there is one device."""
    del model
    return loss
