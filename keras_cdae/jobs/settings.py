"""What is wanted of every video, and when a score is an alarm."""

import dataclasses
import math
from typing import Any, Literal

from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.segments import default_low

FORMATS = ("csv", "jsonl")


@dataclasses.dataclass(frozen=True)
class ScoreSettings:
    """What is computed and written for every video.

    Args:
        threshold: `z` that a segment must pass; None: by `alarms_per_hour`.
        low: `z` that a segment must stay above; None: half the threshold.
        alarms_per_hour: false alarms that the threshold allows, counted in
            clips, by the model's calibration.
        fps: frames a second; None: what the video says, else what the
            calibration says.
        min_seconds: shorter segments are dropped.
        merge_seconds: segments nearer than this are joined.
        format: of the scores: "csv" or "jsonl".
        annotate: whether a video with heat maps and curve is written.

    Raises:
        ValueError: for a number out of range or an unknown format.
    """

    threshold: float | None = None
    low: float | None = None
    alarms_per_hour: float = 1.0
    fps: float | None = None
    min_seconds: float = 0.0
    merge_seconds: float = 1.0
    format: Literal["csv", "jsonl"] = "csv"
    annotate: bool = False

    def __post_init__(self) -> None:
        """Check each field."""
        if self.format not in FORMATS:
            raise ValueError(
                f"format must be one of {FORMATS}. Received: {self.format!r}"
            )
        for name in ("threshold", "low", "min_seconds", "merge_seconds"):
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise ValueError(f"{name} must be finite. Received: {value}")
        for name in ("min_seconds", "merge_seconds"):
            if getattr(self, name) < 0:
                raise ValueError(
                    f"{name} must not be negative. "
                    f"Received: {getattr(self, name)}"
                )
        for name in ("alarms_per_hour", "fps"):
            value = getattr(self, name)
            if value is not None and not 0 < value < math.inf:
                raise ValueError(f"{name} must be positive. Received: {value}")

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        return dataclasses.asdict(self)


@dataclasses.dataclass(frozen=True)
class AlarmRule:
    """Where a segment begins and how far it reaches, on the scale of `z`.

    Args:
        z: what a segment must pass.
        low: what it must stay above.
        score: the log-score of `z`.
        fps: frames a second.
        alarms_per_hour: the rate that `z` was chosen by; None where `z` was
            given.
        supported: whether the calibration can show that rate; None where `z`
            was given.
    """

    z: float
    low: float
    score: float
    fps: float
    alarms_per_hour: float | None
    supported: bool | None

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        return dataclasses.asdict(self)


def alarm_rule(
    settings: ScoreSettings, calibration: Calibration, fps: float
) -> AlarmRule:
    """Turn settings into numbers, for a model and a frame rate.

    Args:
        settings: what the user wants.
        calibration: the model's.
        fps: frames a second of the video.

    Raises:
        ValueError: if `low` is above the threshold, or more alarms are
            allowed than there are clips.
    """
    if settings.threshold is None:
        rate: float | None = settings.alarms_per_hour
        score = calibration.threshold(settings.alarms_per_hour, fps=fps)
        z = float(calibration.z(score))
        supported = calibration.supports(settings.alarms_per_hour, fps=fps)
    else:
        z, rate, supported = settings.threshold, None, None
        score = calibration.location["score"] + z * calibration.scale["score"]
    low = settings.low
    if low is None:
        low = default_low(z)
    if low > z:
        raise ValueError(
            "low must not be above the threshold. "
            f"Received: low={low}, threshold={z:.4g}"
        )
    return AlarmRule(z, low, score, fps, rate, supported)
