"""`keras-cdae calibrate`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import backend, held_out, options, output, progress
from .evaluate import data_of_run

if TYPE_CHECKING:
    from keras_cdae.jobs.calibrate import Recalibration
    from keras_cdae.models.clip_scorer import ClipScorer
    from keras_cdae.scoring.calibration import Calibration

FAILED, PARTLY = 1, 3
RATES = (0.1, 1.0, 10.0, 60.0, 600.0)


@click.command("calibrate")
@click.argument("model", type=options.Model())
@options.apply(
    click.option(
        "--data-dir",
        "paths",
        type=click.Path(path_type=Path),
        multiple=True,
        help="Normal video of the camera: a file, or a folder at any depth. "
        "May be repeated. With --dataset: the folder of the data set.",
    ),
    click.option(
        "--dataset",
        type=click.Choice(options.DATASETS),
        help="Use the training videos of this data set that the training of "
        "MODEL held out.",
    ),
    options.seed_of_training,
    click.option(
        "--set",
        "changes",
        type=options.Argument(),
        multiple=True,
        metavar="NAME=VALUE",
        callback=lambda ctx, param, value: dict(value),
        help="Score otherwise from now on: score_terms, fusion or distance; "
        "may be repeated. `benchmark scores` tells which is better. VALUE is "
        "JSON, or a word.",
    ),
    click.option(
        "--output",
        "target",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The .keras file to write.",
    ),
    click.option(
        "--alarms-per-hour",
        "rates",
        type=options.Finite(min=0, min_open=True),
        multiple=True,
        default=RATES,
        show_default=True,
        help="Rates to show thresholds for; may be repeated.",
    ),
    options.fps,
    click.option(
        "--overwrite",
        is_flag=True,
        help="Replace --output or, without it, the model of the run folder.",
    ),
    options.json_output,
    options.cache_dir,
    options.backend,
)
def command(
    model: str,
    paths: tuple[Path, ...],
    dataset: str | None,
    seed: int | None,
    changes: dict[str, Any],
    target: Path | None,
    rates: tuple[float, ...],
    fps: float | None,
    overwrite: bool,
    as_json: bool,
    cache_dir: Path | None,
    backend: str | None,
) -> int:
    """Tell MODEL what is normal at a camera, without training it again.

    Scores NORMAL video that the model was not trained on, and stores z, p and
    the thresholds by false-alarm rate in a new .keras file. With --set it
    scores by other terms from now on.
    """
    del backend  # has taken effect
    target = _target(model, target, overwrite)
    if dataset is None:
        if not paths:
            raise click.UsageError(
                "Give normal video of the camera with --data-dir, or name a "
                "data set with --dataset."
            )
        if seed is not None:
            raise click.UsageError("--seed needs --dataset.")
        measure = _on_camera(paths, fps)
    else:
        if len(paths) > 1:
            raise click.UsageError("With --dataset, give one --data-dir.")
        data_dir = paths[0] if paths else None
        measure = _on_held_out(model, dataset, data_dir, seed, fps, cache_dir)
    return calibrate(model, target, measure, changes, rates, as_json)


def calibrate(
    model: str,
    target: Path,
    measure: "Callable[[ClipScorer], Recalibration]",
    changes: dict[str, Any],
    rates: tuple[float, ...],
    as_json: bool,
) -> int:
    """Calibrate with a progress bar, write, print; return the exit code."""
    backend.require()
    from keras_cdae.files import atomic_path
    from keras_cdae.runs.loader import load

    loaded = load(model)
    if changes:
        loaded = _with_score(loaded, model, changes)
    result = measure(loaded)
    with atomic_path(target) as temporary:
        loaded.save(temporary)
    rows = [_row(result.calibration, rate) for rate in rates]
    if as_json:
        values = {
            "model": str(target),
            "source": result.calibration.source,
            "clips": result.calibration.clips,
            "fps": result.calibration.fps,
            "hours": result.calibration.hours,
            "rates": rows,
            "failures": [failure.to_dict() for failure in result.failures],
        }
        click.echo(json.dumps(values, indent=2, allow_nan=False))
    else:
        _print(result.calibration, rows)
    output.say(f"Wrote {target}")
    if not result.failures:
        return 0
    output.say(f"{len(result.failures)} videos were left out:")
    for failure in result.failures:
        output.say(f"  {failure.reason}")
    return PARTLY


def _on_camera(
    paths: tuple[Path, ...], fps: float | None
) -> "Callable[[ClipScorer], Recalibration]":
    """Return what calibrates on video files; refuse where there is none."""
    from keras_cdae.jobs.find import find_all

    found, failures = find_all(paths, output=Path("/nowhere"))
    if not found:  # before the slow imports
        from keras_cdae.errors import DataError

        raise DataError(failures[0].reason)

    def measure(model: "ClipScorer") -> "Recalibration":
        from keras_cdae.jobs.calibrate import calibrate_on

        with progress.steps("Scoring") as scored:
            return calibrate_on(model, paths, fps=fps, scored=scored)

    return measure


def _on_held_out(
    model: str,
    dataset: str,
    data_dir: Path | None,
    seed: int | None,
    fps: float | None,
    cache_dir: Path | None,
) -> "Callable[[ClipScorer], Recalibration]":
    """Return what calibrates on the video that a training held out."""
    dataset, data_dir = data_of_run(Path(model).expanduser(), dataset, data_dir)
    from keras_cdae.data.benchmarks import load_dataset

    load_dataset(dataset, data_dir)  # before the slow imports

    def measure(loaded: "ClipScorer") -> "Recalibration":
        from keras_cdae.jobs.calibrate import calibrate_on_held_out

        normal = held_out.decode(
            loaded, model, dataset, data_dir, seed=seed, cache_dir=cache_dir
        )
        with progress.steps("Scoring") as scored:
            return calibrate_on_held_out(loaded, normal, fps=fps, scored=scored)

    return measure


def _with_score(
    loaded: "ClipScorer", name: str, changes: dict[str, Any]
) -> "ClipScorer":
    from keras_cdae.models.cdae import CDAE

    if not isinstance(loaded, CDAE):
        raise click.UsageError(
            f"{name}: a {type(loaded).__name__} has one score, and --set "
            "cannot change it."
        )
    try:
        return loaded.with_score(**changes)
    except ValueError as error:
        raise click.UsageError(f"--set: {error}") from error


def _target(model: str, target: Path | None, overwrite: bool) -> Path:
    """Return the file to write; refuse what was not asked for."""
    from keras_cdae.runs.find import find_model, shipped_models

    source = find_model(model)
    if target is None:
        if not overwrite:
            raise click.UsageError(
                "Name a file with --output, or replace the model of the run "
                "folder with --overwrite."
            )
        if source in shipped_models().values():
            raise click.UsageError(
                f"{model} is shipped and stays as it is: name a file with "
                "--output."
            )
        return source
    if target.suffix != ".keras":
        raise click.UsageError(f"--output must end in .keras: {target}")
    if target.exists() and not overwrite:
        raise click.UsageError(f"{target} exists: replace it with --overwrite.")
    return target


def _row(calibration: "Calibration", rate: float) -> dict[str, Any]:
    """Return what is known at a rate."""
    from keras_cdae.scoring.calibration import TRUSTED

    row: dict[str, Any] = {
        "alarms_per_hour": rate,
        "hours_needed": calibration.hours_needed(rate),
        "hours_to_trust": calibration.hours_needed(rate, alarms=TRUSTED),
    }
    if calibration.fps is None or rate >= 3600 * calibration.fps:
        return {**row, "score": None, "z": None, "supported": "no"}
    with output.held_back():  # the table says it
        score = calibration.threshold(rate)
    supported = "no"
    if calibration.supports(rate):
        trusted = calibration.supports(rate, alarms=TRUSTED)
        supported = "yes" if trusted else "barely"
    return {
        **row,
        "score": score,
        "z": float(calibration.z(score)),
        "supported": supported,
    }


def _print(calibration: "Calibration", rows: list[dict[str, Any]]) -> None:
    output.print_table(
        "Thresholds by false alarms an hour, counted in clips",
        ["alarms/h", "z above", "log-score", "supported", "hours", "to trust"],
        [
            [
                f"{row['alarms_per_hour']:g}",
                "-" if row["z"] is None else f"{row['z']:.2f}",
                "-" if row["score"] is None else f"{row['score']:.3f}",
                row["supported"],
                f"{row['hours_needed']:.3g}",
                f"{row['hours_to_trust']:.3g}",
            ]
            for row in rows
        ],
    )
    held = f"{calibration.clips} clips"
    if calibration.hours is None:
        click.echo(
            f"{held} of normal video without a frame rate: give it with --fps "
            "for thresholds by rate."
        )
        return
    click.echo(
        f"{held}, {calibration.hours:.3g} hours of normal video at "
        f"{calibration.fps:g} frames a second. A rate needs the hours in the "
        "table to be seen once (supported: barely), and ten times as many to "
        "be trusted (yes). Where it says no, the threshold is the highest "
        "normal score, and real alarms will be more frequent than asked for."
    )
