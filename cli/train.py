"""`keras-cdae train`."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from keras_cdae.errors import in_command

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.models.clip_scorer import ClipScorer
    from keras_cdae.runs import RunSettings


@click.command("train")
@options.apply(
    options.dataset,
    options.data_dir,
    options.preset,
    click.option(
        "--model",
        type=click.Choice(options.MODELS),
        default="cdae",
        show_default=True,
        help="CDAE, or a baseline.",
    ),
    options.epochs,
    options.seed,
    click.option(
        "--output",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Run folder.  [default: runs/DATASET-PRESET-seedN]",
    ),
    click.option(
        "--resume",
        is_flag=True,
        help="Go on with the interrupted run in --output; no other option is "
        "needed.",
    ),
    options.overwrite,
    options.batch_size,
    options.image_size,
    options.roi,
    click.option(
        "--channels",
        type=click.Choice(["1", "3"]),
        callback=lambda ctx, param, value: value and int(value),
        help="1 grey, 3 colour.  [default: the camera's]",
    ),
    options.clip_step,
    click.option(
        "--pretrain-epochs",
        type=click.IntRange(min=0),
        help="Epochs before k-means.  [default: a third]",
    ),
    click.option(
        "--hold-out",
        type=options.Finite(0, 1, min_open=True, max_open=True),
        default=0.1,
        show_default=True,
        help="Share of the training videos kept for validation and "
        "calibration.",
    ),
    click.option(
        "--pseudo-anomalies",
        type=options.Finite(0, 1),
        default=0.0,
        show_default=True,
        help="Share of the training clips that is replaced by ones that are "
        "not normal, made from the others: too fast, or crossed by a patch.",
    ),
    options.augment,
    options.dtype,
    options.overrides,
    options.devices,
    click.option(
        "--tensorboard/--no-tensorboard",
        default=False,
        show_default=True,
        help="Write curves, pictures and the use of centroids into the run "
        "folder's logs/, to watch with tensorboard --logdir.",
    ),
    options.cache_dir,
    options.backend,
)
@click.pass_context
def command(
    ctx: click.Context,
    folder: Path | None,
    resume: bool,
    overwrite: bool,
    tensorboard: bool,
    cache_dir: Path | None,
    backend: str | None,
    roi: Path | None,
    **values: Any,
) -> None:
    """Train a model on a data set's normal video.

    Leaves a run folder: configuration, history, the calibrated model. Ctrl-C
    keeps the last epoch; go on with --resume.
    """
    if folder is None:
        _require_dataset(ctx)
        folder = Path("runs") / _default_name(**values)
    values["roi"] = None if roi is None else _region(roi)
    if resume:
        values = _with_stored(ctx, folder, values)
        if backend is None:
            _use_stored_backend(folder)
    _require_dataset(ctx, values)
    train(
        folder,
        **values,
        resume=resume,
        overwrite=overwrite,
        tensorboard=tensorboard,
        cache_dir=cache_dir,
    )
    output.say(f"Wrote {folder}. Next: keras-cdae eval {in_command(folder)}")


def train(
    folder: Path,
    *,
    data_dir: Path | None,
    resume: bool = False,
    overwrite: bool = False,
    tensorboard: bool = False,
    cache_dir: Path | None = None,
    **values: Any,
) -> "ClipScorer":
    """Train with progress bars; return the model."""
    from keras_cdae.data.benchmarks import load_dataset

    kind = values.get("model", "cdae")
    if values["preset"] == "paper" and kind in options.COMPARED[1:]:
        raise click.UsageError(
            f"--model {kind} has no preset paper: choose edge or nano."
        )
    load_dataset(values["dataset"], data_dir)  # before the slow imports
    settings = _settings(data_dir=str(data_dir), **values)
    backend.require()
    from keras_cdae.runs.models import check_overrides
    from keras_cdae.runs.trainer import check_watched
    from keras_cdae.runs.trainer import train as train_run

    options.as_usage(check_overrides, settings)
    if settings.roi is not None:
        output.say(
            f"Region of interest: {_share(settings.roi):.0%} of the picture. "
            f"What the model sees: {folder / 'roi.png'}"
        )
    if tensorboard:
        options.as_usage(check_watched, settings)
        output.say(f"To watch it: tensorboard --logdir {folder / 'logs'}")
    bar = progress.training_bar()
    try:
        with progress.steps("Decoding") as decoding:
            model = train_run(
                settings,
                folder,
                resume=resume,
                overwrite=overwrite,
                cache_dir=cache_dir,
                tensorboard=tensorboard,
                progress=decoding,
                callbacks=[bar],
            )
    except KeyboardInterrupt:
        bar.close()
        if (folder / "config.json").is_file():
            output.say(
                "Stopped. Every finished epoch is kept; to go on: keras-cdae "
                f"train --resume --output {folder}"
            )
        raise
    finally:
        bar.close()
    _say_time(folder)
    return model


def _region(picture: Path) -> dict[str, Any]:
    """Return the region of interest that a picture shows."""
    from keras_cdae.data.roi import encode_roi, read_roi

    return encode_roi(read_roi(picture))


def _share(roi: dict[str, Any]) -> float:
    """Return how much of the picture counts."""
    from keras_cdae.data.roi import decode_roi

    return float(decode_roi(roi).mean())


def _say_time(folder: Path) -> None:
    """Say how long the training took, over all its interruptions."""
    from keras_cdae.runs.folder import TIMING
    from keras_cdae.runs.timing import TrainingTime

    spent = TrainingTime.read(folder / TIMING)
    if not spent.epoch_seconds:  # begun by a version that kept none
        return
    count = len(spent.epoch_seconds)
    output.say(
        f"Trained {count} {'epoch' if count == 1 else 'epochs'} in "
        f"{output.duration(spent.seconds)} without validation: "
        f"{spent.clips_per_second:.1f} clips a second."
    )


def _default_name(
    *, dataset: str, preset: str, model: str, seed: int, **others: Any
) -> str:
    """Return the name of the run folder where none is given."""
    del others
    kind = "" if model == "cdae" else f"-{model}"
    return f"{dataset}{kind}-{preset}-seed{seed}"


def _settings(**values: Any) -> "RunSettings":
    """Return the settings; a value that they refuse is wrong usage."""
    from keras_cdae.runs.settings import RunSettings

    return options.as_usage(RunSettings, **values)


def _require_dataset(
    ctx: click.Context, values: dict[str, Any] | None = None
) -> None:
    """Raise an error for the option that only --resume can do without."""
    if not (values or ctx.params)["dataset"]:
        raise click.UsageError(
            f"Missing option '--dataset': one of {', '.join(options.DATASETS)}."
            " (To resume, '--output' alone will do.)",
            ctx,
        )


def _with_stored(
    ctx: click.Context, folder: Path, values: dict[str, Any]
) -> dict[str, Any]:
    """Return the interrupted run's settings, and over them what was said."""
    from keras_cdae.runs.settings import RunSettings

    said = {
        name: value
        for name, value in values.items()
        if ctx.get_parameter_source(name) is not ParameterSource.DEFAULT
    }
    stored = RunSettings.read(folder).to_dict()
    stored["data_dir"] = Path(stored["data_dir"])
    return {**stored, **said}


def _use_stored_backend(folder: Path) -> None:
    from keras_cdae.runs.settings import RunSettings

    os.environ.setdefault("KERAS_BACKEND", RunSettings.read_backend(folder))
