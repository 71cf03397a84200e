"""What a watch counted and how late it was."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

BINS = 10_000  # of a millisecond


class DelayMeter:
    """Delays of frames, from when they were due to when they were scored.

    Memory does not grow: milliseconds are counted in bins.
    """

    def __init__(self) -> None:
        self._bins = np.zeros(BINS, np.int64)
        self.count = 0
        self.most = 0.0
        self.last = 0.0
        self._sum = 0.0

    def add(self, seconds: float) -> None:
        """Count the delay of a frame."""
        self.last = 1000 * seconds
        self._bins[min(max(int(self.last), 0), BINS - 1)] += 1
        self.count += 1
        self._sum += self.last
        self.most = max(self.most, self.last)

    def summary(self) -> dict[str, float] | None:
        """Return mean, median, 95th percentile and maximum in ms."""
        if not self.count:
            return None
        places = np.searchsorted(
            np.cumsum(self._bins), [0.5 * self.count, 0.95 * self.count]
        )
        return {
            "mean": round(self._sum / self.count, 1),
            "median": float(places[0]),
            "p95": float(places[1]),
            "max": round(self.most, 1),
        }


@dataclass(frozen=True)
class WatchStats:
    """Counts since the start.

    Attributes:
        seconds: how long it has run.
        frames: that the camera gave.
        scored: that completed a clip and got a score.
        dropped: that nobody looked at, so as not to fall behind.
        watched: share of the frames that were meant to be scored and were.
        alarms: events that were told.
        suppressed: events within the cool-down.
        reconnects: how many times a lost camera came back.
        lost_seconds: time without a camera.
        delay_ms: mean, median, p95 and max; None before a score.
    """

    seconds: float
    frames: int
    scored: int
    dropped: int
    watched: float
    alarms: int
    suppressed: int
    reconnects: int
    lost_seconds: float
    delay_ms: dict[str, float] | None

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        values = asdict(self)
        for name in ("seconds", "lost_seconds"):
            values[name] = round(values[name], 1)
        return {**values, "watched": round(self.watched, 4)}


@dataclass(frozen=True)
class Status:
    """How it stands, for a view.

    Attributes:
        name: of the source.
        state: connecting, connected or lost.
        score: the last; None where there is none yet.
        highest: the highest since the view was last shown; None likewise.
        z: the last score, standardised.
        threshold: log-score above which something is odd.
        alarm: whether an alarm is going on.
        fps: frames a second of the camera.
        delay_ms: of the last score.
        stats: counts since the start.
        last_alarm: the last alarm as it was told.
    """

    name: str
    state: str
    score: float | None
    highest: float | None
    z: float | None
    threshold: float
    alarm: bool
    fps: float | None
    delay_ms: float
    stats: WatchStats
    last_alarm: dict[str, Any] | None
