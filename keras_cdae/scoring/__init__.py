"""Scores of videos, what they mean on this camera, and how they are kept.

Names are looked up on first use, so that `keras_cdae.scoring.calibration`
(NumPy alone) can be imported where Keras is not installed.
"""

import importlib
from typing import Any

_HOMES = {
    "Calibration": "calibration",
    "Occupancy": "occupancy",
    "ScoreBlock": "scorer",
    "Segment": "segments",
    "VideoScores": "scores",
    "centroid_occupancy": "occupancy",
    "find_segments": "segments",
    "read_scores_csv": "scores",
    "score_blocks": "scorer",
    "score_frames": "scorer",
    "score_video": "scorer",
    "score_videos": "scorer",
    "write_scores_csv": "scores",
}

__all__ = [
    "Calibration",
    "Occupancy",
    "ScoreBlock",
    "Segment",
    "VideoScores",
    "centroid_occupancy",
    "find_segments",
    "read_scores_csv",
    "score_blocks",
    "score_frames",
    "score_video",
    "score_videos",
    "write_scores_csv",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
