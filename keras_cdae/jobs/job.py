"""What every worker needs to know, on this machine or another."""

import dataclasses
import os
import shutil
import socket
import tempfile
from pathlib import Path

from keras_cdae.jobs.settings import ScoreSettings

WORK = ".work-"


@dataclasses.dataclass(frozen=True)
class Job:
    """Where the model is, and where results go.

    Args:
        model: the `.keras` file.
        output: the folder of the results.
        work: a folder in it for what is not whole yet.
        settings: what is wanted of every video.
        backend: of Keras.
    """

    model: Path
    output: Path
    work: Path
    settings: ScoreSettings
    backend: str


def work_folder(output: Path) -> Path:
    """Make the folder of this process, and clear those of killed ones.

    Args:
        output: the folder of the results.
    """
    output.mkdir(parents=True, exist_ok=True)
    host = socket.gethostname()
    for left in output.glob(f"{WORK}{host}-*"):
        pid = left.name.removeprefix(f"{WORK}{host}-").partition("-")[0]
        if pid.isdecimal() and not _is_running(int(pid)):
            shutil.rmtree(left, ignore_errors=True)
    prefix = f"{WORK}{host}-{os.getpid()}-"
    return Path(tempfile.mkdtemp(prefix=prefix, dir=output))


def _is_running(pid: int) -> bool:
    if os.name != "posix":  # elsewhere signal 0 is a signal
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid != os.getpid()
