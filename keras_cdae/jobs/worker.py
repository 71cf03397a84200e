"""A process that scores videos: how it is prepared, and its model loaded."""

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE

# Several processes may share a GPU: none may take all of its memory.
SHARED_GPU = {
    "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
}


def prepare(backend: str, threads: int) -> None:
    """Set up this process, before keras is imported.

    The number of threads changes the time, and scores at most by rounding.

    Args:
        backend: of Keras.
        threads: that each library may use.
    """
    os.environ["KERAS_BACKEND"] = backend
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    for name in (
        "OMP_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    ):
        os.environ[name] = str(threads)
    for name, value in SHARED_GPU.items():
        os.environ.setdefault(name, value)


def load_model(path: str | os.PathLike[str]) -> "CDAE":
    """Load a model; keras is imported by this call, not before.

    Args:
        path: the `.keras` file.

    Raises:
        ModelFileError: if it is no model of this package.
    """
    importlib.import_module("keras")
    from keras_cdae.runs.loader import load

    return load(path)
