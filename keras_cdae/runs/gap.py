"""The generalisation gap: what a training knows of its own videos alone."""

import csv
import logging
import statistics
from pathlib import Path

logger = logging.getLogger(__name__)

LARGE = 2.0
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
    if not history.is_file():
        return None
    with history.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))[-EPOCHS:]
    for held_out, training in PAIRS:
        if not rows or not {held_out, training} <= set(rows[0]):
            continue
        unseen, seen = (
            statistics.fmean(float(row[name]) for row in rows)
            for name in (held_out, training)
        )
        if seen > 0:
            return unseen / seen
    return None


def warn_of_gap(history: Path, *, can_augment: bool = True) -> None:
    """Warn of a training that knows its own videos by heart.

    Args:
        history: a run's `history.csv`.
        can_augment: whether augmentation is still to be tried.
    """
    gap = generalization_gap(history)
    if gap is not None and gap > LARGE:
        logger.warning(
            "Held-out video is reconstructed %.1f times worse than the "
            "training clips: these are known by heart, and what is normal "
            "elsewhere is not. Give more normal video (other hours, other "
            "days), %sor train for fewer epochs.",
            gap,
            "change the clips (--augment), " if can_augment else "",
        )
