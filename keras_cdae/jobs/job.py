"""What every worker needs to know, on this machine or another."""

import dataclasses
import shutil
from pathlib import Path

from keras_cdae.files import process_folder, stale_folders
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
    """Make the folder of this process.

    Args:
        output: the folder of the results.
    """
    output.mkdir(parents=True, exist_ok=True)
    return process_folder(output, WORK)


def clear_work(output: Path) -> None:
    """Remove what killed processes left in a folder of results.

    Args:
        output: the folder.
    """
    for left in stale_folders(output, WORK):
        shutil.rmtree(left, ignore_errors=True)
