"""Train a model into a run folder."""

import dataclasses
import json
import logging
import os
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import keras

from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.data.clips import Clips, hold_out
from keras_cdae.data.pipelines import training_batches
from keras_cdae.errors import DataError, RunFolderError
from keras_cdae.files import atomic_path, write_json
from keras_cdae.models import presets
from keras_cdae.models.cdae import CDAE
from keras_cdae.runs.checkpoint import Checkpoint, checkpoints, restore
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.runs.load import MODEL_FILE
from keras_cdae.runs.settings import RunSettings, environment
from keras_cdae.scoring.calibration import TERMS, Calibration
from keras_cdae.scoring.scorer import score_frames

logger = logging.getLogger(__name__)

CHECKPOINTS = "checkpoint"


def train(
    settings: RunSettings,
    output: str | os.PathLike[str],
    *,
    resume: bool = False,
    overwrite: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = 0,
) -> CDAE:
    """Train on a data set's normal video; leave everything in one folder.

    Whole training videos are held out: they give the validation losses and,
    at the end, the calibration (SPEC section 3) that is stored in the model.

    Args:
        settings: what to do. With `resume`, `settings` must describe the
            interrupted run.
        output: the run folder. It gets `config.json`, `history.csv`,
            `model.keras`, and, while it trains, `checkpoint/`.
        resume: go on from the last finished epoch.
        overwrite: replace an earlier run in `output`.
        cache_dir: folder of the frame cache; None: the default.
        progress: called while videos are decoded, with videos done, videos in
            all, and a name.
        callbacks: further callbacks for `fit`.
        verbose: as in `keras.Model.fit`.

    Returns:
        The trained, calibrated model.

    Raises:
        DataError: if the data set is missing or unusable.
        RunFolderError: if `output` holds a run already, or none to resume.
        NonFiniteError: if training met NaN.
    """
    run = Path(output)
    dataset = load_dataset(settings.dataset, settings.data_dir)
    if not dataset.train:
        raise DataError(
            f"{dataset.root}: has no training video. Put normal video into its "
            "folder `train`."
        )
    settings = settings.resolved(dataset.channels)
    _prepare_folder(run, settings, resume, overwrite)
    for warning in dataset.warnings:
        logger.warning(warning)
    videos = cached_frames(
        dataset.train,
        image_size=settings.image_size,  # type: ignore[arg-type]
        channels=settings.channels,  # type: ignore[arg-type]
        cache_dir=cache_dir,
        progress=progress,
    )
    kept, held_out = hold_out(videos, settings.hold_out, settings.seed)
    model = _fit(settings, run, kept, held_out, callbacks, verbose)
    calibrate(
        model,
        held_out,
        source=f"{len(held_out)} held-out training videos of {dataset.title}",
        fps=dataset.fps,
    )
    with atomic_path(run / MODEL_FILE) as temporary:
        model.save(temporary)
    shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)
    return model


def calibrate(
    model: CDAE,
    videos: Sequence[Any],
    *,
    source: str,
    fps: float | None = None,
) -> Calibration:
    """Score normal video that was not trained on; store what it shows.

    Args:
        model: it gets the calibration as its attribute.
        videos: `CachedVideo`s, or uint8 arrays `(N, height, width, channels)`.
        source: what the video is, in words.
        fps: frames a second; None where unknown.

    Returns:
        The calibration.
    """
    model.calibration = None
    scores = [
        score_frames(model, getattr(video, "frames", video))
        for video in videos
    ]
    terms = {
        term: [
            value
            for video in scores
            for value in (
                video.score if term == "score" else video.terms[term]
            )
        ]
        for term in TERMS
    }
    model.calibration = Calibration.fit(terms, source=source, fps=fps)
    return model.calibration


def _fit(
    settings: RunSettings,
    run: Path,
    kept: Sequence[Any],
    held_out: Sequence[Any],
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: Any,
) -> CDAE:
    keras.utils.set_random_seed(settings.seed)
    model = new_model(settings)
    done = restore(model, run / CHECKPOINTS)
    if done >= settings.epochs:  # type: ignore[operator]
        return model
    options = {
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "dtype": "uint8",  # a quarter of the traffic; the model scales it
    }
    clips = Clips(kept, length=model.clip_length, stride=settings.clip_step)  # type: ignore[arg-type]
    data, _ = training_batches(clips, **options)  # type: ignore[arg-type]
    validation, _ = training_batches(
        Clips(held_out, length=model.clip_length),
        shuffle=False,
        **options,  # type: ignore[arg-type]
    )
    started = time.monotonic()
    model.fit(
        data,
        validation_data=validation,
        epochs=settings.epochs,
        initial_epoch=done,
        shuffle=False,  # the data shuffle themselves, by seed and epoch
        verbose=verbose,
        callbacks=[
            Checkpoint(run / CHECKPOINTS),
            keras.callbacks.CSVLogger(run / "history.csv", append=done > 0),
            *callbacks,
        ],
    )
    seconds = time.monotonic() - started
    logger.info("Trained %d clips an epoch in %.0f s.", len(clips), seconds)
    return model


def new_model(settings: RunSettings) -> CDAE:
    """Return the untrained model that resolved settings describe."""
    schedule = presets.preset(settings.preset).schedule
    if settings.pretrain_epochs is not None:
        schedule = dataclasses.replace(
            schedule, pretrain_epochs=settings.pretrain_epochs
        )
    return CDAE.from_preset(
        settings.preset,
        image_size=settings.image_size,
        channels=settings.channels,
        schedule=schedule,
        seed=settings.seed,
        dtype=settings.dtype,
        **settings.overrides,
    )


def _prepare_folder(
    run: Path, settings: RunSettings, resume: bool, overwrite: bool
) -> None:
    """Check what lies in the folder, and write `config.json`."""
    config = run / "config.json"
    if resume:
        _check_same(RunSettings.read(run), settings, run)
        if (run / MODEL_FILE).exists() and not checkpoints(run / CHECKPOINTS):
            raise RunFolderError(
                f"{run}: this run is finished: nothing to resume. Evaluate it "
                f"with `keras-cdae eval {run}`."
            )
        return
    if config.exists() or (run / MODEL_FILE).exists():
        if not overwrite:
            raise RunFolderError(
                f"{run}: holds a run already. Go on with --resume, replace it "
                "with --overwrite, or name another folder with --output."
            )
        shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)
        (run / MODEL_FILE).unlink(missing_ok=True)
    write_json(
        config, {"settings": settings.to_dict(), "environment": environment()}
    )


def _check_same(before: RunSettings, now: RunSettings, run: Path) -> None:
    """Refuse to resume with settings that would change the outcome."""
    old = json.loads(json.dumps(before.to_dict()))
    new = json.loads(json.dumps(now.to_dict()))
    changed = [
        f"{name} was {old[name]!r} and is {new[name]!r}"
        for name in old
        if old[name] != new[name] and name != "data_dir"
    ]
    if changed:
        raise RunFolderError(
            f"{run}: cannot resume with other settings: {'; '.join(changed)}. "
            "Repeat the options of the interrupted run, or start anew with "
            "--overwrite."
        )
