"""Full disks, and the folders of killed processes."""

import errno
import os
import socket

import pytest

from keras_cdae.errors import CDAEError, DataError, RunFolderError
from keras_cdae.files import (
    atomic_path,
    full_disk_named,
    process_folder,
    stale_folders,
)
from keras_cdae.runs.lock import LOCK, run_lock

FULL = os.strerror(errno.ENOSPC)


def with_cause(error, cause):
    error.__cause__ = cause
    return error


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, FULL),
        OSError(errno.EDQUOT, "quota"),
        RuntimeError(f"Can't write data (file write failed: '{FULL}')"),
        with_cause(ValueError("of HDF5"), OSError(errno.ENOSPC, FULL)),
        DataError(f"in another process: {FULL}"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_full_disk_is_named(tmp_path, error):
    with (
        pytest.raises(
            RunFolderError, match=r"disk is full.*then go on"
        ) as made,
        full_disk_named(tmp_path, "then go on."),
    ):
        raise error
    assert str(made.value).startswith(f"{tmp_path}: ")


@pytest.mark.parametrize(
    "error",
    [OSError(errno.EACCES, "no"), CDAEError("ours"), ValueError("other")],
)
def test_other_errors_pass(tmp_path, error):
    with (
        pytest.raises(type(error)) as caught,
        full_disk_named(tmp_path, "then go on."),
    ):
        raise error
    assert caught.value is error


def test_a_folder_of_a_living_process_is_not_stale(tmp_path):
    ours = process_folder(tmp_path, ".x-")
    host = socket.gethostname()
    for name in (f".x-{host}-{os.getppid()}-a", f".x-{host}-no-number-a"):
        (tmp_path / name).mkdir()
    (tmp_path / ".x-").mkdir()
    assert ours.is_dir()
    assert stale_folders(tmp_path, ".x-") == []
    assert stale_folders(tmp_path / "absent", ".x-") == []


def test_a_lock_holds_where_nothing_can_be_written(tmp_path):
    """Its file cannot name the process then; that is all."""
    resource = pytest.importorskip("resource")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with run_lock(tmp_path):
            assert (tmp_path / LOCK).stat().st_size == 0
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not (tmp_path / LOCK).exists()


def test_a_file_that_cannot_be_made_is_named_as_it_was_asked_for(tmp_path):
    target = tmp_path / f"{'x' * 250}.csv"  # with more it is too long a name
    with (
        pytest.raises(OSError, match="too long") as caught,
        atomic_path(target),
    ):
        pass
    assert caught.value.filename == str(target)
