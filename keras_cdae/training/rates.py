"""Learning rates that a schedule lowers and a new `fit` begins with again."""

import logging
from collections.abc import Sequence
from typing import Any

import keras

from keras_cdae.training.optimizer import BlockOptimizer

logger = logging.getLogger(__name__)


class LearningRates:
    """The learning rates of both blocks, and who changed them.

    What the stages of a `fit` or its callbacks changed is undone by `restart`;
    what was set between two of them is the user's, and stays. A
    `LearningRateSchedule` is the user's, too: nothing here touches it.

    Args:
        optimizer: of both blocks.
        base: what a fit begins with, where that is not what they are now.

    Attributes:
        base: a rate a block; None for one with a schedule of its own.
    """

    def __init__(
        self,
        optimizer: BlockOptimizer,
        base: Sequence[float | None] | None = None,
    ) -> None:
        self.blocks = tuple(optimizer.of_blocks)
        self.autoencoders = optimizer.autoencoders
        self._seen = self._now()
        self.base = self._seen if base is None else tuple(base)

    def remember(self) -> None:
        """Take what they are now for the doing of the fit that goes on."""
        self._seen = self._now()

    def restart(self) -> None:
        """Begin a fit: with what the user set since the last, or as before."""
        now = self._now()
        pairs = zip(now, self._seen, self.base, strict=True)
        self.base = tuple(
            base if rate == seen else rate for rate, seen, base in pairs
        )
        for block, rate in zip(self.blocks, self.base, strict=True):
            if rate is not None:
                block.learning_rate = rate
        self.remember()

    def scale(self, factor: float) -> None:
        """Multiply that of the autoencoders.

        Args:
            factor: positive.
        """
        rate = _rate(self.autoencoders)
        if factor == 1:
            return
        if rate is None:
            logger.info(
                "The optimizer has a schedule of its own: its learning rate "
                "is not multiplied by %g.",
                factor,
            )
            return
        self.autoencoders.learning_rate = factor * rate
        self.remember()

    def _now(self) -> tuple[float | None, ...]:
        return tuple(map(_rate, self.blocks))


def _rate(optimizer: Any) -> float | None:
    """Return an optimizer's learning rate; None if it follows a schedule."""
    # `learning_rate` of an optimizer with a schedule is that of this step.
    if not isinstance(optimizer._learning_rate, keras.Variable):
        return None
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
