"""Columns that some tables have beside those of `comparison.COLUMNS`."""

import dataclasses
import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from keras_cdae.runs.history import read_history
from keras_cdae.scoring.occupancy import BRANCHES

USES = ("used", "effective", "distinctness")  # what a `CentroidLog` adds
CENTROID_KEYS = tuple(f"{name}_{use}" for name in BRANCHES for use in USES)
CENTROID_NOTE = (
    "centroids used: those that are nearest to a code of held-out normal "
    "video, of the appearance / motion branch; in effect: as many equally "
    "used ones would have the same entropy; apart: distance of the two "
    "closest. Means over the seeds, last epoch."
)
MOTION_NOTE = (
    "target ms: computing what the motion decoder should give, for one frame: "
    "the differences in NumPy, or the flow from the frame before. ms/frame: "
    "scoring a frame, the flow included (the difference is part of the "
    "network). Published AUC: RGB difference 96.5, TV-L1 2.6 less, "
    "FlowNet2-SD (not here) 2.1 less; 31 ms a frame against 71 on a Titan Xp."
)


@dataclasses.dataclass(frozen=True)
class Column:
    """A column of a table over runs.

    Args:
        title: above it.
        text: the finished runs of one row to the cell's text.
    """

    title: str
    text: Callable[[Sequence[Any]], str]


def centroid_use(history: Path) -> dict[str, float]:
    """Return what a run's last epoch says of its centroids.

    Args:
        history: the run's `history.csv`.

    Returns:
        `CENTROID_KEYS`; empty without clusters, or before k-means.
    """
    rows = read_history(history)
    if not rows or not set(CENTROID_KEYS) <= set(rows[-1]):
        return {}
    found = {key: rows[-1][key] for key in CENTROID_KEYS}
    return {} if math.isnan(found[CENTROID_KEYS[0]]) else found


def milliseconds(cost: Mapping[str, float], flow: bool) -> float:
    """Return what scoring one frame takes, flow included.

    Args:
        cost: of a run.
        flow: whether the target is no part of the network.
    """
    target = cost.get("target_seconds", 0.0) if flow else 0.0
    return 1e3 * (1 / cost["frames_per_second"] + target)


def _both(use: str, digits: int) -> Callable[[Sequence[Any]], str]:
    """Return a cell of both branches' means, `31.0 / 28.5`."""

    def text(results: Sequence[Any]) -> str:
        if not all(result.centroids for result in results):
            return "-"
        means = (
            statistics.fmean(r.centroids[f"{name}_{use}"] for r in results)
            for name in BRANCHES
        )
        return " / ".join(f"{mean:.{digits}f}" for mean in means)

    return text


def _target(results: Sequence[Any]) -> str:
    known = [r.cost.get("target_seconds") for r in results]
    if None in known:
        return "-"
    return f"{1e3 * statistics.fmean(known):.2f}"


def _frame(results: Sequence[Any]) -> str:
    times = [
        milliseconds(r.cost, "flow" in r.variant.overrides) for r in results
    ]
    return f"{statistics.fmean(times):.1f}"


CENTROIDS = (
    Column("centroids used", _both("used", 0)),
    Column("in effect", _both("effective", 1)),
    Column("apart", _both("distinctness", 3)),
)
MOTION = (Column("target ms", _target), Column("ms/frame", _frame))
