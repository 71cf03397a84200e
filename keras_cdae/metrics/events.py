"""How well found segments of video fit the true events."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

# Per video: (start, end) of each event, 0-based, end exclusive.
Events = Sequence[Sequence[tuple[int, int]]]


def event_metrics(found: Events, true: Events) -> dict[str, Any]:
    """Compare found segments with the true intervals, as events.

    A found segment is right if it shares a frame with a true interval; a true
    interval is detected if it shares a frame with a found segment. What they
    share says how well they fit: `|found & true| / |found | true|`, counted in
    frames.

    Args:
        found: the found segments of each video, which do not overlap.
        true: the true intervals of each video.

    Returns:
        `found` and `true`, how many; `precision`, share of the found that are
        right; `recall`, share of the true that are detected; `mean_iou`, over
        the true intervals, of the best overlap with one found segment;
        `frame_iou`, the overlap of all found with all true frames, which does
        not mind how they are cut into events. None where nothing is counted.

    Raises:
        ValueError: if the lists differ in length, an event has no frame or a
            part of one, or events of one list overlap.

    Example:
        >>> event_metrics([[(2, 6), (9, 10)]], [[(4, 8)]])["mean_iou"]
        0.3333333333333333
    """
    if len(found) != len(true):
        raise ValueError(
            "`found` and `true` must hold one list for every video. "
            f"Received: {len(found)} and {len(true)} lists"
        )
    for events in (*found, *true):
        _check_apart(events)
    overlaps = [_overlaps(f, t) for f, t in zip(found, true, strict=True)]
    right = [iou.max(axis=1, initial=0) > 0 for iou in overlaps]
    best = [iou.max(axis=0, initial=0) for iou in overlaps]
    pairs = list(zip(found, true, strict=True))
    common = sum(_common(f, t).sum() for f, t in pairs)
    union = sum(_frames(f) + _frames(t) for f, t in pairs) - common
    return {
        "found": sum(map(len, found)),
        "true": sum(map(len, true)),
        "precision": _mean(right),
        "recall": _mean([iou > 0 for iou in best]),
        "mean_iou": _mean(best),
        "frame_iou": float(common / union) if union else None,
    }


def intervals(labels: npt.ArrayLike, first_frame: int = 0) -> list[Any]:
    """Return the runs of anomalous frames, as (start, end).

    Args:
        labels: (frames,), 1 = anomalous.
        first_frame: the frame of `labels[0]`.

    Returns:
        0-based, end exclusive.

    Raises:
        ValueError: if `labels` is not 1-D, or holds something else.

    Example:
        >>> intervals([0, 1, 1, 0, 1], first_frame=4)
        [(5, 7), (8, 9)]
    """
    array = np.asarray(labels)
    if array.ndim != 1 or not np.isin(array, (0, 1)).all():
        raise ValueError(
            "`labels` must be (frames,) of 0 and 1. "
            f"Received: shape {array.shape}, values {np.unique(array)[:5]}"
        )
    marks = array.astype(np.int8)
    edges = np.flatnonzero(np.diff(marks, prepend=0, append=0)) + first_frame
    return [(int(start), int(end)) for start, end in edges.reshape(-1, 2)]


def _common(
    found: Sequence[tuple[int, int]], true: Sequence[tuple[int, int]]
) -> np.ndarray:
    """Return the frames that each pair shares, (found, true)."""
    first, second = _ends(found), _ends(true)
    start = np.maximum(first[:, None, 0], second[:, 0])
    end = np.minimum(first[:, None, 1], second[:, 1])
    return np.maximum(end - start, 0)


def _overlaps(
    found: Sequence[tuple[int, int]], true: Sequence[tuple[int, int]]
) -> np.ndarray:
    common = _common(found, true)
    lengths = [np.diff(_ends(events), axis=1)[:, 0] for events in (found, true)]
    return common / (lengths[0][:, None] + lengths[1] - common)


def _ends(events: Sequence[tuple[int, int]]) -> np.ndarray:
    given = np.array(list(events)).reshape(-1, 2)
    ends = given.astype(np.int64)
    if (ends != given).any():
        raise ValueError(
            "An event starts and ends with whole frames. "
            f"Received: {given[(ends != given).any(axis=1)][0].tolist()}"
        )
    if (ends[:, 0] >= ends[:, 1]).any():
        raise ValueError(
            "An event must end after it starts. "
            f"Received: {ends[ends[:, 0] >= ends[:, 1]][0].tolist()}"
        )
    return ends


def _check_apart(events: Sequence[tuple[int, int]]) -> None:
    ends = _ends(events)
    ends = ends[np.argsort(ends[:, 0])]
    late = ends[1:, 0] < ends[:-1, 1]
    if late.any():
        place = int(np.argmax(late))
        raise ValueError(
            "Events of one video must not overlap: frames would count twice. "
            f"Received: {ends[place : place + 2].tolist()}"
        )


def _frames(events: Sequence[tuple[int, int]]) -> int:
    return sum(end - start for start, end in events)


def _mean(parts: Sequence[np.ndarray]) -> float | None:
    values = np.concatenate([np.empty(0), *parts])
    return float(values.mean()) if values.size else None
