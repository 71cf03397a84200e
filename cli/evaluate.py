"""`keras-cdae eval`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.errors import MissingDependencyError

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.models.clip_scorer import ClipScorer
    from keras_cdae.runs import Evaluation


@click.command("eval")
@click.argument("model", required=False, type=options.Model())
@options.apply(
    click.option(
        "--model",
        "model_option",
        type=options.Model(),
        help="The same, as an option.",
    ),
    options.dataset_or_runs,
    options.data_dir,
    options.labels,
    options.smoothing,
    options.json_output,
    click.option(
        "--output",
        "folder",
        type=click.Path(file_okay=False, path_type=Path),
        help="Folder for scores.csv, metrics.json and pictures.  "
        "[default: the run folder, if it was trained on this data set; "
        "none for a .keras file]",
    ),
    click.option(
        "--plots/--no-plots", default=True, help="Whether to draw pictures."
    ),
    click.option(
        "--localisation/--no-localisation",
        default=True,
        help="Whether to measure pixel AUC, RBDC and TBDC, where there are "
        "pixel masks.",
    ),
    options.cache_dir,
    options.backend,
)
def command(
    model: str | None,
    model_option: str | None,
    backend: str | None,
    **arguments: Any,
) -> None:
    """Measure MODEL under every protocol on a data set's test video.

    MODEL is a run folder, a .keras file, or the name of a shipped model.
    """
    del backend  # has taken effect
    chosen = model_option or model
    if chosen is None or (model and model_option and model != model_option):
        raise click.UsageError("Name one model: keras-cdae eval MODEL")
    evaluate(chosen, **arguments)


def evaluate(
    name: str,
    *,
    folder: Path | None = None,
    dataset: str | None = None,
    data_dir: Path | None = None,
    labels: str | None = None,
    smoothing: float | None = None,
    cache_dir: Path | None = None,
    plots: bool = True,
    localisation: bool = True,
    as_json: bool = False,
) -> None:
    """Evaluate with progress bars, print the metrics, name the pictures."""
    from keras_cdae.data.benchmarks import load_dataset
    from keras_cdae.runs.find import find_model

    find_model(name)  # this and the data set before the slow imports
    run = Path(name).expanduser()
    dataset, data_dir = data_of_run(run, dataset, data_dir)
    load_dataset(dataset, data_dir, labels=labels).require_test()
    if folder is None and run.is_dir():
        folder = _own_folder(run, dataset, data_dir)
    backend.require()
    from keras_cdae.runs.evaluator import evaluate as evaluate_run
    from keras_cdae.runs.loader import load

    model = load(name)
    with (
        progress.steps("Decoding") as decoding,
        progress.steps("Reading masks") as masking,
        progress.steps("Scoring") as scoring,
        progress.steps("Comparing with masks") as locating,
    ):
        evaluation = evaluate_run(
            model,
            dataset,
            data_dir,
            labels=labels,
            smoothing=smoothing,
            output=folder,
            cache_dir=cache_dir,
            localisation=localisation,
            progress=decoding,
            scored=scoring,
            masked=masking,
            located=locating,
        )
    _print(evaluation, as_json)
    if folder is not None:
        output.say(f"Wrote scores.csv and metrics.json to {folder}")
        if plots:
            _draw(model, evaluation, folder)


def _own_folder(run: Path, dataset: str, data_dir: Path | None) -> Path | None:
    """Return the run's folder if it is the place of these results.

    A data set may have moved; `folder` is a name for any.
    """
    if not (run / "config.json").is_file():
        return run
    from keras_cdae.runs.settings import RunSettings

    settings = RunSettings.read(run)
    same = data_dir is not None and (
        data_dir.expanduser().absolute() == Path(settings.data_dir)
    )
    if dataset == settings.dataset and (same or dataset != "folder"):
        return run
    output.say(
        f"{run} was trained on {settings.dataset} in {settings.data_dir}, "
        "whose results it keeps: these are not written. Give --output FOLDER "
        "for files and pictures."
    )
    return None


def data_of_run(
    run: Path,
    dataset: str | None,
    data_dir: Path | None,
    *,
    missing: str = "Say which data set",
) -> tuple[str, Path | None]:
    """Return the data set to use: what was said, else what the run had.

    Args:
        run: a run folder or another model.
        dataset: as given on the command line.
        data_dir: its folder, likewise.
        missing: what to say where neither names a data set.
    """
    if (run / "config.json").is_file():
        from keras_cdae.runs.settings import RunSettings

        settings = RunSettings.read(run)
        if dataset in (None, settings.dataset):
            dataset = settings.dataset
            data_dir = data_dir or Path(settings.data_dir)
    if dataset is None:
        raise click.UsageError(f"{missing}: --dataset NAME --data-dir DIR")
    return dataset, data_dir


def _draw(model: "ClipScorer", evaluation: "Evaluation", folder: Path) -> None:
    """Draw the pictures, and name the one worth looking at."""
    try:
        from keras_cdae.reports.pictures import draw_pictures

        best, *_ = draw_pictures(model, evaluation, folder)
    except MissingDependencyError as error:
        output.say(f"No pictures: {error}")
    else:
        output.say(f"Look at {best}")


def _print(evaluation: "Evaluation", as_json: bool) -> None:
    metrics = evaluation.metrics
    if as_json:
        values = evaluation.to_dict()
        click.echo(json.dumps(values, indent=2, allow_nan=False))
    elif metrics["label_source"] is None:
        click.echo(
            f"Scored {metrics['frames']} frames of {metrics['videos']} videos; "
            "there are no labels, so nothing can be measured."
        )
    else:
        title = f"{evaluation.dataset.title}, all in percent"
        beside = dict(evaluation.trivial)
        if evaluation.equation_14 is not None:
            beside = {"Eq. 14": evaluation.equation_14, **beside}
        output.print_metrics(title, metrics, beside)
        if "roi_share" in metrics:
            click.echo(
                f"Region of interest: {metrics['roi_share']:.0%} of the "
                "picture; what is labelled outside it counts all the same."
            )
        if "localisation" in metrics:
            output.print_localisation(metrics, evaluation.trivial)
        if "events" in metrics:
            output.print_events(metrics["events"])
