"""The table of export formats: choices, checks, docs and tests read it."""

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from keras_cdae.errors import MissingDependencyError

MIN_RANK_CORRELATION = 0.95


@dataclass(frozen=True)
class Quantization:
    """A way to store the weights.

    Attributes:
        title: for people.
        tolerance: largest relative difference to Keras of score and map; None
            where the rank correlation decides.
        needs_clips: whether it is made from representative clips.
    """

    title: str
    tolerance: float | None
    needs_clips: bool = False


@dataclass(frozen=True)
class Format:
    """An export format.

    Attributes:
        title: for people.
        suffix: of the file; empty for a folder.
        quantizations: what it offers.
        needs: import names of the packages that make and check it.
        batch: clips a call; None: any number.
        on_edge: whether `keras_cdae.runtime` opens it.
    """

    title: str
    suffix: str
    quantizations: tuple[str, ...]
    needs: tuple[str, ...]
    batch: int | None
    on_edge: bool


QUANTIZATIONS: Mapping[str, Quantization] = MappingProxyType(
    {
        "none": Quantization("32-bit floats", 1e-4),
        "float16": Quantization("16-bit weights", 1e-2),
        "dynamic": Quantization("8-bit weights, ranges at run time", None),
        "int8": Quantization(
            "8-bit decoders; encoders, distances and score in floats",
            None,
            needs_clips=True,
        ),
    }
)
FORMATS: Mapping[str, Format] = MappingProxyType(
    {
        "saved_model": Format(
            title="TensorFlow SavedModel",
            suffix="",
            quantizations=("none",),
            needs=("tensorflow",),
            batch=None,
            on_edge=False,
        ),
        "tflite": Format(
            title="TFLite (LiteRT), for small devices",
            suffix=".tflite",
            quantizations=("none", "float16", "dynamic", "int8"),
            needs=("tensorflow", "ai_edge_litert"),
            batch=1,
            on_edge=True,
        ),
        "onnx": Format(
            title="ONNX, for onnxruntime",
            suffix=".onnx",
            quantizations=("none", "int8"),
            needs=("tensorflow", "tf2onnx", "onnx", "onnxruntime"),
            batch=None,
            on_edge=True,
        ),
        "keras": Format(
            title="Keras, the model without its optimizer",
            suffix=".keras",
            quantizations=("none",),
            needs=(),
            batch=None,
            on_edge=False,
        ),
    }
)


def check_choice(name: str, quantize: str) -> Format:
    """Return the format of this name, if it offers the quantisation.

    Raises:
        ValueError: if there is no such format or quantisation.
    """
    if name not in FORMATS:
        raise ValueError(
            f"format must be one of {', '.join(FORMATS)}. "
            f"Received: format={name!r}"
        )
    offered = FORMATS[name].quantizations
    if quantize not in offered:
        raise ValueError(
            f"{name} offers quantize={' or '.join(offered)}. "
            f"Received: quantize={quantize!r}"
        )
    return FORMATS[name]


def check_path(path: Path, name: str) -> None:
    """Check that a target has the suffix of its format.

    Raises:
        ValueError: if it has another suffix.
    """
    suffix = FORMATS[name].suffix
    if suffix and path.suffix != suffix:
        raise ValueError(
            f"A {name} file must end in {suffix}. Received: path={str(path)!r}"
        )


def check_installed(name: str) -> None:
    """Check that the packages of a format are installed.

    Raises:
        MissingDependencyError: if one is missing; the message names the extra.
    """
    missing = [
        package
        for package in FORMATS[name].needs
        if importlib.util.find_spec(package) is None
    ]
    if missing:
        extras = sorted(
            {"tensorflow" if p == "tensorflow" else "export" for p in missing}
        )
        raise MissingDependencyError(
            f"Export to {name} needs {', '.join(missing)}: "
            f"pip install 'keras-cdae[{','.join(extras)}]'"
        )


def check_source(source: Path, target: Path) -> None:
    """Refuse an export over the file that it is made of.

    Args:
        source: the `.keras` file that is exported.
        target: where to.

    Raises:
        ValueError: if they are one.
    """
    if target.exists() and target.samefile(source):
        raise ValueError(
            f"{target}: is the model that is exported; an export lacks what "
            "training goes on with. Name another file."
        )
