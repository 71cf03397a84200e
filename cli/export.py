"""`keras-cdae export`."""

import dataclasses
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.export.formats import (
    FORMATS,
    QUANTIZATIONS,
    check_choice,
    check_path,
    check_source,
)

from . import backend, options, output, progress
from .evaluate import data_of_run

if TYPE_CHECKING:
    from keras_cdae.export.exporter import ExportResult


@click.command("export")
@click.argument("model", metavar="RUN_OR_MODEL", type=options.Model())
@options.apply(
    click.option(
        "--format",
        "format_",
        type=click.Choice(list(FORMATS)),
        required=True,
        help="What to write.",
    ),
    click.option(
        "--quantize",
        type=click.Choice(list(QUANTIZATIONS)),
        default="none",
        show_default=True,
        help="How the weights are stored; not every format offers all.",
    ),
    click.option(
        "--output",
        "target",
        type=click.Path(path_type=Path),
        help="File, or folder of a SavedModel.  [default: beside the model]",
    ),
    click.option(
        "--calibration-data",
        type=click.Path(path_type=Path),
        help="Folder of normal videos, for int8 and the check.  "
        "[default: the training video of --dataset, or of the run]",
    ),
    click.option(
        "--alarms-per-hour",
        type=options.Finite(min=0, min_open=True),
        default=1.0,
        show_default=True,
        help="False alarms that the threshold in the file allows.",
    ),
    click.option(
        "--check/--no-check",
        default=True,
        show_default=True,
        help="Compare with Keras, and refuse what disagrees.",
    ),
    click.option(
        "--auc",
        is_flag=True,
        help="Also measure what the export costs in AUC, under every protocol "
        "(takes minutes), on --dataset or the run's data set.",
    ),
    options.dataset_or_runs,
    options.data_dir,
    options.labels,
    click.option(
        "--force", is_flag=True, help="Write an export that is refused."
    ),
    click.option(
        "--allow-uncalibrated",
        is_flag=True,
        help="Export a model without calibration: no z, no threshold.",
    ),
    options.lean,
    options.json_output,
    options.backend,
)
def command(
    model: str,
    format_: str,
    quantize: str,
    target: Path | None,
    calibration_data: Path | None,
    as_json: bool,
    auc: bool,
    dataset: str | None,
    data_dir: Path | None,
    labels: str | None,
    **arguments: Any,
) -> None:
    """Write the whole scorer of RUN_OR_MODEL as one file for a device.

    RUN_OR_MODEL is a run folder, a .keras file, or the name of a shipped
    model. The file takes clips and gives scores; it carries its calibration,
    its threshold and how to prepare frames.
    """
    del arguments["backend"]  # has taken effect
    try:
        check_choice(format_, quantize)
        if target is not None:
            check_path(target, format_)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if auc and format_ == "keras":
        raise click.UsageError(
            "--auc measures what an export costs; a .keras file is the model "
            "itself. Measure it with `keras-cdae eval`, or leave --auc out."
        )
    if auc or dataset is not None or data_dir is not None:
        dataset, data_dir = data_of_run(
            Path(model).expanduser(),
            dataset,
            data_dir,
            missing="--auc needs test video"
            if auc
            else "--data-dir needs a data set's name",
        )
    from keras_cdae.runs.find import find_model

    source = find_model(model)  # says what is wrong before the slow imports
    target = target or default_target(model, format_, quantize)
    try:
        check_source(source, target)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if auc:
        _require_labels(dataset or "", data_dir, labels)
    backend.require()
    from keras_cdae.export.clips import dataset_clips
    from keras_cdae.export.exporter import export
    from keras_cdae.runs.loader import load

    clips: Any = calibration_data
    if clips is None and dataset is not None:
        clips = dataset_clips(load(model), dataset, data_dir)
    output.say(f"Exporting {model} to {format_}, quantize={quantize} ...")
    result = export(
        model,
        target,
        format=format_,
        quantize=quantize,
        calibration_clips=clips,
        **arguments,
    )
    rates = None
    if auc:
        from keras_cdae.export.exported import auc_change

        with progress.steps("Scoring") as scored:
            rates = auc_change(
                load(model),
                result.path,
                dataset or "",
                data_dir,
                labels=labels,
                scored=scored,
            )
        if rates is None:
            output.say("No AUC: the labels leave nothing to measure.")
    _print(result, rates, as_json)


def _require_labels(
    dataset: str, data_dir: Path | None, labels: str | None
) -> None:
    """Refuse test video without labels, before it is scored for nothing."""
    from keras_cdae.data.benchmarks import load_dataset
    from keras_cdae.errors import DataError

    found = load_dataset(dataset, data_dir, labels=labels)
    found.require_test()
    if found.label_source is None:
        raise DataError(
            f"{found.root}: the test video has no labels, so no AUC. Name "
            "them with --labels, or leave --auc out."
        )


def default_target(model: str, format_: str, quantize: str) -> Path:
    """Return where an export goes that names no file.

    In the run folder, beside a `.keras` file, or here for a shipped model.
    """
    path = Path(model)
    if path.is_dir():
        stem = path / "model"
    elif path.is_file():
        stem = path.with_suffix("")
    else:
        stem = Path(path.name)
    if quantize != "none":
        stem = stem.with_name(f"{stem.name}-{quantize}")
    ending = FORMATS[format_].suffix or f"-{format_}"
    target = stem.with_name(stem.name + ending)
    if target == path or (path.is_dir() and format_ == "keras"):
        raise click.UsageError("Say where to: --output FILE")
    return target


def _print(
    result: "ExportResult",
    rates: dict[str, tuple[float, float]] | None,
    as_json: bool,
) -> None:
    parity = result.parity
    if as_json:
        values = {
            "path": str(result.path),
            "metadata_path": str(result.metadata_path),
            **result.metadata["export"],
            "threshold": result.metadata["threshold"],
            "parity": None if parity is None else dataclasses.asdict(parity),
            "auc": rates,
        }
        click.echo(json.dumps(values, indent=2, allow_nan=False))
        return
    if parity is not None:
        print_parity([parity])
        problem = parity.problem()
        if problem is not None:
            output.say(f"Warning: written by --force although {problem}.")
    if rates is not None:
        print_rates(rates)
    output.say(f"Wrote {result.path} and {result.metadata_path.name}")


def print_rates(rates: dict[str, tuple[float, float]]) -> None:
    """Print the rates of Keras and of the export, in percent."""
    output.print_table(
        "On the test video, in percent",
        ["protocol", "Keras", "export", "change"],
        [
            [
                output.PROTOCOLS.get(key, key),
                f"{100 * keras:.2f}",
                f"{100 * exported:.2f}",
                f"{100 * (exported - keras):+.2f}",
            ]
            for key, (keras, exported) in rates.items()
        ],
    )
    click.echo(output.NOTE)


def print_parity(rows: list[Any]) -> None:
    """Print how well exports agree with Keras."""
    ranks = [row.rank_correlation for row in rows]
    output.print_table(
        f"Difference to Keras on {rows[0].clips} clips",
        [
            "format",
            "score, abs",
            "score, rel",
            "map, abs",
            "map, rel",
            "rank corr.",
            "MiB",
        ],
        [
            [
                row.format
                if row.quantize == "none"
                else f"{row.format} {row.quantize}",
                f"{row.score_abs:.1e}",
                f"{row.score_rel:.1e}",
                f"{row.map_abs:.1e}",
                f"{row.map_rel:.1e}",
                "-" if rank is None else f"{rank:.4f}",
                f"{row.mib:.2f}",
            ]
            for row, rank in zip(rows, ranks, strict=True)
        ],
    )
