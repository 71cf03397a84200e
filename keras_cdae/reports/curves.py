"""The curve of one video: bounded in length, and drawn as SVG paths."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cdae.scoring.scores import VideoScores

POINTS = 20_000  # of a video in a page: ten minutes and more, frame by frame
CARD_POINTS = 300  # of a small picture


@dataclass(frozen=True, eq=False)
class Curve:
    """Values at evenly spaced frames; NaN where a frame has no score.

    Attributes:
        first: the frame of the first value.
        step: frames from one value to the next. Above 1, a value is that of
            the most anomalous frame among `step`.
        score: array (points,), the log-score.
        regularity: array (points,), the paper's S(t).
        z: array (points,), the standardised score; None when uncalibrated.
        p: array (points,), share of normal clips; None when uncalibrated.
    """

    first: int
    step: int
    score: np.ndarray
    regularity: np.ndarray
    z: np.ndarray | None
    p: np.ndarray | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain data for JSON; NaN becomes None."""
        columns = {"score": self.score, "z": self.z, "p": self.p}
        return {
            "first": self.first,
            "step": self.step,
            "regularity": _plain(self.regularity),
            **{k: None if v is None else _plain(v) for k, v in columns.items()},
        }


def make_curve(video: VideoScores, *, points: int = POINTS) -> Curve:
    """Bring the scores of a video to at most `points` values.

    Every peak stays: of the frames that share a value, the one with the
    highest score gives it.

    Args:
        video: the scores.
        points: the greatest number of values.

    Raises:
        ValueError: if `points` is not positive.
    """
    if points < 1:
        raise ValueError(f"`points` must be positive. Received: {points}")
    first = int(video.frame[0])
    span = int(video.frame[-1]) - first + 1
    step = -(-span // points)
    places = (video.frame - first) // step
    order = np.lexsort((video.score, places))  # the highest of a place last
    last = np.flatnonzero(np.diff(places[order], append=-1))
    kept = order[last]

    def spread(values: np.ndarray) -> np.ndarray:
        dense = np.full(-(-span // step), np.nan)
        dense[places[kept]] = values[kept]
        return dense

    return Curve(
        first=first,
        step=step,
        score=spread(video.score),
        regularity=spread(video.regularity),
        z=None if video.z is None else spread(video.z),
        p=None if video.p is None else spread(video.p),
    )


def path_data(
    values: np.ndarray,
    *,
    first: int = 0,
    step: int = 1,
    low: float = 0.0,
    high: float = 1.0,
    height: float = 100.0,
) -> str:
    """Return the `d` of an SVG path; a frame stands at its number + 0.5.

    Args:
        values: (points,); the line is broken at NaN.
        first: the frame of the first value.
        step: frames from one value to the next.
        low: the value at the bottom.
        high: the value at the top.
        height: of the drawing; y grows downwards.

    Example:
        >>> path_data(np.array([0.0, np.nan, 1.0, 0.5]), height=10)
        'M0.5 10L0.5 10M2.5 0L3.5 5'
    """
    parts = []
    drawing = False
    for place, value in enumerate(values):
        if not np.isfinite(value):
            drawing = False
            continue
        y = height * (high - value) / ((high - low) or 1.0)
        point = f"{first + place * step + 0.5:g} {round(float(y), 2):g}"
        parts.append(f"L{point}" if drawing else f"M{point}")
        if not drawing and not _follows(values, place):
            parts.append(f"L{point}")  # a lone point shows by its round ends
        drawing = True
    return "".join(parts)


def runs(flags: Sequence[bool] | np.ndarray, frame: np.ndarray) -> list[Any]:
    """Return `[start, end]` of every run of True, in frames, end exclusive.

    Args:
        flags: (scores,).
        frame: (scores,), the frame of each.
    """
    edges = np.flatnonzero(
        np.diff(np.asarray(flags, np.int8), prepend=0, append=0)
    )
    return [
        [int(frame[start]), int(frame[end - 1]) + 1]
        for start, end in edges.reshape(-1, 2)
    ]


def _follows(values: np.ndarray, place: int) -> bool:
    return place + 1 < len(values) and bool(np.isfinite(values[place + 1]))


def _plain(values: np.ndarray) -> list[float | None]:
    rounded = np.round(values, 4).tolist()
    return [value if value == value else None for value in rounded]
