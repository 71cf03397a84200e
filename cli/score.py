"""`keras-cdae score`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

from keras_cdae.errors import in_command

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.jobs.outcome import Summary
    from keras_cdae.jobs.settings import ScoreSettings

FAILED, PARTLY = 1, 3
ROWS = 20  # of the table; the rest is in the files


@click.command("score")
@click.argument(
    "paths",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
    metavar="PATHS...",
)
@options.apply(
    click.option(
        "--model",
        type=options.Model(),
        required=True,
        help="Run folder, .keras file, or the name of a shipped model.",
    ),
    click.option(
        "--output",
        "folder",
        required=True,
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for the results.",
    ),
    options.alarms_per_hour,
    click.option(
        "--threshold",
        type=options.Finite(),
        help="z that a segment must pass, instead of --alarms-per-hour.",
    ),
    click.option(
        "--low",
        type=options.Finite(),
        help="z that a segment must stay above.  [default: half the threshold]",
    ),
    click.option(
        "--min-seconds",
        type=options.Finite(min=0),
        default=0.0,
        show_default=True,
        help="Drop shorter segments.",
    ),
    click.option(
        "--merge-seconds",
        type=options.Finite(min=0),
        default=1.0,
        show_default=True,
        help="Join segments that are nearer.",
    ),
    options.fps,
    click.option(
        "--format",
        type=click.Choice(["csv", "jsonl"]),
        default="csv",
        show_default=True,
        help="Of the scores.",
    ),
    click.option(
        "--annotate",
        is_flag=True,
        help="Write a video with heat maps and the curve of z, too.",
    ),
    click.option(
        "--jobs",
        type=click.IntRange(min=1),
        help="Processes.  [default: one a core]",
    ),
    click.option(
        "--engine",
        type=click.Choice(["local", "ray"]),
        default="local",
        show_default=True,
        help="This machine, or a Ray cluster.",
    ),
    click.option(
        "--ray-address",
        help="HOST:PORT of the cluster, or `auto` for one that runs here.  "
        "[default: $RAY_ADDRESS, else a new one]",
    ),
    click.option(
        "--overwrite", is_flag=True, help="Do again what is done."
    ),
    options.json_output,
    options.backend,
)  # fmt: skip
def command(
    paths: tuple[Path, ...],
    model: str,
    folder: Path,
    jobs: int | None,
    engine: Literal["local", "ray"],
    ray_address: str | None,
    overwrite: bool,
    as_json: bool,
    backend: str | None,
    **wanted: Any,
) -> int:
    """Score videos: PATHS are videos, folders of frames, folders of both.

    Each gets its scores, the segments above the threshold and, with
    --annotate, a video to look at. What is done is not done again; a video
    that cannot be scored is named at the end and does not stop the rest (exit
    code 3).
    """
    del backend  # has taken effect
    settings = _settings(model, wanted)
    _require_backend(engine, jobs)
    from keras_cdae.jobs.run import score_many

    try:
        with progress.steps("Scoring frames") as scored:
            summary = score_many(
                paths,
                model,
                folder,
                settings=settings,
                jobs=jobs,
                engine=engine,
                ray_address=ray_address,
                overwrite=overwrite,
                progress=scored,
            )
    except KeyboardInterrupt:
        output.say(
            f"Stopped. What is done is kept in {folder}; the same command goes "
            "on."
        )
        raise
    for warning in summary.warnings:
        output.say(f"Warning: {warning}")
    if as_json:
        click.echo(json.dumps(summary.to_dict(), indent=2, allow_nan=False))
    else:
        _print(summary)
    return _finish(summary, model, folder)


def _settings(model: str, wanted: dict[str, Any]) -> "ScoreSettings":
    """Return the settings; what the model cannot do with them is wrong usage.

    Before anything slow.
    """
    from keras_cdae.jobs.model import read_model
    from keras_cdae.jobs.settings import ScoreSettings, alarm_rule

    calibration = read_model(model).calibration
    try:
        settings = ScoreSettings(**wanted)
        if calibration is not None:
            fps = settings.fps or calibration.fps or 25.0
            with output.held_back():
                alarm_rule(settings, calibration, fps)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if settings.annotate and calibration is None:
        raise click.UsageError(
            f"--annotate draws z, and {model} is not calibrated: keras-cdae "
            f"calibrate {in_command(model)} --data-dir NORMAL_VIDEO "
            "--output FILE"
        )
    return settings


def _require_backend(engine: str, jobs: int | None) -> None:
    from keras_cdae.cores import usable_cores

    if engine == "local" and (jobs or usable_cores()) == 1:
        backend.require()
    else:
        backend.choose()  # other processes import it


def _print(summary: "Summary") -> None:
    alarming = [video for video in summary.videos if video["segments"]]
    alarming.sort(key=lambda video: -video["highest"]["z"])
    if alarming:
        output.print_table(
            "Videos with segments above the threshold",
            ["video", "segments", "seconds", "highest z", "at"],
            [_row(video) for video in alarming[:ROWS]],
        )
    if len(alarming) > ROWS:
        click.echo(f"... and {len(alarming) - ROWS} more: see summary.json")


def _row(video: dict[str, Any]) -> list[str]:
    segments = video["segments"]
    highest = video["highest"]
    return [
        video["video"],
        str(len(segments)),
        f"{sum(segment['seconds'] for segment in segments):.1f}",
        f"{highest['z']:.2f}",
        output.clock(highest["seconds"]),
    ]


def _finish(summary: "Summary", model: str, folder: Path) -> int:
    """Say what was done and what was not; return the exit code."""
    done, failed = len(summary.videos), len(summary.failures)
    counts = f"{done} videos, {summary.frames} scored frames"
    if summary.kept:
        counts += f" ({summary.kept} videos done before)"
    if summary.calibrated:
        counts += f", {summary.segments} segments"
    output.say(f"{counts}: see {folder / 'summary.json'}")
    if not summary.calibrated:
        output.say(
            f"{model} is not calibrated: scores alone, no z, p or segments. "
            "Calibrate it: "
            f"keras-cdae calibrate {in_command(model)} --data-dir NORMAL_VIDEO "
            "--output FILE"
        )
    if not failed:
        return 0
    output.say(f"{failed} of {done + failed} failed:")
    for failure in summary.failures:
        output.say(f"  {failure.reason}")
    return PARTLY if done else FAILED
