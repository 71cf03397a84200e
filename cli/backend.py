"""Import keras on the chosen backend, or say how to get it."""

import importlib.util
import json
import os
from pathlib import Path

from keras_cdae.errors import MissingDependencyError


def require() -> str:
    """Return the name of the backend, installed.

    Raises:
        MissingDependencyError: if it is not; the message names the command.
    """
    name = os.environ.get("KERAS_BACKEND") or _configured()
    if importlib.util.find_spec(name) is None:
        others = [
            other
            for other in ("tensorflow", "jax", "torch")
            if importlib.util.find_spec(other) is not None
        ]
        instead = (
            f", or use --backend {others[0]}, which is installed"
            if others
            else ""
        )
        raise MissingDependencyError(
            f"The backend {name} is not installed: pip install {name}{instead}."
        )
    os.environ["KERAS_BACKEND"] = name
    if name == "torch" or importlib.util.find_spec("torch") is not None:
        _import_torch_first(name)
    return name


def _import_torch_first(name: str) -> None:
    """Import torch before tensorflow, whose libraries it else clashes with."""
    if name == "torch":
        importlib.import_module("torch")


def _configured() -> str:
    """Return the backend in the user's keras.json, else tensorflow."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        text = (Path(home) / "keras.json").read_text(encoding="utf-8")
        return str(json.loads(text)["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"
