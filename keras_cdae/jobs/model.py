"""What a model file says without being loaded, so without keras."""

import dataclasses
import hashlib
import json
import os
import zipfile
from pathlib import Path

from keras_cdae.errors import ModelFileError, shown
from keras_cdae.runs.find import find_model
from keras_cdae.scoring.calibration import Calibration

CONFIG = "config.json"
MAX_BYTES = 2**24  # of it, unpacked: a thousand times what models have


@dataclasses.dataclass(frozen=True)
class ModelFacts:
    """A model file, before it is loaded.

    Args:
        path: the `.keras` file.
        checksum: SHA-256 of its bytes.
        calibration: what it knows of normal video; None when uncalibrated.
    """

    path: Path
    checksum: str
    calibration: Calibration | None


def read_model(model: str | os.PathLike[str]) -> ModelFacts:
    """Find a model and read its calibration.

    Args:
        model: a `.keras` file, a run folder, or the name of a shipped model.

    Raises:
        ModelFileError: if there is none, or it is no model file.
    """
    path = find_model(model).resolve()
    try:
        with zipfile.ZipFile(path) as archive:
            if archive.getinfo(CONFIG).file_size > MAX_BYTES:
                raise ValueError("more configuration than a model can have")
            config = json.loads(archive.read(CONFIG))["config"]
        stored = config.get("calibration")
        with path.open("rb") as stream:
            checksum = hashlib.file_digest(stream, "sha256").hexdigest()
    except Exception as error:  # zlib, zipfile and json have many kinds
        raise ModelFileError(
            f"{path}: is no Keras model: {shown(error, 200)}. Name a run "
            "folder or a .keras file that `keras-cdae train` wrote."
        ) from error
    try:
        calibration = None if stored is None else Calibration.from_dict(stored)
    except ModelFileError as error:
        raise ModelFileError(f"{path}: {error}") from error
    return ModelFacts(path, checksum, calibration)
