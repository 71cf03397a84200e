"""Found segments of a data set's test videos against its true intervals."""

from collections.abc import Sequence
from typing import Any

from keras_cdae.data.benchmarks import Dataset
from keras_cdae.metrics.events import event_metrics, intervals
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.scores import VideoScores
from keras_cdae.scoring.segments import find_segments

ALARMS_PER_HOUR = 1.0
MERGE_SECONDS = 1.0
ASSUMED_FPS = 25.0


def measure_events(
    videos: Sequence[VideoScores], dataset: Dataset, calibration: Calibration
) -> dict[str, Any]:
    """Find segments as `keras-cdae score` does, and compare them.

    A segment passes the calibrated threshold for one false alarm an hour,
    reaches as far as `z` stays above half of it, and is joined with the next
    one if less than a second lies between. Labels choose nothing.

    Args:
        videos: scores with `z` and labels.
        dataset: where they come from.
        calibration: the model's.

    Returns:
        The keys of `event_metrics`, and what the segments were found with:
        `z` and `low`, `alarms_per_hour`, `supported` (whether the calibration
        has seen enough normal video to show that rate; else the threshold is
        its highest score), `merge_seconds`, `fps` and `fps_source`.
    """
    fps = ASSUMED_FPS if dataset.fps is None else dataset.fps
    supported = calibration.supports(ALARMS_PER_HOUR, fps=fps)
    if supported:
        threshold = calibration.threshold(ALARMS_PER_HOUR, fps=fps)
    else:  # as `threshold` has it, which would warn
        threshold = calibration.quantiles[-1]
    z = float(calibration.z(threshold))
    low = min(z, z / 2)
    found, true = [], []
    for video in videos:
        first = int(video.frame[0])
        segments = find_segments(
            video.z,  # type: ignore[arg-type]
            z,
            low=low,
            merge_gap=round(MERGE_SECONDS * fps),
            first_frame=first,
        )
        found.append([(segment.start, segment.end) for segment in segments])
        true.append(intervals(video.labels, first))  # type: ignore[arg-type]
    return {
        **event_metrics(found, true),
        "z": z,
        "low": low,
        "alarms_per_hour": ALARMS_PER_HOUR,
        "supported": supported,
        "merge_seconds": MERGE_SECONDS,
        "fps": fps,
        "fps_source": "assumed" if dataset.fps is None else "data set",
    }
