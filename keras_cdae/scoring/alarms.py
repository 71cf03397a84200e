"""False alarms: what a calibration promises against what is observed."""

import dataclasses
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from keras_cdae.errors import DataError
from keras_cdae.scoring.calibration import TERMS, Calibration
from keras_cdae.scoring.scores import VideoScores
from keras_cdae.scoring.segments import default_low, find_segments

# Clips nearer than this share frames.
GAP = 4
MERGE_SECONDS = 1.0


def fit_calibration(
    videos: Sequence[VideoScores], *, source: str, fps: float | None = None
) -> Calibration:
    """Calibrate on the scores of normal videos.

    Args:
        videos: the scores, with their terms where they have them.
        source: what the videos are, in words.
        fps: frames a second; None where unknown.

    Raises:
        ValueError: as `Calibration.fit`.
    """
    terms = {
        term: np.concatenate(
            [v.score if term == "score" else v.terms[term] for v in videos]
        )
        for term in TERMS
        if term == "score" or all(term in video.terms for video in videos)
    }
    return Calibration.fit(terms, source=source, fps=fps)


@dataclasses.dataclass(frozen=True)
class AlarmCount:
    """False alarms at one rate, over all splits.

    Attributes:
        promised: alarms an hour that were asked for, counted in clips.
        splits: how often a part was observed with thresholds of the rest.
        supported: in how many of them the rest held one such alarm or more.
        hours: normal video that was observed.
        expected: alarms that the promise allows in that video.
        clips: clips above the threshold.
        segments: what a person sees of them: merged, with hysteresis.
    """

    promised: float
    splits: int
    supported: int
    hours: float
    expected: float
    clips: int
    segments: int

    @property
    def clips_per_hour(self) -> float:
        """Observed alarms an hour, to be held against the promise."""
        return self.clips / self.hours

    @property
    def segments_per_hour(self) -> float:
        """Observed events an hour."""
        return self.segments / self.hours

    @property
    def segments_interval(self) -> tuple[float, float]:
        """Segments an hour between which the truth lies (95 %, Poisson).

        Clips have no such interval: neighbours alarm together.
        """
        from scipy.stats import chi2

        low = chi2.ppf(0.025, 2 * self.segments) / 2 if self.segments else 0.0
        high = chi2.ppf(0.975, 2 * self.segments + 2) / 2
        return float(low) / self.hours, float(high) / self.hours

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON and CSV."""
        low, high = self.segments_interval
        return {
            **dataclasses.asdict(self),
            "clips_per_hour": self.clips_per_hour,
            "segments_per_hour": self.segments_per_hour,
            "segments_per_hour_low": low,
            "segments_per_hour_high": high,
        }


def measure_alarms(
    videos: Sequence[VideoScores],
    rates: Sequence[float],
    *,
    fps: float,
    merge_seconds: float = MERGE_SECONDS,
) -> list[AlarmCount]:
    """Count false alarms on normal video by thresholds of other normal video.

    Each video in turn is observed with a calibration on all others; of a
    single video, each half with a calibration on the other. The videos must
    not have been trained on.

    Args:
        videos: the scores.
        rates: alarms an hour to ask for, each below the clips in an hour.
        fps: frames a second.
        merge_seconds: segments nearer than this are one.

    Returns:
        One count a rate.

    Raises:
        DataError: if there is too little video to be split.
        ValueError: for a rate out of range.
    """
    splits = list(_splits(videos))
    hours = sum(len(seen) for _, seen in splits) / (3600.0 * fps)
    calibrations = [
        Calibration.fit({"score": rest}, source="split", fps=fps)
        for rest, _ in splits
    ]
    counts = []
    for rate in rates:
        seen = [
            _alarms(calibration, scores, rate, round(merge_seconds * fps))
            for calibration, (_, scores) in zip(
                calibrations, splits, strict=True
            )
        ]
        counts.append(
            AlarmCount(
                promised=rate,
                splits=len(splits),
                supported=sum(c.supports(rate) for c in calibrations),
                hours=hours,
                expected=rate * hours,
                clips=sum(clips for clips, _ in seen),
                segments=sum(segments for _, segments in seen),
            )
        )
    return counts


def _splits(
    videos: Sequence[VideoScores],
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the scores to calibrate on, and those to observe."""
    if not videos or sum(map(len, videos)) < 2 * (GAP + 2):
        raise DataError(
            f"{len(videos)} videos are too little to calibrate on a part and "
            "observe another. Give more normal video."
        )
    if len(videos) == 1:
        score = videos[0].score
        middle = len(score) // 2
        first, second = score[: middle - GAP // 2], score[middle + GAP // 2 :]
        yield first, second
        yield second, first
        return
    for i, video in enumerate(videos):
        others = [v.score for j, v in enumerate(videos) if j != i]
        yield np.concatenate(others), video.score


def _alarms(
    calibration: Calibration, scores: np.ndarray, rate: float, merge_gap: int
) -> tuple[int, int]:
    """Return the clips and the segments above the threshold of a rate."""
    threshold = calibration.threshold(rate)
    z = float(calibration.z(threshold))
    segments = find_segments(
        calibration.z(scores), z, low=default_low(z), merge_gap=merge_gap
    )
    return int((scores > threshold).sum()), len(segments)
