"""`keras-cdae benchmark tradeoff`."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.export.formats import FORMATS

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.export.tradeoff import Tradeoff

COLUMNS = (
    "model",
    "pixels",
    "parameters",
    "per-video AUC",
    "raw AUC",
    "threads",
    "frames/s",
    "core ms",
    "ms a clip",
)


@click.command("tradeoff")
@click.argument(
    "models",
    metavar="RUN_OR_MODEL...",
    nargs=-1,
    required=True,
    type=options.Model(),
)
@options.apply(
    options.timed_video,
    options.timed_threads,
    options.timed_frames,
    options.repeats,
    click.option(
        "--format",
        "format_",
        type=click.Choice([n for n, f in FORMATS.items() if f.on_edge]),
        default="tflite",
        show_default=True,
        help="What to export the models to.",
    ),
    options.lean,
    click.option(
        "--dataset",
        type=click.Choice(options.DATASETS),
        help="Evaluate what has no metrics.json of this data set.",
    ),
    options.data_dir,
    click.option(
        "--output",
        "target",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for tradeoff.csv and tradeoff.png.",
    ),
    options.json_output,
    options.backend,
)
def command(
    models: tuple[str, ...],
    video: Path,
    format_: str,
    target: Path | None,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Compare models by AUC and by frames a second of their exports.

    Each RUN_OR_MODEL is a run folder, a .keras file or a shipped model. Its
    AUC is that of the run's metrics.json, or it is evaluated on --dataset.
    Each measurement is a process pinned to its cores.
    """
    del arguments["backend"]  # has taken effect
    from keras_cdae.data.video import video_info

    video_info(video)  # says what is wrong before anything slow
    names = names_of(models)
    if target is not None:
        from keras_cdae.files import require_writable

        require_writable(target)
    backend.require()
    from keras_cdae.export.tradeoff import measure_tradeoff, stored_rates

    for model in models:  # says what is missing before anything slow
        stored_rates(model, arguments["dataset"])
    rows: list[Tradeoff] = []
    for model, name in zip(models, names, strict=True):
        output.say(f"Measuring {name} ...")
        with progress.steps(f"Scoring with {name}") as scored:
            rows += measure_tradeoff(
                model,
                video,
                name=name,
                format=format_,
                scored=scored,
                **arguments,
            )
    if as_json:
        values = [dataclasses.asdict(row) for row in rows]
        click.echo(json.dumps(values, indent=2))
    else:
        _print(rows, video)
    if target is not None:
        _write(target, rows)


def names_of(models: Sequence[str]) -> list[str]:
    """Return the models' names in the table.

    The last part of each path, with the folder's name before it where that is
    the same for several.

    Args:
        models: as given on the command line.
    """
    paths = [Path(model).expanduser().absolute() for model in models]
    short = [path.name.removesuffix(".keras") for path in paths]
    names: list[str] = []
    for path, name in zip(paths, short, strict=True):
        whole = f"{path.parent.name}/{name}" if short.count(name) > 1 else name
        if whole in names:
            first = models[names.index(whole)]
            raise click.UsageError(
                f"{first} and {models[len(names)]} would both be {whole!r} in "
                "the table. Name each model once, or rename a folder."
            )
        names.append(whole)
    return names


def _write(folder: Path, rows: "list[Tradeoff]") -> None:
    from keras_cdae.files import atomic_path
    from keras_cdae.reports.tradeoff import tradeoff

    folder.mkdir(parents=True, exist_ok=True)
    table = [dataclasses.asdict(row) for row in rows]
    output.write_table(folder / "tradeoff.csv", table)
    speeds: dict[str, dict[int, float]] = {}
    for row in rows:
        speeds.setdefault(row.name, {})[row.threads] = row.end_to_end
    figure = tradeoff(
        speeds,
        {row.name: row.auc_micro_per_video for row in rows},
        protocol="micro AUC, per-video",
    )
    with atomic_path(folder / "tradeoff.png") as temporary:
        figure.savefig(temporary, format="png")
    output.say(f"Wrote {folder / 'tradeoff.csv'} and tradeoff.png")


def _print(rows: "list[Tradeoff]", video: Path) -> None:
    output.print_table(
        f"AUC in percent, and frames a second on {video.name}",
        COLUMNS,
        [
            [
                row.name,
                f"{row.height} x {row.width}",
                str(row.parameters),
                f"{100 * row.auc_micro_per_video:.2f}",
                f"{100 * row.auc_micro_raw:.2f}",
                str(row.threads),
                f"{row.end_to_end:.1f}",
                f"{row.core_ms:.1f}",
                f"{row.latency_ms:.1f}",
            ]
            for row in rows
        ],
    )
