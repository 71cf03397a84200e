"""What `benchmark compare`, `ablation`, `clusters` and `motion` share."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.cores import usable_cores
from keras_cdae.errors import MissingDependencyError

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.runs.columns import Column
    from keras_cdae.runs.settings import RunSettings
    from keras_cdae.runs.sweep import Result
    from keras_cdae.runs.variants import Variant


def head(presets: Sequence[str]) -> list[options.Decorator]:
    """Return the options that say what is trained on."""
    return [
        options.dataset_required,
        options.data_dir,
        click.option(
            "--preset",
            type=click.Choice(presets),
            default="edge",
            show_default=True,
            help="Size of the networks, about equal in operations.",
        ),
        options.epochs,
        options.minutes,
        options.seeds,
    ]


def tail(name: str) -> list[options.Decorator]:
    """Return the options that say how, and where results go."""
    return [
        click.option(
            "--output",
            "folder",
            type=click.Path(file_okay=False, path_type=Path),
            help="Folder for the runs, the table and the plot.  "
            f"[default: runs/{name}-DATASET-PRESET]",
        ),
        options.overwrite,
        options.batch_size,
        options.image_size,
        options.clip_step,
        options.overrides,
        options.json_output,
        options.cache_dir,
        options.backend,
    ]


def run(
    kind: str,
    title: str,
    variants: "Sequence[Variant]",
    *,
    dataset: str,
    data_dir: Path | None,
    preset: str,
    epochs: int | None,
    minutes: float | None,
    seeds: tuple[int, ...],
    folder: Path | None,
    overwrite: bool,
    as_json: bool,
    cache_dir: Path | None,
    columns: "Sequence[Column]" = (),
    note: str | None = None,
    timed: bool = False,
    **settings: Any,
) -> None:
    """Train all variants, print the table, write CSV, Markdown and plot."""
    del settings["backend"]  # has taken effect
    if epochs is not None and minutes is not None:
        raise click.UsageError("Give --epochs or --minutes, not both.")
    from keras_cdae.data.benchmarks import load_dataset

    found = load_dataset(dataset, data_dir)  # before the slow imports
    found.require_test()
    found.require_labels()
    folder = folder or Path("runs") / f"{kind}-{dataset}-{preset}"
    name = backend.require()
    from keras_cdae.runs import comparison
    from keras_cdae.runs.settings import RunSettings

    shared = RunSettings(
        dataset, str(data_dir), preset=preset, epochs=epochs, **settings
    )
    _check(variants, shared)
    results: list[Result] = []
    for result in _sweep(
        variants,
        shared,
        folder,
        seeds=seeds,
        minutes=minutes,
        overwrite=overwrite,
        cache_dir=cache_dir,
    ):
        results.append(result)
        _write_csv(folder, results, dataset)
    budget = f"{minutes:g} minutes each" if minutes else _epochs(results)
    headline = (
        f"{title} on {found.title}: preset {preset}, {budget}, "
        f"{_seeds(seeds)}, {name} on {_cores()}"
    )
    reduced = preset != "paper" or epochs is not None or minutes is not None
    facts = _facts(results, reduced) + _set(shared.overrides)
    notes = [facts, comparison.NOTE, *([note] if note else [])]
    _report(
        headline,
        notes,
        results,
        variants,
        dataset,
        folder,
        as_json,
        columns=columns,
        timed=timed,
    )


def _check(variants: "Sequence[Variant]", shared: "RunSettings") -> None:
    """Refuse wrong values of --set before anything is decoded."""
    from keras_cdae.runs.models import check_overrides
    from keras_cdae.runs.sweep import check_shared, variant_settings

    if shared.overrides:
        options.as_usage(check_shared, variants, shared.overrides)
        for variant in variants:
            settings = variant_settings(variant, shared)
            options.as_usage(check_overrides, settings)


def _set(overrides: dict[str, Any]) -> str:
    if not overrides:
        return ""
    words = (f"{name}={json.dumps(v)}" for name, v in overrides.items())
    return f" Set in every model that has it: {', '.join(words)}."


def _sweep(
    variants: "Sequence[Variant]", settings: Any, folder: Path, **values: Any
) -> "Iterator[Result]":
    """Yield the results, with progress on stderr."""
    from keras_cdae.runs.sweep import Hooks, sweep

    bars: list[Any] = []

    def begin(run: Path, done: int, total: int) -> None:
        output.say(f"[{done + 1}/{total}] {run.parent.name}, {run.name}")

    def callbacks() -> list[Any]:
        bars.append(progress.training_bar())
        return bars[-1:]

    try:
        with progress.steps("Scoring") as scored:
            hooks = Hooks(begin=begin, callbacks=callbacks, scored=scored)
            yield from sweep(variants, settings, folder, hooks=hooks, **values)
    except KeyboardInterrupt:
        output.say(
            "Stopped. Every finished epoch is kept; the same command goes on"
            f"{', without --overwrite' if values['overwrite'] else ''}."
        )
        raise
    finally:
        for bar in bars:
            bar.close()


def _report(
    headline: str,
    notes: list[str],
    results: "list[Result]",
    variants: "Sequence[Variant]",
    dataset: str,
    folder: Path,
    as_json: bool,
    *,
    columns: "Sequence[Column]",
    timed: bool,
) -> None:
    from keras_cdae.files import write_text
    from keras_cdae.runs import comparison

    rows = comparison.table(results, variants, dataset, columns)
    text = comparison.markdown(headline, rows, notes, columns)
    write_text(folder / "comparison.md", text)
    if as_json:
        values = [comparison.as_dict(result, dataset) for result in results]
        trivial = results[0].metrics["trivial"]
        printed = {"title": headline, "runs": values, "trivial": trivial}
        click.echo(json.dumps(printed, indent=2, allow_nan=False))
    else:
        titles = [*comparison.COLUMNS, *(column.title for column in columns)]
        output.print_table(headline, titles, rows)
        for note in notes:
            click.echo(note)
    output.say(f"Wrote results.csv and comparison.md to {folder}")
    _draw(headline, results, variants, dataset, folder, timed)


def _draw(
    headline: str,
    results: "list[Result]",
    variants: "Sequence[Variant]",
    dataset: str,
    folder: Path,
    timed: bool,
) -> None:
    from keras_cdae.files import atomic_path
    from keras_cdae.reports.plots import comparison_bars
    from keras_cdae.runs.comparison import chart

    try:
        figure = comparison_bars(
            **chart(results, variants, dataset, timed=timed), title=headline
        )
    except MissingDependencyError as error:
        output.say(f"No picture: {error}")
        return
    with atomic_path(folder / "comparison.png") as temporary:
        figure.savefig(temporary)
    output.say(f"Look at {folder / 'comparison.png'}")


def _write_csv(folder: Path, results: "list[Result]", dataset: str) -> None:
    from keras_cdae.runs.comparison import write_csv

    write_csv(folder / "results.csv", results, dataset)


def _epochs(results: "list[Result]") -> str:
    count = results[0].epochs
    return "1 epoch each" if count == 1 else f"{count} epochs each"


def _facts(results: "list[Result]", reduced: bool) -> str:
    metrics = results[0].metrics
    text = (
        f"{metrics['frames']} scored frames of {metrics['videos']} videos, "
        f"{metrics['abnormal_frames']} abnormal; labels: "
        f"{metrics['label_source']}; smoothing: off; last epoch of each run."
    )
    if not reduced:
        return text
    return (
        f"{text} A reduced budget: the paper trains 150 epochs on Ped2 and "
        "300 elsewhere, at 256 x 256."
    )


def _seeds(seeds: tuple[int, ...]) -> str:
    if len(seeds) == 1:
        return f"seed {seeds[0]}"
    return f"seeds {', '.join(map(str, seeds))} (mean ± deviation)"


def _cores() -> str:
    count = usable_cores()
    return "1 core" if count == 1 else f"{count} cores"
