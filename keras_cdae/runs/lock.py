"""One writer a folder: a lock that ends with its process.

The operating system holds it, so a killed run leaves no stale lock: only its
file, which the next run takes over.
"""

import contextlib
import logging
import os
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from keras_cdae.errors import RunFolderError, shown

logger = logging.getLogger(__name__)

LOCK = ".lock"


@contextlib.contextmanager
def run_lock(folder: Path) -> Iterator[None]:
    """Keep other processes from writing to a folder while the block runs.

    Args:
        folder: it must exist.

    Raises:
        RunFolderError: if another process has it, or it cannot be written.
    """
    handle = _open(folder)
    try:
        _write(handle, f"process {os.getpid()} on {socket.gethostname()}")
        yield
    finally:
        (folder / LOCK).unlink(missing_ok=True)
        handle.close()


def require_free(folder: Path) -> None:
    """Raise an error if another process writes to a folder.

    Raises:
        RunFolderError: if so; the message names the process.
    """
    with run_lock(folder):
        pass


def _open(folder: Path) -> IO[str]:
    """Return the lock's file, locked."""
    path = folder / LOCK
    while True:
        try:
            handle = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise RunFolderError(
                f"{folder}: cannot be written ({error.strerror}). Name another "
                "folder with --output."
            ) from error
        try:
            taken = _take(handle)
        except OSError as error:
            logger.warning(
                "%s: cannot be locked (%s): start no second run on it.",
                folder,
                error.strerror,
            )
            return handle
        if not taken:
            handle.seek(0)
            holder = shown(handle.read(200)) or "another process"
            handle.close()
            raise RunFolderError(
                f"{folder}: in use by {holder}. Wait until it is done, or "
                "name another folder with --output."
            )
        if _is_there(handle, path):
            return handle
        handle.close()  # removed between opening and locking: again


def _take(handle: IO[str]) -> bool:
    """Lock an open file; return False where another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            handle.seek(2**20)  # a locked byte cannot be read there
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _is_there(handle: IO[str], path: Path) -> bool:
    """Tell whether an open file is still the one that the path names."""
    try:
        return os.path.samestat(os.fstat(handle.fileno()), path.stat())
    except FileNotFoundError:
        return False


def _write(handle: IO[str], holder: str) -> None:
    handle.truncate(0)
    # The lock holds whatever it says, on a full disk too. Past the buffer of
    # the file, which would try again when it is closed.
    with contextlib.suppress(OSError):
        os.write(handle.fileno(), holder.encode())
