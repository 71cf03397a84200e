"""Import keras on the chosen backend, or say how to get it."""

import contextlib
import importlib
import importlib.util
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from keras_cdae.errors import MissingDependencyError

from . import options, output


def require() -> str:
    """Return the name of the backend, installed and imported.

    Raises:
        MissingDependencyError: if it is not; the message names the command.
    """
    name = choose()
    if sys.stderr.isatty():
        output.say(f"Loading {name} ...")
    # In this order: tensorflow's libraries clash with a torch imported later.
    # Keras loads and saves models by tensorflow under every backend that has
    # it beside it.
    for module in dict.fromkeys((name, "tensorflow")):
        if importlib.util.find_spec(module) is not None:
            _import(module, needed=module == name)
    return name


def choose() -> str:
    """Return the name of the backend, installed but not imported.

    For a command whose other processes import it.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    name = os.environ.get("KERAS_BACKEND") or _configured()
    _check_installed(name)
    os.environ["KERAS_BACKEND"] = name
    return name


def _check_installed(name: str) -> None:
    if name not in options.BACKENDS:
        raise MissingDependencyError(
            f"KERAS_BACKEND is {name!r}; expected one of "
            f"{', '.join(options.BACKENDS)}. Change it, or name one of them "
            "with --backend."
        )
    if importlib.util.find_spec(name) is not None:
        return
    others = [
        other
        for other in options.BACKENDS
        if importlib.util.find_spec(other) is not None
    ]
    instead = (
        f", or use --backend {others[0]}, which is installed" if others else ""
    )
    raise MissingDependencyError(
        f"The backend {name} is not installed: pip install {name}{instead}."
    )


def _import(module: str, needed: bool) -> None:
    """Import a backend; one that keras could do without may be broken."""
    try:
        with _quiet():
            importlib.import_module(module)
    except ImportError as error:
        if needed:
            raise MissingDependencyError(
                f"The backend {module} is installed, but cannot be imported: "
                f"{error}. Install it again, or choose another with --backend."
            ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Hold back what C++ libraries write to stderr while they are loaded.

    TensorFlow talks of oneDNN and CUDA before it reads its own log level.
    What was held back is printed if the import fails, or with --verbose; not
    if the user ends it.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as held:
        stderr = os.dup(2)
        failed = False
        try:
            os.dup2(held.fileno(), 2)
            yield
        except Exception:
            failed = True
            raise
        finally:
            sys.stderr.flush()
            os.dup2(stderr, 2)
            os.close(stderr)
            if failed or output.is_verbose():
                held.seek(0)
                sys.stderr.write(held.read().decode(errors="replace"))


def _configured() -> str:
    """Return the backend in the user's keras.json, else tensorflow."""
    home = os.environ.get("KERAS_HOME") or Path.home() / ".keras"
    try:
        text = (Path(home) / "keras.json").read_text(encoding="utf-8")
        return str(json.loads(text)["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return "tensorflow"
