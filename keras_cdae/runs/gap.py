"""The generalisation gap: what a training knows of its own videos alone."""

import logging
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_cdae.data.augmentation import SwitchedAugmentation
from keras_cdae.runs.history import read_history

logger = logging.getLogger(__name__)

LARGE = 2.0
AUGMENTED = "augmented"  # a column of history.csv: 1 where clips were changed
EPOCHS = 3  # the last ones: a single epoch is noisy
# Of held-out and of training clips. The appearance first: frames that were
# learnt by heart are told from others by it.
PAIRS = (
    ("val_appearance_loss", "appearance_loss"),
    ("val_loss", "loss"),
)


def generalization_gap(history: Path) -> float | None:
    """Return how much worse held-out frames are reconstructed.

    Args:
        history: a run's `history.csv`.

    Returns:
        The loss of held-out video over that of the training clips, means over
        the last epochs: about 1 where the training knows nothing of its own
        videos that does not hold elsewhere. The training clips count as they
        were trained on, pseudo-anomalies and augmentation included. None
        where no loss tells.
    """
    return _gap(read_history(history))


def _gap(rows: Sequence[Mapping[str, float]]) -> float | None:
    rows = rows[-EPOCHS:]
    for held_out, training in PAIRS:
        if not rows or not {held_out, training} <= set(rows[0]):
            continue
        unseen, seen = (
            statistics.fmean(row[name] for row in rows)
            for name in (held_out, training)
        )
        if seen > 0 and not math.isnan(unseen):
            return unseen / seen
    return None


def _augmented(rows: Sequence[Mapping[str, float]]) -> bool:
    return any(row.get(AUGMENTED) == 1 for row in rows)


class AugmentOnGap(keras.callbacks.Callback):
    """Turn augmentation on where a training comes to know its videos by heart.

    After a third of the epochs the generalisation gap is looked at, once. Where
    it is large, clips are changed from then on, else never. Only training
    video and held-out normal video have a part in that. Logs `augmented`, 0 or
    1, of each epoch; it must stand before the callbacks that shall see it.

    Args:
        augmentation: of the training's clips.
        history: `history.csv` of the run, for what came before an interruption.
        epochs: of the training.
    """

    def __init__(
        self, augmentation: SwitchedAugmentation, history: Path, epochs: int
    ) -> None:
        super().__init__()
        self.augmentation = augmentation
        self.history = history
        self.after = max(1, epochs // 3)
        self.epochs = epochs
        self.rows: list[Mapping[str, float]] = []

    def on_train_begin(self, logs: Any = None) -> None:
        """Decide as before, if the training goes on after the third."""
        self.rows = list(read_history(self.history))
        self.augmentation.on = _augmented(self.rows)
        if len(self.rows) >= self.after:
            self._decide()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Log how the clips were shown; decide at the end of the third."""
        if logs is None:
            return
        logs[AUGMENTED] = float(self.augmentation.on)
        self.rows.append(dict(logs))
        if epoch + 1 == self.after < self.epochs:
            self._decide()

    def _decide(self) -> None:
        gap = _gap(self.rows[: self.after])
        if gap is None:
            return
        self.augmentation.on = gap > LARGE
        if self.augmentation.on:
            logger.warning(
                "After %d of %d epochs held-out video is reconstructed %.1f "
                "times worse than the training clips: these are changed from "
                "here on (%s).",
                self.after,
                self.epochs,
                gap,
                ", ".join(self.augmentation.kinds),
            )
        else:
            logger.info(
                "After %d of %d epochs held-out video is reconstructed %.1f "
                "times as badly as the training clips: these stay as they are.",
                self.after,
                self.epochs,
                gap,
            )


def warn_of_gap(history: Path, *, can_augment: bool = True) -> None:
    """Warn of a training that knows its own videos by heart.

    Args:
        history: a run's `history.csv`.
        can_augment: whether augmentation is still to be tried, unless the
            history says that it was.
    """
    gap = generalization_gap(history)
    can_augment = can_augment and not _augmented(read_history(history))
    if gap is not None and gap > LARGE:
        logger.warning(
            "Held-out video is reconstructed %.1f times worse than the "
            "training clips: these are known by heart, and what is normal "
            "elsewhere is not. Give more normal video (other hours, other "
            "days), %sor train for fewer epochs.",
            gap,
            "change the clips (--augment), " if can_augment else "",
        )
