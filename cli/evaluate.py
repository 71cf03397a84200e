"""`keras-cdae eval`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.errors import MissingDependencyError

from . import backend, options, output

if TYPE_CHECKING:
    from keras_cdae.runs import Evaluation


@click.command("eval")
@click.argument("model", required=False)
@options.apply(
    click.option("--model", "model_option", help="The same, as an option."),
    options.dataset_or_runs,
    options.data_dir,
    options.labels,
    options.smoothing,
    options.json_output,
    click.option(
        "--output",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for scores.csv, metrics.json and pictures.  "
        "[default: the run folder; none for a .keras file]",
    ),
    click.option(
        "--plots/--no-plots", default=True, help="Whether to draw pictures."
    ),
    options.cache_dir,
    options.backend,
)
def command(
    model: str | None,
    model_option: str | None,
    as_json: bool,
    output: Path | None,
    plots: bool,
    **arguments: Any,
) -> None:
    """Measure MODEL under every protocol on a data set's test video.

    MODEL is a run folder, a .keras file, or the name of a shipped model.
    """
    chosen = model_option or model
    if chosen is None or (model and model_option and model != model_option):
        raise click.UsageError("Name one model: keras-cdae eval MODEL")
    del arguments["backend"]  # has taken effect
    evaluation, _ = evaluate(
        chosen, output, plots=plots, quiet=as_json, **arguments
    )
    _print(evaluation, as_json)


def evaluate(
    name: str,
    folder: Path | None,
    *,
    dataset: str | None,
    data_dir: Path | None,
    labels: str | None,
    smoothing: float | None,
    cache_dir: Path | None,
    plots: bool = True,
    quiet: bool = False,
) -> "tuple[Evaluation, list[Path]]":
    """Evaluate with progress bars; return what was found and the pictures."""
    run = Path(name)
    if run.is_dir():
        folder = run if folder is None else folder
    dataset, data_dir = _of_run(run, dataset, data_dir)
    from keras_cdae.data.benchmarks import load_dataset

    load_dataset(dataset, data_dir, labels=labels)  # before slow imports
    backend.require()
    from keras_cdae.runs.evaluate import evaluate as evaluate_run
    from keras_cdae.runs.load import load

    model = load(name)
    with (
        output.steps("Decoding") as decoding,
        output.steps("Scoring") as scoring,
    ):
        evaluation = evaluate_run(
            model,
            dataset,
            data_dir,
            labels=labels,
            smoothing=smoothing,
            output=folder,
            cache_dir=cache_dir,
            progress=decoding,
            scored=scoring,
        )
    pictures: list[Path] = []
    if plots and folder is not None:
        pictures = _draw(model, evaluation, folder)
    if folder is not None and not quiet:
        output.say(f"Wrote scores.csv and metrics.json to {folder}")
    for warning in evaluation.dataset.warnings:
        output.say(f"Warning: {warning}")
    for picture in pictures[:1]:
        output.say(f"Look at {picture}")
    return evaluation, pictures


def _of_run(
    run: Path, dataset: str | None, data_dir: Path | None
) -> tuple[str, Path | None]:
    """Return the data set to use: what was said, else what the run had."""
    if (run / "config.json").is_file():
        from keras_cdae.runs.settings import RunSettings

        settings = RunSettings.read(run)
        if dataset in (None, settings.dataset):
            dataset = settings.dataset
            data_dir = data_dir or Path(settings.data_dir)
    if dataset is None:
        raise click.UsageError(
            "Say which data set: --dataset NAME --data-dir DIR"
        )
    return dataset, data_dir


def _draw(model: Any, evaluation: "Evaluation", folder: Path) -> list[Path]:
    try:
        from keras_cdae.reports.pictures import draw_pictures

        return draw_pictures(model, evaluation, folder)
    except MissingDependencyError as error:
        output.say(f"No pictures: {error}")
        return []


def _print(evaluation: "Evaluation", as_json: bool) -> None:
    metrics = evaluation.metrics
    if as_json:
        values = {**metrics, "trivial": evaluation.trivial}
        click.echo(json.dumps(values, indent=2, allow_nan=False))
    elif metrics["label_source"] is None:
        click.echo(
            f"Scored {metrics['frames']} frames of {metrics['videos']} videos; "
            "there are no labels, so nothing can be measured."
        )
    else:
        title = f"{evaluation.dataset.title} (all in percent)"
        output.print_metrics(title, metrics, evaluation.trivial)
