"""Scores from an exported file, on a device without Keras.

Needs NumPy, OpenCV and one interpreter: `pip install ai-edge-litert` for
`.tflite`, `pip install onnxruntime` for `.onnx`. Names are looked up on first
use.
"""

import importlib
from typing import Any

_HOMES = {
    "EdgeScorer": "edge",
    "Score": "score",
    "read_metadata": "metadata",
}

__all__ = ["EdgeScorer", "Score", "read_metadata"]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
