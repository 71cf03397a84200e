"""Scores of videos, what they mean on this camera, and how they are kept.

Names are looked up on first use, so that `keras_cdae.scoring.calibration`
(NumPy alone) can be imported where Keras is not installed.
"""

import importlib
from typing import Any

_HOMES = {
    "AlarmCount": "alarms",
    "Calibration": "calibration",
    "Occupancy": "occupancy",
    "ScoreBlock": "scorer",
    "Segment": "segments",
    "VideoScores": "scores",
    "centroid_occupancy": "occupancy",
    "find_segments": "segments",
    "fit_calibration": "alarms",
    "measure_alarms": "alarms",
    "read_scores_csv": "scores",
    "read_scores_jsonl": "jsonl",
    "score_blocks": "scorer",
    "score_frames": "scorer",
    "score_stream": "scorer",
    "score_video": "scorer",
    "write_scores_csv": "scores",
    "write_scores_jsonl": "jsonl",
}

__all__ = [
    "AlarmCount",
    "Calibration",
    "Occupancy",
    "ScoreBlock",
    "Segment",
    "VideoScores",
    "centroid_occupancy",
    "find_segments",
    "fit_calibration",
    "measure_alarms",
    "read_scores_csv",
    "read_scores_jsonl",
    "score_blocks",
    "score_frames",
    "score_stream",
    "score_video",
    "write_scores_csv",
    "write_scores_jsonl",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
