"""A run: training into a folder, and evaluating what lies there.

Names are imported on first use: reading a run's settings needs no keras.
"""

import importlib
from typing import Any

_HOMES = {
    "Evaluation": "evaluator",
    "RunSettings": "settings",
    "calibrate": "trainer",
    "evaluate": "evaluator",
    "load": "loader",
    "train": "trainer",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
