"""Find a trained model: a file, a run folder, or one that is shipped."""

import os
import zipfile
from pathlib import Path
from typing import Any

import keras

from keras_cdae.baselines import registry  # noqa: F401 (makes all loadable)
from keras_cdae.errors import ModelFileError, shown
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.find import find_model


def load(model: str | os.PathLike[str]) -> ClipScorer:
    """Return a trained, calibrated model: a `CDAE`, or a baseline.

    Args:
        model: a `.keras` file, a run folder, or the name of a shipped model
            such as `"ped2-edge"`.

    Raises:
        ModelFileError: if there is none, or it is no model of this package.
    """
    path = find_model(model)
    try:
        _check_members(path)
        loaded: Any = keras.models.load_model(path)  # safe_mode is the default
    except ModelFileError as error:  # of a newer version, or damaged
        raise ModelFileError(f"{path}: {error}") from error
    except Exception as error:  # Keras raises many kinds for a broken file
        raise ModelFileError(
            f"{path}: cannot be loaded as a model: {_first_line(error)}. It "
            "may be cut short or made by another program; train or copy it "
            "again."
        ) from error
    if not isinstance(loaded, ClipScorer):
        raise ModelFileError(
            f"{path}: holds a {type(loaded).__name__}, not a CDAE "
            "or a baseline. Name a file that `keras-cdae train` wrote."
        )
    return loaded


def _check_members(path: Path) -> None:
    """Refuse what is no archive, or would be unpacked outside its folder.

    Keras reads other kinds of files, too, with fewer checks.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
    for name in names:
        parts = name.replace("\\", "/").split("/")
        if not parts[0] or parts[0].endswith(":") or ".." in parts:
            raise ModelFileError(
                f"holds a file that would be unpacked elsewhere, "
                f"{shown(name)!r}, and is not loaded. It was not written by "
                "keras-cdae: fetch the model from where it was made."
            )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return shown(lines[0], 200).rstrip(".") if lines else type(error).__name__
