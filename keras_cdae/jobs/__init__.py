"""Scoring many videos: on all cores, on several machines, again after a kill.

Names are looked up on first use: planning needs no keras.
"""

import importlib
from typing import Any

_HOMES = {
    "Failure": "outcome",
    "ScoreSettings": "settings",
    "Summary": "outcome",
    "score_many": "run",
}

__all__ = [
    "Failure",
    "ScoreSettings",
    "Summary",
    "score_many",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
