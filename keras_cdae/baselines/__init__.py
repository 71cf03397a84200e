"""What CDAE is measured against: other models, and scores without a model.

Names are imported on first use: trivial scores need no keras.
"""

import importlib
from typing import Any

_HOMES = {
    "BaselineModel": "base",
    "Conv2DAutoencoder": "conv2d_ae",
    "ConvLSTMAutoencoder": "convlstm_ae",
    "FlowCDAE": "flow_cdae",
    "FramePrediction": "frame_prediction",
    "MODELS": "registry",
    "Memory": "memory",
    "MemoryAutoencoder": "memae",
    "PlainCDAE": "plain_cdae",
    "frame_difference_block_scores": "trivial",
    "frame_difference_maps": "trivial",
    "frame_difference_scores": "trivial",
    "frame_index_scores": "trivial",
}

__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
