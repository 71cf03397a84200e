"""Train a model into a run folder."""

import contextlib
import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_cdae.backend.devices import data_parallel, require_devices
from keras_cdae.backend.precision import warn_if_emulated
from keras_cdae.data.augmentation import (
    AUGMENTATIONS,
    Augmentation,
    SwitchedAugmentation,
    as_augmentation,
)
from keras_cdae.data.benchmarks import Dataset, load_dataset
from keras_cdae.data.clips import Clips, hold_out
from keras_cdae.data.flow import require_tvl1
from keras_cdae.data.frames import CachedVideo
from keras_cdae.data.images import write_image
from keras_cdae.data.pipelines import training_batches
from keras_cdae.data.roi import (
    as_roi,
    black_outside,
    decode_roi,
    require_view,
)
from keras_cdae.data.video import video_info
from keras_cdae.errors import DataError, in_command
from keras_cdae.files import atomic_path, full_disk_named
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.clip_scorer import ClipScorer, in_float32
from keras_cdae.runs.centroids import CentroidLog, sample_clips
from keras_cdae.runs.checkpoint import Checkpoint, restore
from keras_cdae.runs.find import MODEL_FILE
from keras_cdae.runs.folder import (
    CHECKPOINTS,
    HISTORY,
    LOGS,
    ROI,
    TIMING,
    check_folder,
    clean_folder,
    start_folder,
)
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.runs.gap import AugmentOnGap, warn_of_gap
from keras_cdae.runs.history import trim_history
from keras_cdae.runs.lock import run_lock
from keras_cdae.runs.models import argument, check_names, new_model
from keras_cdae.runs.settings import AUTO, RunSettings
from keras_cdae.runs.tensorboard import TensorBoard, require_tensorboard
from keras_cdae.runs.timing import Stopwatch
from keras_cdae.scoring.alarms import fit_calibration
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.scorer import score_frames


def train(
    settings: RunSettings,
    output: str | os.PathLike[str],
    *,
    resume: bool = False,
    overwrite: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    tensorboard: bool = False,
    progress: Progress | None = None,
    callbacks: Sequence[keras.callbacks.Callback] = (),
    verbose: Any = 0,
) -> ClipScorer:
    """Train on a data set's normal video; leave everything in one folder.

    Whole training videos are held out: they give the validation losses and,
    at the end, the calibration that is stored in the model.

    Args:
        settings: what to do. With `resume`, `settings` must describe the
            interrupted run.
        output: the run folder. It gets `config.json`, `history.csv`,
            `timing.json`, `model.keras`, and, while it trains, `checkpoint/`.
        resume: go on from the last finished epoch.
        overwrite: replace an earlier run in `output`.
        cache_dir: folder of the frame cache; None: the default.
        tensorboard: whether to write TensorBoard logs into `logs/`; a run
            that has begun them goes on with them.
        progress: called while videos are decoded, with videos done, videos in
            all, and a name.
        callbacks: further callbacks for `fit`.
        verbose: as in `keras.Model.fit`.

    Returns:
        The trained, calibrated model.

    Raises:
        DataError: if the data set is missing or unusable.
        RunFolderError: if `output` holds a run already, or none to resume, or
            another process trains there, or the disk is full.
        DeviceError: if there are fewer devices than `settings` names.
        NonFiniteError: if training met NaN.
        MissingDependencyError: if `tensorboard` needs a missing package.
        ValueError: if `tensorboard` is asked for of another model than CDAE.
    """
    run = Path(output)
    require_devices(settings.devices)
    warn_if_emulated(settings.dtype)
    if tensorboard:
        check_watched(settings)
        require_tensorboard()
    dataset, settings = load_training(settings)
    check_folder(run, settings, resume=resume, overwrite=overwrite)
    go_on = (
        "then go on with "
        f"`keras-cdae train --resume --output {in_command(run)}`: every "
        "finished epoch is kept."
    )
    with run_lock(run), full_disk_named(run, go_on):
        clean_folder(run)
        videos = training_videos(dataset, settings, cache_dir, progress)
        if not resume:  # not before the videos are known to be readable
            start_folder(run, settings)
            _show_roi(run, settings, videos[0])
        kept, held_out = hold_out(videos, settings.hold_out, settings.seed)
        tensorboard = tensorboard or (resume and (run / LOGS).is_dir())
        with data_parallel(settings.devices):
            model = _fit(
                settings, run, kept, held_out, callbacks, verbose, tensorboard
            )
        model = in_float32(model)
        calibrate(
            model,
            held_out,
            source=f"{len(held_out)} held-out training videos of "
            f"{dataset.title}",
            fps=dataset.fps,
        )
        with atomic_path(run / MODEL_FILE) as temporary:
            model.save(temporary)
        shutil.rmtree(run / CHECKPOINTS, ignore_errors=True)
        warn_of_gap(
            run / HISTORY,
            can_augment=(not settings.augment or settings.auto_augment)
            and settings.model != "flow-cdae",
        )
    return model


def load_training(settings: RunSettings) -> tuple[Dataset, RunSettings]:
    """Return the data set and the settings filled in.

    Args:
        settings: what to do.

    Raises:
        DataError: if the data set is missing or has no training video, or if
            the region of interest is of another shape than a picture of it,
            or leaves nothing out, or nothing in.
        ValueError: if the model has no argument of an override's name.
        MissingDependencyError: if its optical flow needs a missing package.
    """
    check_names(settings.model, settings.overrides)
    if argument(settings, "flow") == "tvl1":
        require_tvl1()
    dataset = load_dataset(settings.dataset, settings.data_dir)
    if not dataset.train:
        raise DataError(
            f"{dataset.root}: has no training video. Put normal video into its "
            "folder `train`."
        )
    settings = settings.resolved(dataset.channels)
    if settings.roi is not None:
        _check_roi(settings, dataset)
    return dataset, settings


