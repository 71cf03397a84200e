"""What a run folder may hold when a training begins, and what it gets."""

import json
import shutil
from pathlib import Path

from keras_cdae.errors import RunFolderError, in_command, shown
from keras_cdae.files import (
    remove_leftovers,
    require_writable,
    write_json,
)
from keras_cdae.runs.checkpoint import checkpoints
from keras_cdae.runs.find import MODEL_FILE
from keras_cdae.runs.lock import require_free
from keras_cdae.runs.models import changed_since, model_config
from keras_cdae.runs.settings import FORMAT, RunSettings, environment

FREE = ("data_dir", "devices")  # settings that do not change the outcome
CHECKPOINTS = "checkpoint"
CONFIG = "config.json"
HISTORY = "history.csv"
LOGS = "logs"  # TensorBoard's
RESULT = "result.json"  # of a sweep
ROI = "roi.png"  # what the model sees
TIMING = "timing.json"
RESULTS = (  # they go when the model goes
    "metrics.json",
    "scores.csv",
    "regularity.png",
    "reconstruction.png",
    "worst.png",
    ROI,
    TIMING,
    RESULT,
)


def check_folder(
    run: Path, settings: RunSettings, *, resume: bool, overwrite: bool
) -> None:
    """Refuse a folder that cannot take this run, before anything is done.

    Args:
        run: the run folder.
        settings: the run's, resolved.
        resume: whether the folder's interrupted run is to go on.
        overwrite: whether a run that lies there may be replaced.

    Raises:
        RunFolderError: if it holds a run, or none to resume, or another one,
            or cannot be written, or if another process trains there.
    """
    if run.is_dir():
        require_free(run)
    if resume:
        check_same(run, settings)
        finished = (run / MODEL_FILE).exists()
        if finished and not checkpoints(run / CHECKPOINTS):
            raise RunFolderError(
                f"{run}: this run is finished: nothing to resume. Evaluate it "
                f"with `keras-cdae eval {in_command(run)}`."
            )
    elif not overwrite and any(
        (run / name).exists() for name in (CONFIG, MODEL_FILE)
    ):
        raise RunFolderError(
            f"{run}: holds a run already. Go on with --resume, replace it "
            "with --overwrite, or name another folder with --output."
        )
    require_writable(run)


def start_folder(run: Path, settings: RunSettings) -> None:
    """Take away what an earlier run left, and write `config.json`."""
    for folder in (CHECKPOINTS, LOGS):
        shutil.rmtree(run / folder, ignore_errors=True)
    for name in (MODEL_FILE, HISTORY, *RESULTS):
        (run / name).unlink(missing_ok=True)
    write_json(
        run / CONFIG,
        {
            "format": FORMAT,
            "settings": settings.to_dict(),
            "model": model_config(settings),
            "environment": environment(),
        },
    )


def clean_folder(run: Path) -> None:
    """Remove the unfinished files of killed runs; the lock must be held."""
    remove_leftovers(run, (CONFIG, MODEL_FILE, HISTORY, *RESULTS))
    checkpoint = run / CHECKPOINTS
    if checkpoint.is_dir():
        for entry in checkpoint.glob(".epoch-*"):
            entry.unlink(missing_ok=True)


def check_same(run: Path, settings: RunSettings) -> None:
    """Refuse to go on with settings that would change the outcome.

    Raises:
        RunFolderError: if the folder holds no run, or another one.
    """
    old = json.loads(json.dumps(RunSettings.read(run).to_dict()))
    new = json.loads(json.dumps(settings.to_dict()))
    old["backend"] = RunSettings.read_backend(run)
    new["backend"] = environment()["backend"]
    changed = [
        f"{name} was {shown(old[name], 60)} and is {shown(new[name], 60)}"
        for name in old
        if old[name] != new[name] and name not in FREE
    ]
    if changed:
        raise RunFolderError(
            f"{run}: cannot resume with other settings: {'; '.join(changed)}. "
            "Leave these options out, or start anew with --overwrite."
        )
    since = changed_since(settings, RunSettings.read_model(run))
    if since:
        raise RunFolderError(
            f"{run}: cannot resume: preset {settings.preset} has changed since "
            f"it began, when it gave {shown(since, 200)}. Start anew with "
            "--overwrite, or finish it with the version of keras_cdae that "
            "its config.json names."
        )
