"""`keras-cdae benchmark results`."""

import json
from pathlib import Path

import click

from . import backend, output


@click.command("results")
@click.argument(
    "runs",
    nargs=-1,
    required=True,
    type=click.Path(path_type=Path),
)
@click.option(
    "--output",
    "target",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write.  [default: stdout]",
)
@click.option(
    "--json",
    "as_json",
    is_flag=True,
    help="JSON instead of Markdown: fractions, of each seed, too.",
)
def command(runs: tuple[Path, ...], target: Path | None, as_json: bool) -> None:
    """Gather evaluated RUNS into tables: mean and spread over their seeds.

    Runs that differ in their seed alone are one table, with the command that
    made them. Evaluate each with `keras-cdae eval` first.
    """
    backend.require()  # for the presets, which are arguments of a model
    from keras_cdae.files import write_text
    from keras_cdae.runs.results import collect, to_markdown

    results = collect(runs)
    if as_json:
        text = json.dumps([r.to_dict() for r in results], indent=2) + "\n"
    else:
        text = to_markdown(results)
    if target is None:
        click.echo(text, nl=False)
        return
    write_text(target, text)
    output.say(f"Wrote {target}")
