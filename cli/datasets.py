"""`keras-cdae datasets`."""

import dataclasses
import json
import logging
from pathlib import Path

import click

from keras_cdae.errors import DataError, in_command

from . import options, output

MARKS = {"ok": "ok     ", "warning": "warning", "error": "ERROR  "}


@click.group("datasets")
def command() -> None:
    """List, check and make data sets."""


@command.command("list")
@options.json_output
def list_datasets(as_json: bool) -> None:
    """List the data sets, and where to get them."""
    from keras_cdae.data.benchmarks import DATASETS

    if as_json:
        rows = [dataclasses.asdict(info) for info in DATASETS.values()]
        click.echo(json.dumps(rows, indent=2, default=list))
        return
    for info in DATASETS.values():
        counts = ""
        if info.train_videos:
            counts = (
                f" ({info.train_videos} training, {info.test_videos} test "
                "videos)"
            )
        click.echo(f"{info.name:<13}{info.title}{counts}")
        if info.url:
            click.echo(f"{'':<13}{info.url}")


@command.command("verify")
@click.argument("name", type=click.Choice(options.DATASETS))
@click.argument(
    "folder", required=False, type=click.Path(path_type=Path), metavar="DIR"
)
@options.apply(options.data_dir, options.labels, options.json_output)
def verify(
    name: str,
    folder: Path | None,
    data_dir: Path | None,
    labels: str | None,
    as_json: bool,
) -> None:
    """Check that the data set NAME in DIR is whole, and say what is missing."""
    from keras_cdae.data.benchmarks import DATASETS, verify_dataset

    if folder and data_dir:
        raise click.UsageError("Name one folder, as DIR or with --data-dir.")
    # What the loader warns of is among the findings.
    logging.getLogger("keras_cdae").setLevel(logging.ERROR)
    findings = verify_dataset(name, data_dir or folder, labels=labels)
    if as_json:
        rows = [dataclasses.asdict(finding) for finding in findings]
        click.echo(json.dumps(rows, indent=2))
    else:
        for finding in findings:
            click.echo(f"{MARKS[finding.level]} {finding.message}")
    errors = sum(finding.level == "error" for finding in findings)
    if errors:
        url = DATASETS[name].url
        source = f" What is missing is to be had from {url}" if url else ""
        raise DataError(f"{name}: {errors} of the checks failed.{source}")


@command.command("synthetic")
@click.argument("folder", type=click.Path(path_type=Path), metavar="DIR")
@options.apply(
    click.option(
        "--train-videos", type=click.IntRange(min=1), default=6,
        show_default=True, help="Videos of normal life.",
    ),
    click.option(
        "--test-videos", type=click.IntRange(min=1), default=6,
        show_default=True, help="Videos with events.",
    ),
    click.option(
        "--frames", type=click.IntRange(min=60), default=200,
        show_default=True, help="Frames a video.",
    ),
    click.option(
        "--seed", type=options.SEED, default=0,
        show_default=True, help="Of who walks when, and what happens.",
    ),
    options.overwrite,
)  # fmt: skip
def synthetic(
    folder: Path,
    train_videos: int,
    test_videos: int,
    frames: int,
    seed: int,
    overwrite: bool,
) -> None:
    """Make a small data set in DIR: a fixed camera over a path.

    Walkers are normal; a cyclist, a cart, someone running against the flow or
    leaving the path are not.
    """
    from keras_cdae.data.synthetic import make_synthetic

    make_synthetic(
        folder,
        train_videos=train_videos,
        test_videos=test_videos,
        frames=frames,
        seed=seed,
        overwrite=overwrite,
    )
    output.say(
        f"Wrote {folder}. Next: keras-cdae train --dataset synthetic "
        f"--data-dir {in_command(folder)} --preset nano"
    )
