"""What an exported file says about itself.

A `.tflite` file has a zip archive appended, the place where TFLite metadata
keeps associated files: interpreters do not look behind the flatbuffer, and
any zip program shows the text. An `.onnx` file has a metadata property.
"""

import hashlib
import json
import math
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from keras_cdae.data.finding import PathLike
from keras_cdae.data.images import RESIZE_METHOD
from keras_cdae.errors import MissingDependencyError, ModelFileError, shown
from keras_cdae.scoring.calibration import Calibration

FORMAT = 1
KEY = "keras_cdae"  # the property of an ONNX file
FILE_NAME = "keras_cdae.json"  # inside .tflite files and SavedModels
ASSETS = "assets.extra"
SUFFIXES = (".tflite", ".onnx")  # what the runtime opens
MAX_BYTES = 2**24  # of metadata, unpacked: a thousand times what they have
MAX_SIDE = 2**15  # of a frame, in pixels


def read_metadata(path: PathLike) -> dict[str, Any]:
    """Return the metadata inside an exported file.

    Args:
        path: a `.tflite` or `.onnx` file, or a SavedModel folder.

    Raises:
        ModelFileError: if the file is missing, truncated, damaged, not made by
            this package, or made by another version.
        MissingDependencyError: if reading it needs a missing package.
    """
    file = Path(path)
    if file.is_dir():
        text = _read_folder(file)
    elif not file.is_file():
        raise ModelFileError(
            f"{file}: no such file. Make it with `keras-cdae export`."
        )
    elif file.suffix == ".tflite":
        text = _read_tflite(file)
    elif file.suffix == ".onnx":
        text = _read_onnx(file)
    else:
        raise ModelFileError(
            f"{file}: not an exported model. The runtime opens "
            f"{' and '.join(SUFFIXES)}; make one with `keras-cdae export`."
        )
    return _check(file, text)


def _read_folder(folder: Path) -> str:
    try:
        return (folder / ASSETS / FILE_NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise _foreign(folder) from error


def _read_tflite(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            begin = min(info.header_offset for info in archive.infolist())
            if archive.getinfo(FILE_NAME).file_size > MAX_BYTES:
                raise ValueError("more than metadata can have")
            text = archive.read(FILE_NAME).decode("utf-8")
            digest = archive.comment.decode("ascii")
    except Exception as error:  # zlib, struct and zipfile have many kinds
        raise _foreign(path) from error
    with path.open("rb") as file:
        if hashlib.sha256(file.read(begin)).hexdigest() != digest:
            raise ModelFileError(
                f"{path}: damaged: its checksum is wrong. Copy it again, or "
                "export the model again."
            )
    return text


def _read_onnx(path: Path) -> str:
    session = open_onnx(path)
    try:
        properties = session.get_modelmeta().custom_metadata_map
    except UnicodeDecodeError as error:
        raise _foreign(path) from error
    if KEY not in properties:
        raise _foreign(path)
    return properties[KEY]


def open_onnx(path: Path, threads: int | None = None) -> Any:
    """Return an onnxruntime session.

    Raises:
        ModelFileError: if the file is no ONNX model or cut short.
        MissingDependencyError: if onnxruntime is missing.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingDependencyError(
            f"{path}: needs onnxruntime: pip install onnxruntime"
        ) from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    if threads is not None:
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
    try:
        return onnxruntime.InferenceSession(
            str(path),
            options,
            providers=["CPUExecutionProvider"],
            enable_fallback=0,  # it would print, and try the same again
        )
    except Exception as error:  # onnxruntime's kinds have no common base
        raise _foreign(path) from error


def _check(path: Path, text: str) -> dict[str, Any]:
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _foreign(path) from error
    found = values.get("format") if isinstance(values, Mapping) else None
    if found is None:
        raise _foreign(path)
    if found != FORMAT:
        raise ModelFileError(
            f"{path}: exported in format {shown(repr(found))}, this version "
            f"reads {FORMAT}. Install the version of keras-cdae that wrote it, "
            "or export the model again."
        )
    if not _is_complete(values):
        raise ModelFileError(
            f"{path}: its metadata are damaged or incomplete. Copy it again, "
            "or export the model again."
        )
    resize = values["input"].get("resize")
    if resize != RESIZE_METHOD:
        raise ModelFileError(
            f"{path}: expects frames resized by {shown(repr(resize))}, this "
            f"version does {RESIZE_METHOD!r}. Export the model again."
        )
    if values["calibration"] is not None:
        try:
            Calibration.from_dict(values["calibration"])
        except ModelFileError as error:
            raise ModelFileError(f"{path}: {error}") from error
    return dict(values)


def _is_complete(values: Mapping[str, Any]) -> bool:
    """Tell whether everything that a scorer needs is there and makes sense."""
    expected, export = values.get("input"), values.get("export")
    if not isinstance(expected, Mapping) or not isinstance(export, Mapping):
        return False
    sizes = [
        expected.get(name)
        for name in ("height", "width", "channels", "clip_length")
    ]
    if not all(type(size) is int and 0 < size <= MAX_SIDE for size in sizes):
        return False
    if not isinstance(export.get("format"), str):
        return False
    if not {"calibration", "threshold"} <= set(values):
        return False
    threshold = values["threshold"]
    return threshold is None or (
        isinstance(threshold, Mapping)
        and isinstance(threshold.get("score"), int | float)
        and abs(threshold["score"]) < math.inf
    )


def _foreign(path: Path) -> ModelFileError:
    return ModelFileError(
        f"{path}: truncated, or not exported by keras-cdae: its metadata "
        "cannot be read. Copy it again, or make it with `keras-cdae export`."
    )
