"""Runs of high scores: when something odd began, peaked and ended."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True)
class Segment:
    """A stretch of one video that scores high.

    Attributes:
        start: first frame, 0-based.
        end: frame to stop before (exclusive, as in `labels.csv`).
        peak: the frame with the highest value.
        value: the highest value, on the scale of the threshold.
    """

    start: int
    end: int
    peak: int
    value: float

    def __len__(self) -> int:
        return self.end - self.start

    def seconds(self, fps: float) -> dict[str, float]:
        """Return start, end and peak in seconds of a video.

        Args:
            fps: frames a second.
        """
        return {
            "start_seconds": self.start / fps,
            "end_seconds": self.end / fps,
            "peak_seconds": self.peak / fps,
        }


def find_segments(
    values: npt.ArrayLike,
    threshold: float,
    *,
    low: float | None = None,
    min_length: int = 1,
    merge_gap: int = 0,
    first_frame: int = 0,
) -> list[Segment]:
    """Find the stretches of one video that score above a threshold.

    With hysteresis: a segment begins where `values` pass `threshold`, and
    reaches in both directions as far as they stay above `low`, so that a score
    that flickers about the threshold is one segment. Segments nearer than
    `merge_gap` become one; what is then shorter than `min_length` is left out.

    Args:
        values: (n,), one a frame in a row, higher = more anomalous: log-scores
            or `z`. NaN counts as low.
        threshold: what a segment must pass at its peak.
        low: what it must stay above; None: `threshold`.
        min_length: frames below which a segment is dropped.
        merge_gap: frames between two segments that are joined all the same.
        first_frame: the frame that `values[0]` belongs to (4 for clips of 5).

    Returns:
        The segments in order; they do not overlap.

    Raises:
        ValueError: if `values` is not 1-D, `low` is above `threshold`, or a
            length is negative.

    Example:
        >>> find_segments([0, 2, 3, 1, 0, 3], 2.5, low=0.5, first_frame=4)
        [Segment(start=5, end=8, peak=6, value=3.0), Segment(start=9, end=10, \
peak=9, value=3.0)]
    """
    array = np.asarray(values, np.float64)
    low = threshold if low is None else low
    if array.ndim != 1:
        raise ValueError(f"`values` must be 1-D. Received: shape {array.shape}")
    if not low <= threshold:
        raise ValueError(
            "`low` must not be above `threshold`. "
            f"Received: low={low}, threshold={threshold}"
        )
    if min_length < 1 or merge_gap < 0:
        raise ValueError(
            "`min_length` must be at least 1 and `merge_gap` at least 0. "
            f"Received: min_length={min_length}, merge_gap={merge_gap}"
        )
    runs = [run for run in _runs(array > low) if _passes(array, run, threshold)]
    joined: list[tuple[int, int]] = []
    for start, end in runs:
        if joined and start - joined[-1][1] <= merge_gap:
            start, _ = joined.pop()
        joined.append((start, end))
    return [
        _segment(array, start, end, first_frame)
        for start, end in joined
        if end - start >= min_length
    ]


def default_low(threshold: float) -> float:
    """Return the `low` of a threshold on `z`: half of it, where it is positive.

    Example:
        >>> default_low(3.0), default_low(-1.0)
        (1.5, -1.0)
    """
    return min(threshold, threshold / 2)


def _runs(mask: np.ndarray) -> list[tuple[int, int]]:
    """Return (start, end) of each run of True, end exclusive."""
    edges = np.flatnonzero(np.diff(mask.astype(np.int8), prepend=0, append=0))
    return [(int(a), int(b)) for a, b in edges.reshape(-1, 2)]


def _passes(array: np.ndarray, run: tuple[int, int], threshold: float) -> bool:
    return bool((array[slice(*run)] > threshold).any())


def _segment(array: np.ndarray, start: int, end: int, first: int) -> Segment:
    peak = start + int(np.nanargmax(array[start:end]))
    return Segment(first + start, first + end, first + peak, float(array[peak]))
