"""`keras-cdae benchmark parity`."""

import dataclasses
import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.export.formats import FORMATS

from . import backend, options, output, progress
from .evaluate import data_of_run
from .export import print_parity

if TYPE_CHECKING:
    from keras_cdae.export.check import Parity

Rates = dict[str, dict[str, float]]


@click.command("parity")
@options.apply(
    click.option(
        "--model",
        type=options.Model(),
        required=True,
        help="Run folder, .keras file or shipped model.",
    ),
    options.dataset_or_runs,
    options.data_dir,
    options.labels,
    options.json_output,
    options.backend,
)
def command(
    model: str,
    dataset: str | None,
    data_dir: Path | None,
    labels: str | None,
    as_json: bool,
    **arguments: Any,
) -> None:
    """Compare every format and quantisation with Keras.

    Differences of score and map are on clips of the data set's training video,
    AUC under every protocol on its test video. Nothing is refused: what
    `keras-cdae export` would not write is said.
    """
    del arguments["backend"]  # has taken effect
    dataset, data_dir = data_of_run(
        Path(model).expanduser(),
        dataset,
        data_dir,
        missing="The comparison needs video",
    )
    backend.require()
    from keras_cdae.export.clips import dataset_clips
    from keras_cdae.export.exported import ExportedModel, measure_rates
    from keras_cdae.export.exporter import export
    from keras_cdae.runs.loader import find_model, load

    file = find_model(model)
    loaded = load(file)
    clips = dataset_clips(loaded, dataset, data_dir)
    parities: list[Parity] = []
    rates: Rates = {}

    def measure(name: str, scorer: Any) -> None:
        with progress.steps(f"Scoring with {name}") as scored:
            found = measure_rates(
                scorer, dataset, data_dir, labels=labels, scored=scored
            )
        if found is not None:
            rates[name] = found

    measure("keras", loaded)
    with tempfile.TemporaryDirectory() as folder:
        for format_, quantize in choices():
            title = name_of(format_, quantize)
            result = export(
                file,
                Path(folder) / f"{quantize}{FORMATS[format_].suffix}",
                format=format_,
                quantize=quantize,
                calibration_clips=clips,
                force=True,
                allow_uncalibrated=True,
            )
            assert result.parity is not None  # it was checked
            parities.append(result.parity)
            measure(title, ExportedModel(result.path))
    if as_json:
        rows = [dataclasses.asdict(parity) for parity in parities]
        click.echo(json.dumps({"parity": rows, "rates": rates}, indent=2))
        return
    _print(parities, rates)


def choices() -> list[tuple[str, str]]:
    """Return every format and quantisation that is not Keras itself."""
    return [
        (name, quantize)
        for name, form in FORMATS.items()
        if name != "keras"
        for quantize in form.quantizations
    ]


def name_of(format_: str, quantize: str) -> str:
    """Return the name of an export in tables."""
    return format_ if quantize == "none" else f"{format_} {quantize}"


def _print(parities: "list[Parity]", rates: Rates) -> None:
    print_parity(parities)
    if rates:
        click.echo()
        print_changes(rates)
    for parity in parities:
        problem = parity.problem()
        if problem is not None:
            name = name_of(parity.format, parity.quantize)
            output.say(f"{name} would be refused: {problem}.")


def print_changes(rates: Rates) -> None:
    """Print the rates of Keras, and of each export less those of Keras.

    Args:
        rates: by the name of what scored, `"keras"` the first.
    """
    names = [name for name in rates if name != "keras"]
    output.print_table(
        "On the test video: percent, and change in points",
        ["protocol", "Keras", *names],
        [
            [
                output.PROTOCOLS.get(key, key),
                f"{100 * base:.2f}",
                *(f"{100 * (rates[name][key] - base):+.2f}" for name in names),
            ]
            for key, base in rates["keras"].items()
        ],
    )
    click.echo(output.NOTE)
