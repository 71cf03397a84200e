"""Find a trained model: a file, a run folder, or one that is shipped."""

import importlib.util
import os
from pathlib import Path

import keras

from keras_cdae.errors import ModelFileError
from keras_cdae.models.cdae import CDAE

MODEL_FILE = "model.keras"
SHIPPED_PACKAGE = "keras_cdae_saved_models"


def load(model: str | os.PathLike[str]) -> CDAE:
    """Return a trained, calibrated model.

    Args:
        model: a `.keras` file, a run folder, or the name of a shipped model
            such as `"ped2-edge"`.

    Raises:
        ModelFileError: if there is none, or it is no model of this package.
    """
    path = find_model(model)
    try:
        loaded = keras.models.load_model(path)  # safe_mode is the default
    except ModelFileError:
        raise
    except Exception as error:  # Keras raises many kinds for a broken file
        raise ModelFileError(
            f"{path}: cannot be loaded as a model: {_first_line(error)}. It "
            "may be cut short or made by another program; train or copy it "
            "again."
        ) from error
    if not isinstance(loaded, CDAE):
        raise ModelFileError(
            f"{path}: holds a {type(loaded).__name__}, not a CDAE. Name a "
            "file that `keras-cdae train` wrote."
        )
    return loaded


def find_model(model: str | os.PathLike[str]) -> Path:
    """Return the path of the `.keras` file that a user's words name.

    Raises:
        ModelFileError: if there is none; the message lists what is shipped.
    """
    path = Path(model).expanduser()
    if path.is_file():
        return path
    if path.is_dir():
        if (path / MODEL_FILE).is_file():
            return path / MODEL_FILE
        raise ModelFileError(
            f"{path}: no {MODEL_FILE} in this folder. If its training was "
            "interrupted, go on with `keras-cdae train --resume --output "
            f"{path}`."
        )
    shipped = shipped_models()
    if str(model) in shipped:
        return shipped[str(model)]
    names = ", ".join(shipped) or "none"
    raise ModelFileError(
        f"{model}: no such file, run folder or shipped model. Shipped: {names}."
    )


def shipped_models() -> dict[str, Path]:
    """Return the models that come with the package, by name."""
    spec = importlib.util.find_spec(SHIPPED_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        return {}
    files = [
        file
        for folder in spec.submodule_search_locations
        for file in Path(folder).glob("*.keras")
    ]
    return {file.stem: file for file in sorted(files)}


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0][:200].rstrip(".") if lines else type(error).__name__
