"""`keras-cdae benchmark alarms`."""

from pathlib import Path

import click

from . import options


@click.command("alarms")
@click.argument("model", type=options.Model())
@options.apply(
    options.dataset_or_runs,
    options.data_dir,
    click.option(
        "--alarms-per-hour",
        "rates",
        type=options.Finite(min=0, min_open=True),
        multiple=True,
        default=(1.0, 10.0, 60.0, 600.0, 3600.0),
        show_default=True,
        help="Rates to ask for, counted in clips; may be repeated.",
    ),
    click.option(
        "--hold-out",
        type=options.Finite(min=0, max=1),
        help="Share of the training videos that the training of MODEL held "
        "out; 1 for a model that was trained on other video, 0 if none was.  "
        "[default: the run's, or 0.1]",
    ),
    options.seed_of_training,
    options.fps,
    click.option(
        "--output",
        "target",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the table as CSV, too.",
    ),
    options.cache_dir,
    options.json_output,
    options.backend,
)
def command(
    model: str,
    dataset: str | None,
    data_dir: Path | None,
    rates: tuple[float, ...],
    hold_out: float | None,
    seed: int | None,
    fps: float | None,
    target: Path | None,
    cache_dir: Path | None,
    as_json: bool,
    backend: str | None,
) -> None:
    """Hold observed false alarms against promised ones, on normal video.

    The normal videos that MODEL was not trained on are observed one by one,
    each with thresholds from all others; of a single video, each half with
    thresholds from the other.
    """
    del backend  # has taken effect
    from .alarms import measure

    measure(
        model,
        dataset=dataset,
        data_dir=data_dir,
        rates=rates,
        share=hold_out,
        seed=seed,
        fps=fps,
        target=target,
        cache_dir=cache_dir,
        as_json=as_json,
    )
