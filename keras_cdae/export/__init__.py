"""One file that scores a camera, for devices without Keras.

Names are looked up on first use, so that the table of formats can be read
without importing Keras.
"""

import importlib
from typing import Any

_HOMES = {
    "ExportError": "exporter",
    "ExportResult": "exporter",
    "ExportedModel": "exported",
    "FORMATS": "formats",
    "Format": "formats",
    "Parity": "check",
    "QUANTIZATIONS": "formats",
    "auc_change": "exported",
    "dataset_clips": "clips",
    "export": "exporter",
    "measure_rates": "exported",
    "sample_clips": "clips",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
