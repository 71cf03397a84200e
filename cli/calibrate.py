"""`keras-cdae calibrate`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import backend, options, output

if TYPE_CHECKING:
    from keras_cdae.scoring.calibration import Calibration

FAILED, PARTLY = 1, 3
RATES = (0.1, 1.0, 10.0, 60.0, 600.0)


@click.command("calibrate")
@click.argument("model")
@options.apply(
    click.option(
        "--data-dir",
        "paths",
        type=click.Path(path_type=Path),
        required=True,
        multiple=True,
        help="Normal video of the camera: a file, or a folder at any depth. "
        "May be repeated.",
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
    options.backend,
)
def command(
    model: str,
    paths: tuple[Path, ...],
    target: Path | None,
    rates: tuple[float, ...],
    fps: float | None,
    overwrite: bool,
    as_json: bool,
    backend: str | None,
) -> int:
    """Tell MODEL what is normal at a camera, without training it again.

    Scores NORMAL video that the model was not trained on, and stores z, p and
    the thresholds by false-alarm rate in a new .keras file.
    """
    del backend  # has taken effect
    target = _target(model, target, overwrite)
    return calibrate(model, target, paths, rates, fps, as_json)


def calibrate(
    model: str,
    target: Path,
    paths: tuple[Path, ...],
    rates: tuple[float, ...],
    fps: float | None,
    as_json: bool,
) -> int:
    """Calibrate with a progress bar, write, print; return the exit code."""
    from keras_cdae.jobs.find import find_all

    found, failures = find_all(paths, output=Path("/nowhere"))
    if not found:  # before the slow imports
        from keras_cdae.errors import DataError

        raise DataError(failures[0].reason)
    backend.require()
    from keras_cdae.files import atomic_path
    from keras_cdae.jobs.calibrate import calibrate_on
    from keras_cdae.runs.loader import load

    loaded = load(model)
    with output.steps("Scoring") as scored:
        result = calibrate_on(loaded, paths, fps=fps, scored=scored)
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
