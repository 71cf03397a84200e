"""What an export says about itself; `runtime.metadata` reads it."""

import hashlib
import importlib.metadata
import logging
from pathlib import Path
from typing import Any

import keras

from keras_cdae.data.images import RESIZE_METHOD
from keras_cdae.errors import RunFolderError
from keras_cdae.export.formats import FORMATS
from keras_cdae.export.graph import spare_outputs
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runtime.interpreters import INPUT
from keras_cdae.runtime.metadata import FORMAT
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.version import __version__

logger = logging.getLogger(__name__)

PACKAGES = ("keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime")
Z_NOTE = "(score - location) / scale of the calibration"


def describe(
    model: ClipScorer,
    *,
    format: str,
    quantize: str,
    alarms_per_hour: float,
    lean: bool,
    run: Path | None,
) -> dict[str, Any]:
    """Return the metadata of an export as plain data for JSON.

    Args:
        model: the model.
        format: name of the format.
        quantize: name of the quantisation.
        alarms_per_hour: false alarms that the threshold allows.
        lean: whether the spare outputs are left out.
        run: the run folder that the model comes from, if known.
    """
    height, width = model.image_size
    calibration = model.calibration
    colour = {1: "grey", 3: "RGB"}.get(model.channels)
    left_out = spare_outputs(model) if lean else ()
    notes = {k: v for k, v in model.output_notes.items() if k not in left_out}
    return {
        "format": FORMAT,
        "made_by": f"keras_cdae {__version__}",
        "export": {
            "format": format,
            "quantize": quantize,
            "left_out": list(left_out),
            "score_offset": 0.0,
        },
        "input": {
            "name": INPUT,
            "shape": [
                FORMATS[format].batch,
                model.clip_length,
                height,
                width,
                model.channels,
            ],
            "dtype": "uint8",
            "value_range": [0, 255],
            "height": height,
            "width": width,
            "channels": model.channels,
            "color_order": colour,
            "clip_length": model.clip_length,
            "frames": "consecutive, oldest first",
            "resize": RESIZE_METHOD,
            "roi": model.roi_description,
        },
        "outputs": {
            **notes,
            **({} if calibration is None else {"z": Z_NOTE}),
        },
        "calibration": None if calibration is None else calibration.to_dict(),
        "threshold": None
        if calibration is None
        else threshold(calibration, alarms_per_hour),
        "training": _training(run, calibration),
        "versions": _versions(),
        "weights_sha256": weights_digest(model),
    }


def threshold(
    calibration: Calibration, alarms_per_hour: float
) -> dict[str, Any]:
    """Return the default threshold, and what it rests on.

    Where the frame rate of the calibration video is not known, or the video
    is too short for the rate, it is the highest score of normal video.
    """
    supported = calibration.fps is not None and calibration.supports(
        alarms_per_hour
    )
    if supported:
        score = calibration.threshold(alarms_per_hour)
    else:
        score = float(calibration.quantiles[-1])
    return {
        "score": score,
        "z": float(calibration.z(score)),
        "alarms_per_hour": alarms_per_hour,
        "basis": "quantile of normal scores"
        if supported
        else "highest normal score",
    }


def weights_digest(model: ClipScorer) -> str:
    """Return the SHA-256 of the weights, in the model's order."""
    digest = hashlib.sha256()
    for variable in model.weights:
        values = keras.ops.convert_to_numpy(variable.value).astype("<f4")
        digest.update(str(values.shape).encode())
        digest.update(values.tobytes())
    return digest.hexdigest()


def _training(
    run: Path | None, calibration: Calibration | None
) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "calibrated_on": None if calibration is None else calibration.source
    }
    if run is not None:
        try:
            settings = RunSettings.read(run)
        except RunFolderError as error:
            logger.info("The export does not name its training: %s", error)
            return facts
        for name in ("dataset", "preset", "epochs", "seed"):
            facts[name] = getattr(settings, name)
    return facts


def _versions() -> dict[str, str]:
    versions = {"keras_cdae": __version__}
    for package in PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
