"""Files that are either whole or absent: written aside, then renamed."""

import contextlib
import errno
import json
import os
import re
import socket
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
    try:
        handle, name = tempfile.mkstemp(
            dir=target.parent, prefix=f".{target.stem}-", suffix=target.suffix
        )
    except OSError as error:
        error.filename = str(target)  # nobody knows the temporary one
        raise
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


def require_writable(folder: Path, *, option: str = "--output") -> None:
    """Make a folder if it is absent, and see that files can be made in it.

    Args:
        folder: the folder.
        option: of the command line, which named it.

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
            f"folder with {option}."
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


def process_folder(parent: Path, prefix: str) -> Path:
    """Make a folder for what this process writes and does not finish yet.

    Its name tells the next process whether the one that made it still runs.

    Args:
        parent: where it goes; it must exist.
        prefix: of its name.
    """
    name = f"{prefix}{socket.gethostname()}-{os.getpid()}-"
    folder = Path(tempfile.mkdtemp(prefix=name, dir=parent))
    _OURS.add(folder.absolute())
    return folder


def stale_folders(parent: Path, prefix: str) -> list[Path]:
    """Return what `process_folder` made for processes that were killed.

    Those of another machine are left out: whether it works in them is not to
    be seen from here.

    Args:
        parent: where they lie; it may be absent.
        prefix: of their names.
    """
    start = f"{prefix}{socket.gethostname()}-"
    found = []
    for folder in parent.glob(f"{start}*"):
        pid = folder.name.removeprefix(start).partition("-")[0]
        ours = folder.absolute() in _OURS
        if pid.isdecimal() and not ours and not _is_running(int(pid)):
            found.append(folder)
    return found


_OURS: set[Path] = set()  # folders of this process, whatever its number was


def _is_running(pid: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is a signal
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return pid != os.getpid()


@contextlib.contextmanager
def full_disk_named(folder: Path, advice: str) -> Iterator[None]:
    """Turn what writers make of a full disk into one clear error.

    Args:
        folder: what is written to.
        advice: what to do once there is space again, a sentence.

    Raises:
        RunFolderError: if the block failed because the disk is full.
    """
    try:
        yield
    except Exception as error:
        if isinstance(error, RunFolderError) or not is_full_disk(error):
            raise
        raise RunFolderError(
            f"{folder}: the disk is full. Free some space, {advice}"
        ) from error


def is_full_disk(error: BaseException | None) -> bool:
    """Tell whether an error, or what led to it, is of a full disk.

    HDF5 and tensorflow have no number for it, but the words are in their
    messages.

    Args:
        error: the error.
    """
    while error is not None:
        number = getattr(error, "errno", None)
        if number in (errno.ENOSPC, errno.EDQUOT):
            return True
        if os.strerror(errno.ENOSPC) in str(error):
            return True
        error = error.__cause__ or error.__context__
    return False


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write `text` to `path` as UTF-8, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | os.PathLike[str], value: Any) -> None:
    """Write `value` to `path` as indented JSON; NaN is refused."""
    write_text(path, json.dumps(value, indent=2, allow_nan=False) + "\n")
