"""Whether centroids stay in use and apart, epoch by epoch."""

import logging
from typing import Any

import keras
import numpy as np

from keras_cdae.data.clips import Clips
from keras_cdae.scoring.occupancy import (
    BRANCHES,
    Occupancy,
    centroid_occupancy,
)

logger = logging.getLogger(__name__)

SAMPLE = 32  # clips


class CentroidLog(keras.callbacks.Callback):
    """Add the use of both sets of centroids to the logs of each epoch.

    For each branch (`appearance`, `motion`), on a fixed sample of normal
    clips: `..._used`, the centroids that are nearest to at least one code;
    `..._effective`, as many equally used ones would have the same entropy;
    `..._distinctness`, the distance of the two closest centroids. NaN before
    k-means. It must stand before the callbacks that shall see them. At the
    end of training it warns where centroids in use have met.

    Args:
        clips: uint8 (count, T, height, width, channels).

    Attributes:
        latest: the `Occupancy` of each branch; empty before k-means.
    """

    def __init__(self, clips: np.ndarray) -> None:
        super().__init__()
        self.clips = clips
        self.latest: dict[str, Occupancy] = {}

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Count, and add to the logs."""
        if self.model.clusters_ready:
            self.latest = centroid_occupancy(self.model, [self.clips])
        if logs is None:
            return
        for name in BRANCHES:
            found = self.latest.get(name)
            values = (
                (float("nan"),) * 3
                if found is None
                else (found.used, found.effective, found.distinctness.min())
            )
            for key, value in zip(
                ("used", "effective", "distinctness"), values, strict=True
            ):
                logs[f"{name}_{key}"] = float(value)

    def on_train_end(self, logs: Any = None) -> None:
        """Warn of centroids in use that lie in one spot."""
        for name, found in self.latest.items():
            if found.met:
                logger.warning(
                    "%d of the %d %s centroids in use lie where another one "
                    "does: they met in training, and divide the codes between "
                    "them no longer. Try a sharper assignment "
                    "(--set alpha=%g).",
                    found.met,
                    found.used,
                    name,
                    4 * self.model.alpha,
                )


def sample_clips(clips: Clips, count: int = SAMPLE) -> np.ndarray:
    """Return clips that are spread evenly over all, in order.

    Args:
        clips: of held-out normal video.
        count: the most to take.

    Returns:
        uint8 (up to count, T, height, width, channels).
    """
    places = np.linspace(0, len(clips) - 1, min(count, len(clips)))
    return clips.gather(places.round().astype(np.int64))