def _check_roi(settings: RunSettings, dataset: Dataset) -> None:
    """Refuse a region that cannot be meant, before anything is replaced."""
    roi = decode_roi(settings.roi)  # type: ignore[arg-type]
    for each in dataset.train:
        video = video_info(each.path)
        require_view(roi, (video.height, video.width), each.path)
    height, width = settings.image_size  # type: ignore[misc]
    try:
        inside = as_roi(roi, (height, width))
    except ValueError as error:
        raise DataError(f"{error}. Paint more of the picture white.") from error
    if inside is None:
        raise DataError(
            "The region of interest is the whole picture: nothing in it is "
            f"black at {height} x {width}. Paint more of it black, or leave it "
            "out."
        )


def _show_roi(run: Path, settings: RunSettings, video: CachedVideo) -> None:
    """Write what the model sees of the first frame, if not all of it."""
    inside = as_roi(settings.roi, video.frames.shape[1:3])
    if inside is not None:
        write_image(run / ROI, black_outside(video.frames[0], inside))


def training_videos(
    dataset: Dataset,
    settings: RunSettings,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> list[CachedVideo]:
    """Return the training videos at the size that resolved settings say.

    Args:
        dataset: the data set.
        settings: resolved.
        cache_dir: folder of the frame cache; None: the default.
        progress: called while videos are decoded.
    """
    return cached_frames(
        dataset.train,
        image_size=settings.image_size,  # type: ignore[arg-type]
        channels=settings.channels,  # type: ignore[arg-type]
        flow=argument(settings, "flow"),
        cache_dir=cache_dir,
        progress=progress,
    )


def calibrate(
    model: ClipScorer,
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
    scores = [
        score_frames(model, getattr(video, "frames", video)) for video in videos
    ]
    model.calibration = fit_calibration(scores, source=source, fps=fps)
    return model.calibration


def check_watched(settings: RunSettings) -> None:
    """Refuse TensorBoard logs of a model that has none.

    Args:
        settings: of the run.

    Raises:
        ValueError: if the model is another than `"cdae"`.
    """
    if settings.model != "cdae":
        raise ValueError(
            "tensorboard logs are of the model cdae alone: its parts are what "
            "they show. Leave them out; history.csv has the losses. Received: "
            f"model={settings.model!r}"
        )


def _fit(
    settings: RunSettings,
    run: Path,
    kept: Sequence[Any],
    held_out: Sequence[Any],
    callbacks: Sequence[keras.callbacks.Callback],
    verbose: Any,
    tensorboard: bool,
) -> ClipScorer:
    keras.utils.set_random_seed(settings.seed)
    model = new_model(settings)
    done = restore(model, run / CHECKPOINTS)
    whole = getattr(model, "clusters_ready", True)  # killed before k-means
    if whole and done >= settings.epochs:  # type: ignore[operator]
        return model
    options: dict[str, Any] = {
        "batch_size": settings.batch_size,
        "seed": settings.seed,
        "dtype": "uint8",  # a quarter of the traffic; the model scales it
    }
    clips = Clips(kept, length=model.clip_length, stride=settings.clip_step)  # type: ignore[arg-type]
    augmentation = _augmentation(settings)
    data = training_batches(
        clips,
        pseudo_anomalies=settings.pseudo_anomalies,
        augment=augmentation,
        **options,
    )
    unseen = Clips(held_out, length=model.clip_length)
    validation = training_batches(
        unseen,
        shuffle=False,
        **options,
    )
    trim_history(run / HISTORY, done)
    watchers: list[keras.callbacks.Callback] = []
    if isinstance(model, CDAE):
        watchers.append(centroids := CentroidLog(sample_clips(unseen)))
        if tensorboard:
            watchers.append(
                TensorBoard(run / LOGS, centroids, first_epoch=done)
            )
    if isinstance(augmentation, SwitchedAugmentation):
        watchers.append(
            AugmentOnGap(augmentation, run / HISTORY, settings.epochs)  # type: ignore[arg-type]
        )
    with _own_error(data, validation):
        model.fit(
            data,
            validation_data=validation,
            epochs=settings.epochs,
            initial_epoch=done,
            shuffle=False,  # the data shuffle themselves, by seed and epoch
            verbose=verbose,
            callbacks=[
                *watchers,
                # These first: what a kill leaves is cut to the checkpoint.
                keras.callbacks.CSVLogger(run / HISTORY, append=done > 0),
                Stopwatch(run / TIMING, len(clips)),
                Checkpoint(run / CHECKPOINTS),
                *callbacks,
            ],
        )
    return model


def _augmentation(settings: RunSettings) -> Augmentation | None:
    """Return how the training's clips are changed, or may come to be."""
    if not settings.auto_augment:
        return as_augmentation(settings.augment)
    usual = AUGMENTATIONS if settings.roi is None else ("brightness",)
    named = tuple(kind for kind in settings.augment if kind != AUTO)
    return SwitchedAugmentation(named or usual)


@contextlib.contextmanager
def _own_error(*data: Any) -> Iterator[None]:
    """Raise what ended a pipeline, where tf.data has but its text."""
    try:
        yield
    except Exception as error:
        for counter in (getattr(d, "epoch_counter", None) for d in data):
            if counter is not None and counter.error is not None:
                raise counter.error from error
        raise
