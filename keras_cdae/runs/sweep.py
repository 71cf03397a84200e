"""Train variants with several seeds, each into a run folder of its own."""

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras

from keras_cdae.files import write_json
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.budget import epochs_within
from keras_cdae.runs.columns import centroid_use
from keras_cdae.runs.cost import cost, target_seconds
from keras_cdae.runs.evaluator import evaluate
from keras_cdae.runs.find import MODEL_FILE
from keras_cdae.runs.folder import (
    CONFIG,
    HISTORY,
    RESULT,
    TIMING,
    check_same,
    require_writable,
)
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.runs.loader import load
from keras_cdae.runs.models import arguments
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runs.timing import TrainingTime
from keras_cdae.runs.trainer import load_training, train
from keras_cdae.runs.variants import Variant

PLAN = "sweep.json"


@dataclasses.dataclass(frozen=True)
class Result:
    """One finished run.

    Attributes:
        variant: which.
        seed: its seed.
        epochs: epochs it was trained.
        seconds: of training, without validation.
        cost: parameters, operations and frames a second.
        metrics: the keys of `metrics.json`, `trivial` among them.
        centroids: what the last epoch says of their use, see
            `columns.CENTROID_KEYS`; empty without clusters.
    """

    variant: Variant
    seed: int
    epochs: int
    seconds: float
    cost: Mapping[str, float]
    metrics: Mapping[str, Any]
    centroids: Mapping[str, float] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Hooks:
    """What a sweep tells its caller, all optional.

    Args:
        begin: called with the folder, runs done and runs in all.
        callbacks: makes the callbacks of one training.
        progress: called while videos are decoded.
        scored: called after each scored video.
    """

    begin: Callable[[Path, int, int], None] = lambda folder, done, total: None
    callbacks: Callable[[], Sequence[keras.callbacks.Callback]] = tuple
    progress: Progress | None = None
    scored: Progress | None = None


def sweep(
    variants: Sequence[Variant],
    settings: RunSettings,
    output: str | os.PathLike[str],
    *,
    seeds: Sequence[int] = (0,),
    minutes: float | None = None,
    overwrite: bool = False,
    cache_dir: str | os.PathLike[str] | None = None,
    hooks: Hooks | None = None,
) -> Iterator[Result]:
    """Train and evaluate every variant with every seed, one after the other.

    A finished run is not trained again, an interrupted one goes on. Nothing is
    chosen by the test video: the last epoch counts.

    Args:
        variants: the rows of the table.
        settings: what they share; `epochs` is the equal budget, unless
            `minutes` is given. Its overrides count for every model that has
            such an argument.
        output: folder; the runs go to `VARIANT/seedN`.
        seeds: of the trainings.
        minutes: of training for each run. How many epochs that is is measured
            once for each variant and its settings, and kept in `sweep.json`.
        overwrite: train again what lies there; all of it is forgotten before
            the first training, so that one that is stopped goes on without.
        cache_dir: folder of the frame cache; None: the default.
        hooks: what to tell the caller.

    Yields:
        Each result, as soon as it is there; seed by seed, so that one whole
        table is there early.

    Raises:
        DataError: if the data set is missing or unusable.
        RunFolderError: if a run with other settings lies in `output`.
        ValueError: if an override is no argument of any model, or one that
            the variants set themselves.
    """
    folder, hooks = Path(output), hooks or Hooks()
    jobs = [(variant, seed) for seed in seeds for variant in variants]
    settings_of = {v.name: variant_settings(v, settings) for v in variants}
    check_shared(variants, settings.overrides)
    for each in settings_of.values():
        load_training(each)
    require_writable(folder)
    if overwrite:  # at once: old and new models would stand in one table
        (folder / PLAN).unlink(missing_ok=True)
        for variant, seed in jobs:
            for name in (CONFIG, MODEL_FILE, RESULT):
                (_run(folder, variant, seed) / name).unlink(missing_ok=True)
    for number, (variant, seed) in enumerate(jobs):
        run = _run(folder, variant, seed)
        hooks.begin(run, number, len(jobs))
        job = dataclasses.replace(settings_of[variant.name], seed=seed)
        if minutes is not None:
            epochs = _epochs(folder, variant, job, minutes, cache_dir, hooks)
            job = dataclasses.replace(job, epochs=epochs)
        yield _finish(variant, job, run, overwrite, cache_dir, hooks)


