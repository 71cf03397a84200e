"""A run: training into a folder, and evaluating what lies there.

Names are imported on first use: reading a run's settings needs no keras.
"""

import importlib
from typing import Any

_HOMES = {
    "Evaluation": "evaluate",
    "RunSettings": "settings",
    "evaluate": "evaluate",
    "load": "load",
    "train": "train",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_HOMES[name]}")
    value = getattr(module, name)
    globals()[name] = value  # over the submodule of the same name
    return value


def __dir__() -> list[str]:
    return __all__
