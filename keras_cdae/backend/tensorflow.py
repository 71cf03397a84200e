"""One training step under tensorflow."""

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from keras_cdae.types import Mixin, Tensor


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
            gradients = tape.gradient(loss, values)
            self.optimizer.apply(
                self.spread(block, gradients), self.trainable_variables
            )
            logs = {**losses, **logs}
        self.update_metrics(logs)
        return self.get_metrics_result()

    def test_step(self, data: Any) -> dict[str, Tensor]:
        """Return the metrics of one batch."""
        self.update_metrics(self.all_losses(self.unpack(data)[0]))
        return self.get_metrics_result()


def compile_forward(
    model: Any, function: Callable[[Tensor], Any]
) -> Callable[[Tensor], Any]:
    """Return `function` as a graph; it reads the weights at each call."""
    del model  # tensorflow's graphs read variables by reference
    return tf.function(function, autograph=False, reduce_retracing=True)
