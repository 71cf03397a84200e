"""Find the file of a trained model, without importing keras."""

import importlib.util
import os
from pathlib import Path

from keras_cdae.errors import ModelFileError, in_command

MODEL_FILE = "model.keras"
SHIPPED_PACKAGE = "keras_cdae_saved_models"


def find_model(model: str | os.PathLike[str]) -> Path:
    """Return the path of the `.keras` file that a user's words name.

    Args:
        model: a `.keras` file, a run folder, or the name of a shipped model.

    Raises:
        ModelFileError: if there is none; the message lists what is shipped.
    """
    path = Path(model).expanduser()
    if (path / "saved_model.pb").is_file():
        raise ModelFileError(
            f"{path}: is a SavedModel, which TensorFlow opens: "
            "`tf.saved_model.load` in Python. This command takes what it was "
            "exported from, a run folder or .keras file. For `keras-cdae "
            "watch`, export that with --format tflite or onnx."
        )
    if path.is_file() and path.suffix in (".tflite", ".onnx"):
        raise ModelFileError(
            f"{path}: is an export: open it with `keras-cdae watch`, or with "
            "`keras_cdae.EdgeScorer` in Python. This command takes what it was "
            "exported from, a run folder or .keras file."
        )
    if path.is_file():
        return path
    if path.is_dir():
        return _in_folder(path)
    shipped = shipped_models()
    if str(model) in shipped:
        return shipped[str(model)]
    names = f" Shipped: {', '.join(shipped)}." if shipped else ""
    raise ModelFileError(
        f"{model}: no such run folder or model. Name a folder or a .keras file "
        f"that `keras-cdae train` wrote.{names}"
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
    return dict(sorted((file.stem, file) for file in files))


def _in_folder(path: Path) -> Path:
    file = path / MODEL_FILE
    if file.is_file():
        return file
    if (path / "config.json").is_file():
        raise ModelFileError(
            f"{path}: no {MODEL_FILE} yet: the training was interrupted. Go on "
            f"with `keras-cdae train --resume --output {in_command(path)}`."
        )
    raise ModelFileError(
        f"{path}: not a run folder: it has no {MODEL_FILE}. Name the folder "
        "that `keras-cdae train --output` wrote."
    )
