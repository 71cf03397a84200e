"""One training step under jax: a pure function of the model's state."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any

import jax
import keras
from jax import numpy as jnp

from keras_cdae.types import Mixin, Tensor

convolve = None  # Keras's own takes features as they lie
# On a GPU jax rounds the factors of a float32 product to 11 bits if not told.
precise_matmul = functools.partial(jnp.matmul, precision="highest")


class AlternatingStep(Mixin):
    """Mixin: update the active blocks of weights one after the other."""

    def make_train_function(self, force: bool = False) -> None:
        """Compile the step of the current stage."""
        # jax.jit finds earlier traces by the equality of functions, and two
        # bound methods of one object are equal: without a new object here,
        # the second stage would run the trace of the first.
        step = functools.partial(type(self).train_step, self)
        self.train_step = step  # type: ignore[method-assign]
        super().make_train_function(force)

    def train_step(
        self, state: tuple[Any, ...], data: Any
    ) -> tuple[dict[str, Tensor], tuple[Any, ...]]:
        """Update every active block on one batch; return metrics and state."""
        trainable, fixed, optimizer, metrics = state
        clips, target = self.unpack(data)
        logs: dict[str, Tensor] = {}
        for block in self.active_blocks():
            gradients, losses = self._gradients(
                block, clips, target, trainable, fixed, optimizer
            )
            trainable, optimizer = self.optimizer.stateless_apply(
                optimizer, self.spread(block, gradients), trainable
            )
            logs = {**losses, **logs}
        result, metrics = self._stateless_metrics(logs, metrics)
        return result, (trainable, fixed, optimizer, metrics)

    def test_step(
        self, state: tuple[Any, ...], data: Any
    ) -> tuple[dict[str, Tensor], tuple[Any, ...]]:
        """Return the metrics of one batch, and the state."""
        trainable, fixed, metrics = state
        with _scope(
            (self.trainable_variables, trainable),
            (self.non_trainable_variables, fixed),
            (self.metrics_variables, metrics),
        ) as scope:
            self.add_validation(data)
            result = self.get_metrics_result()
        values = [scope.get_current_value(v) for v in self.metrics_variables]
        return result, (trainable, fixed, values)

    def mean_over_devices(self, value: Tensor) -> Tensor:
        """Return the value: a step sees the batch of all devices."""
        return value

    def _gradients(
        self,
        block: str,
        clips: Tensor,
        target: Tensor | None,
        trainable: Sequence[Tensor],
        fixed: Sequence[Tensor],
        optimizer: Sequence[Tensor],
    ) -> tuple[list[Tensor], dict[str, Tensor]]:
        variables = self.block_variables(block)
        places = {id(v): i for i, v in enumerate(self.trainable_variables)}
        active = [trainable[places[id(v)]] for v in variables]

        def loss_of(values: list[Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
            with _scope(
                (self.trainable_variables, trainable),
                (variables, values),  # after, and so instead of, the above
                (self.non_trainable_variables, fixed),
                (self.optimizer.variables, optimizer),
            ):
                losses = self.block_losses(block, clips, target)
                return self.optimizer.scale_loss(losses["loss"]), losses

        (_, losses), gradients = jax.value_and_grad(loss_of, has_aux=True)(
            active
        )
        return gradients, losses

    def _stateless_metrics(
        self, logs: dict[str, Tensor], metrics: Sequence[Tensor]
    ) -> tuple[dict[str, Tensor], list[Tensor]]:
        with _scope((self.metrics_variables, metrics)) as scope:
            self.update_metrics(logs)
            result = self.get_metrics_result()
        values = [scope.get_current_value(v) for v in self.metrics_variables]
        return result, values


def compile_forward(
    model: Any, function: Callable[[Tensor], Any]
) -> Callable[[Tensor], Any]:
    """Return `function` jitted; it reads the weights at each call.

    Scores shall not depend on the device, so nothing is rounded on a GPU.
    """

    @jax.jit
    def run(values: list[Tensor], x: Tensor) -> Any:
        with (
            _scope((model.weights, values)),
            jax.default_matmul_precision("highest"),
        ):
            return function(x)

    return lambda x: run([v.value for v in model.weights], x)


def device_names() -> list[str]:
    """Return the accelerators, or the CPUs where there is none."""
    return keras.distribution.list_devices()


def replicate(names: Sequence[str]) -> contextlib.AbstractContextManager[Any]:
    """Return a scope in which models are made for all these devices."""
    return keras.distribution.DataParallel(devices=list(names)).scope()


def replica_count(model: Any) -> int:
    """Return among how many devices `fit` divides a batch."""
    del model  # jax's distribution is a global setting of Keras
    distribution = keras.distribution.distribution()
    if not isinstance(distribution, keras.distribution.DataParallel):
        return 1
    return distribution.device_mesh.devices.size


def loss_share(model: Any, loss: Tensor) -> Tensor:
    """Return the loss: a step sees the batch of all devices."""
    del model
    return loss


def _scope(
    *states: tuple[Sequence[keras.Variable], Sequence[Tensor]],
) -> keras.StatelessScope:
    """Return a scope in which the variables have these values."""
    mapping = [
        pair
        for variables, values in states
        for pair in zip(variables, values, strict=True)
    ]
    return keras.StatelessScope(state_mapping=mapping)
