"""The interpreters that run an exported file, behind one function."""

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.errors import MissingDependencyError, ModelFileError
from keras_cdae.runtime.metadata import open_onnx

Run = Callable[[np.ndarray], dict[str, np.ndarray]]

# The same interpreter under its present name and its name on older boards.
TFLITE_MODULES = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter")
INPUT = "clips"


def open_model(path: Path, threads: int | None = None) -> Run:
    """Return a function from clips to the model's outputs by name.

    Args:
        path: a `.tflite` or `.onnx` file whose metadata have been read.
        threads: of the interpreter; None: its own choice.

    Raises:
        MissingDependencyError: if no interpreter is installed.
        ModelFileError: if the interpreter refuses the file.
    """
    if path.suffix == ".tflite":
        return _open_tflite(path, threads)
    session = open_onnx(path, threads)
    names = [output.name for output in session.get_outputs()]
    return lambda clips: dict(
        zip(names, session.run(names, {INPUT: clips}), strict=True)
    )


def _open_tflite(path: Path, threads: int | None) -> Run:
    interpreter_class = _tflite_interpreter(path)
    try:
        interpreter = interpreter_class(
            model_path=str(path), num_threads=threads
        )
        interpreter.allocate_tensors()
        runner = interpreter.get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise ModelFileError(
            f"{path}: the TFLite interpreter refuses it: {error}. Export the "
            "model again, or install a newer ai-edge-litert."
        ) from error

    def run(clips: np.ndarray) -> dict[str, np.ndarray]:
        outputs: Mapping[str, np.ndarray] = runner(**{INPUT: clips})
        return dict(outputs)

    return run


def _tflite_interpreter(path: Path) -> Any:
    for name in TFLITE_MODULES:
        try:
            return importlib.import_module(name).Interpreter
        except ImportError:
            continue
    raise MissingDependencyError(
        f"{path}: needs a TFLite interpreter: pip install ai-edge-litert"
    )
