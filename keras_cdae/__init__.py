"""Clustering-driven deep autoencoder for video anomaly detection, on Keras 3.

Names are imported on first use: `keras_cdae.runtime` works where Keras is not
installed, and `import keras_cdae` costs nothing before it is needed.
"""

import importlib
from typing import Any

from keras_cdae.version import __version__ as __version__

_HOMES = {
    "CDAE": "keras_cdae.models.cdae",
    "load": "keras_cdae.runs.loader",
}
_MODULES = (
    "backend",
    "baselines",
    "data",
    "errors",
    "export",
    "layers",
    "live",
    "metrics",
    "models",
    "reports",
    "runs",
    "runtime",
    "scoring",
    "training",
)

__all__ = sorted(["__version__", *_HOMES, *_MODULES])


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = importlib.import_module(_HOMES[name])
    except ModuleNotFoundError as error:
        if error.name not in ("tensorflow", "jax", "torch"):
            raise
        from keras_cdae.errors import MissingDependencyError

        raise MissingDependencyError(
            f"Keras is set to run on {error.name}, which is not installed. "
            "Set the environment variable KERAS_BACKEND to tensorflow, jax or "
            f"torch before keras is imported, or: pip install {error.name}"
        ) from error
    return getattr(module, name)


def __dir__() -> list[str]:
    return __all__
