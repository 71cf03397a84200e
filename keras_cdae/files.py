"""Files that are either whole or absent: written aside, then renamed."""

import contextlib
import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from keras_cdae.errors import RunFolderError


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` on success.

    Args:
        path: the file that is to appear. Its folder is created if absent.

    Yields:
        The temporary path to write to. It keeps the suffix of `path`, because
        writers such as `keras.Model.save` choose the format by it.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(
        dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
    )
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        umask = os.umask(0)
        os.umask(umask)
        temporary.chmod(0o666 & ~umask)  # mkstemp makes private files
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def require_writable(folder: Path) -> None:
    """Make a folder if it is absent, and see that files can be made in it.

    Raises:
        RunFolderError: if not, before hours of work are lost on it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise RunFolderError(
            f"{folder}: cannot be written ({error.strerror}). Name another "
            "folder with --output."
        ) from error


def remove_leftovers(folder: Path, names: Iterable[str]) -> None:
    """Remove what killed processes left of writing to `names` in a folder.

    Nobody may be writing there: take the folder's lock first.

    Args:
        folder: where they lie; it may be absent.
        names: of files that `atomic_path` writes there.
    """
    paths = [Path(name) for name in names]
    kinds = [
        re.compile(
            rf"\.{re.escape(path.stem)}-[a-z0-9_]{{8}}.*"
            rf"{re.escape(path.suffix)}"
        )
        for path in paths
    ]
    for entry in folder.iterdir() if folder.is_dir() else ():
        if any(kind.fullmatch(entry.name) for kind in kinds):
            entry.unlink(missing_ok=True)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