def check_shared(
    variants: Sequence[Variant], overrides: Mapping[str, Any]
) -> None:
    """Refuse overrides that would be without effect, or undo a variant.

    Args:
        variants: the rows of the table.
        overrides: arguments for all of them.

    Raises:
        ValueError: if no model has such an argument, or a variant sets it.
    """
    known = sorted({n for v in variants for n in arguments(v.model)})
    taken = {name for v in variants for name in v.overrides}
    for name in overrides:
        if name in taken:
            raise ValueError(
                f"{name} cannot be set: the rows of this table set it "
                "themselves. Train by itself what you want to compare."
            )
        if name not in known:
            raise ValueError(
                f"None of these models has an argument {name!r}: expected one "
                f"of {', '.join(n for n in known if n not in taken)}."
            )


def variant_settings(variant: Variant, settings: RunSettings) -> RunSettings:
    """Return the settings of one row.

    Args:
        variant: the row.
        settings: what the rows share, overrides among it.
    """
    known = arguments(variant.model)
    shared = {k: v for k, v in settings.overrides.items() if k in known}
    return dataclasses.replace(
        settings,
        model=variant.model,
        overrides={**shared, **variant.overrides},
    )


def _finish(
    variant: Variant,
    settings: RunSettings,
    run: Path,
    overwrite: bool,
    cache_dir: str | os.PathLike[str] | None,
    hooks: Hooks,
) -> Result:
    model: ClipScorer | None = None
    _, settings = load_training(settings)
    begun = (run / CONFIG).is_file()
    if begun:
        check_same(run, settings)
    if not (begun and (run / MODEL_FILE).is_file()):
        model = train(
            settings,
            run,
            resume=begun,
            overwrite=overwrite and not begun,
            cache_dir=cache_dir,
            progress=hooks.progress,
            callbacks=hooks.callbacks(),
        )
    if not (run / RESULT).is_file():
        model = model or load(run)
        found = evaluate(
            model,
            settings.dataset,
            settings.data_dir,
            output=run,
            cache_dir=cache_dir,
            progress=hooks.progress,
            scored=hooks.scored,
        )
        metrics = {**found.metrics, "trivial": found.trivial}
        frames = cached_frames(
            found.dataset.test[:1],
            image_size=model.image_size,
            channels=model.channels,
            cache_dir=cache_dir,
        )[0].frames
        spent = {
            **cost(model),
            "target_seconds": target_seconds(frames, model.flow),
        }
        write_json(run / RESULT, {"metrics": metrics, "cost": spent})
    return Result(
        variant=variant,
        seed=settings.seed,
        epochs=settings.epochs,  # type: ignore[arg-type]
        seconds=TrainingTime.read(run / TIMING).seconds,
        centroids=centroid_use(run / HISTORY),
        **_read(run / RESULT),
    )


def _epochs(
    folder: Path,
    variant: Variant,
    settings: RunSettings,
    minutes: float,
    cache_dir: str | os.PathLike[str] | None,
    hooks: Hooks,
) -> int:
    """Return the epochs of a variant: measured once, then kept."""
    measured = {**settings.to_dict(), "minutes": minutes}
    for name in ("epochs", "seed", "data_dir"):  # decide no step's time
        del measured[name]
    measured = json.loads(json.dumps(measured))  # lists, as a file has them
    plan: dict[str, Any] = {}
    with contextlib.suppress(OSError, ValueError):
        plan = _read(folder / PLAN)
    known = plan.get(variant.name)
    if known is None or known["settings"] != measured:
        epochs = epochs_within(
            settings, minutes, cache_dir=cache_dir, progress=hooks.progress
        )
        plan[variant.name] = {"epochs": epochs, "settings": measured}
        write_json(folder / PLAN, plan)
    return int(plan[variant.name]["epochs"])


def _run(folder: Path, variant: Variant, seed: int) -> Path:
    return folder / variant.name / f"seed{seed}"


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text(encoding="utf-8")))
