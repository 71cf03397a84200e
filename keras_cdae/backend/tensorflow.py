"""One training step under tensorflow."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import keras
import tensorflow as tf

from keras_cdae.types import Mixin, Tensor

convolve = None  # Keras's own takes features as they lie
# On a GPU it rounds as tf.config's enable_tensor_float_32_execution says.
precise_matmul = keras.ops.matmul


class AlternatingStep(Mixin):
    """Mixin: update the active blocks of weights one after the other."""

    def train_step(self, data: Any) -> dict[str, Tensor]:
        """Update every active block on one batch; return the metrics."""
        clips, target = self.unpack(data)
        logs: dict[str, Tensor] = {}
        for block in self.active_blocks():
            variables = self.block_variables(block)
            values = [variable.value for variable in variables]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                losses = self.block_losses(block, clips, target)
                loss = self.optimizer.scale_loss(losses["loss"])
                loss = loss_share(self, loss)
            gradients = tape.gradient(loss, values)
            self.optimizer.apply(
                self.spread(block, gradients), self.trainable_variables
            )
            logs = {**losses, **logs}
        self.update_metrics(logs)
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Return the metrics of one batch."""
        self.add_validation(data)
        return self.get_metrics_result()

    def mean_over_devices(self, value: Tensor) -> Tensor:
        """Return the mean of what each device has, inside a step."""
        if replica_count(self) == 1 or tf.distribute.in_cross_replica_context():
            return value
        context = tf.distribute.get_replica_context()
        return context.all_reduce(tf.distribute.ReduceOp.MEAN, value)


def compile_forward(
    model: Any, function: Callable[[Tensor], Any]
) -> Callable[[Tensor], Any]:
    """Return `function` as a graph; it reads the weights at each call."""
    del model  # tensorflow's graphs read variables by reference
    return tf.function(function, autograph=False, reduce_retracing=True)


def device_names() -> list[str]:
    """Return the GPUs, or the CPUs where there is none."""
    found = tf.config.list_logical_devices("GPU")
    found = found or tf.config.list_logical_devices("CPU")
    return [device.name.removeprefix("/device:") for device in found]


def replicate(names: Sequence[str]) -> contextlib.AbstractContextManager[Any]:
    """Return a scope in which models are made for all these devices."""
    return _strategy(tuple(names)).scope()


@functools.cache
def _strategy(names: tuple[str, ...]) -> tf.distribute.MirroredStrategy:
    """Return the one strategy of these devices.

    Every strategy numbers its reductions from the same start, and tensorflow
    takes those of a second one for repetitions of the first one's: it stops
    with "Shape mismatch in the collective instance".
    """
    return tf.distribute.MirroredStrategy(list(names))


def replica_count(model: Any) -> int:
    """Return among how many devices `fit` of the model divides a batch."""
    return model.distribute_strategy.num_replicas_in_sync


def loss_share(model: Any, loss: Tensor) -> Tensor:
    """Return what one device adds: the optimizer sums over all of them."""
    return loss / tf.cast(replica_count(model), loss.dtype)
