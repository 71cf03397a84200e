"""One optimizer that owns both blocks of weights and can rest either."""

import re
from collections.abc import Sequence
from typing import Any

import keras

from keras_cdae.serialization import register
from keras_cdae.types import Tensor

OF_A_BACKEND = re.compile(r"keras\.\w+\.backend\.\w+\.optimizers\.")
CENTROIDS_PATTERN = r"(.*/)?centroids"


@register
class BlockOptimizer(keras.optimizers.MultiOptimizer):
    """Two optimizers, one for the autoencoders and one for the centroids.

    A block whose gradients are all None is left exactly as it is, moments and
    step count included; Keras's own `MultiOptimizer` raises there. One object
    owns both because Keras carries one optimizer through a compiled step.

    `learning_rate` is that of the autoencoders, and callbacks such as
    `ReduceLROnPlateau` see and move no other; the centroids' is
    `centroids.learning_rate`. Both are in `of_blocks`: what is called
    `optimizers`, callbacks would go through.

    Args:
        optimizer_map: a `keras.optimizers.OptimizerMap`; see `for_blocks`.
        **kwargs: arguments of `keras.optimizers.MultiOptimizer`.

    Example:
        >>> import keras
        >>> optimizer = BlockOptimizer.for_blocks(
        ...     keras.optimizers.Adam(1e-4), keras.optimizers.Adam(1e-5)
        ... )
        >>> round(float(optimizer.learning_rate), 6)
        0.0001
    """

    @classmethod
    def for_blocks(
        cls,
        autoencoders: keras.optimizers.Optimizer,
        centroids: keras.optimizers.Optimizer,
    ) -> "BlockOptimizer":
        """Return the optimizer that runs these two, one a block."""
        return cls(
            keras.optimizers.OptimizerMap(
                autoencoders, {CENTROIDS_PATTERN: centroids}
            )
        )

    @property
    def of_blocks(self) -> list[keras.optimizers.Optimizer]:
        """The optimizers of the centroids and of both autoencoders."""
        # By its name Keras comes to it last; files have them as the two below.
        inner: list[keras.optimizers.Optimizer] = self._inner_optimizers
        return inner

    @property
    def optimizers(self) -> Any:
        """Nothing: Keras's callbacks would move what they find here."""
        raise AttributeError(
            "BlockOptimizer has no optimizers: take autoencoders, centroids or "
            "of_blocks."
        )

    @property
    def inner_optimizer(self) -> keras.optimizers.Optimizer:
        """What `SwapEMAWeights` swaps: the optimizer of the autoencoders."""
        return self.autoencoders

    @property
    def centroids(self) -> keras.optimizers.Optimizer:
        """The optimizer of the centroids."""
        return self.of_blocks[0]

    @property
    def autoencoders(self) -> keras.optimizers.Optimizer:
        """The optimizer of both autoencoders."""
        return self.of_blocks[1]

    @property
    def learning_rate(self) -> Any:
        """Learning rate of the autoencoders."""
        return self.autoencoders.learning_rate

    @learning_rate.setter
    def learning_rate(self, value: Any) -> None:
        self.autoencoders.learning_rate = value

    def apply(
        self,
        grads: Sequence[Tensor | None],
        trainable_variables: Sequence[keras.Variable] | None = None,
    ) -> None:
        """Update the blocks that have gradients.

        Args:
            grads: one gradient a variable, None for every one of a block that
                is frozen.
            trainable_variables: all trainable variables of the model; None
                once the optimizer is built on them.
        """
        variables = trainable_variables
        if variables is None:
            variables = self._trainable_variables
        if not self.built:
            self.build(variables)
        blocks: list[list[Any]] = [[] for _ in self.of_blocks]
        for gradient, variable in zip(grads, variables, strict=True):
            block = self._var_to_optimizer_idx[self._var_key(variable)]
            blocks[block].append((gradient, variable))
        for optimizer, block in zip(self.of_blocks, blocks, strict=True):
            if any(gradient is not None for gradient, _ in block):
                optimizer.apply(*map(list, zip(*block, strict=True)))
        self._iterations.assign_add(1)


def portable(config: Any) -> Any:
    """Return the configuration of optimizers as every backend can read it.

    Keras writes the class of the backend that trained, torch's own Adam for
    one, which another backend cannot use.

    Args:
        config: from `keras.saving.serialize_keras_object`.
    """
    if isinstance(config, (list, tuple)):
        return [portable(item) for item in config]
    if not isinstance(config, dict):
        return config
    found = {key: portable(value) for key, value in config.items()}
    module = found.get("module")
    if isinstance(module, str) and OF_A_BACKEND.match(module):
        found["module"] = "keras.optimizers"
    return found
