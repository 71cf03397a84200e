"""`keras-cdae benchmark alarms`: the work and the table."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import backend, held_out, output, progress
from .evaluate import data_of_run

if TYPE_CHECKING:
    from keras_cdae.scoring.alarms import AlarmCount
    from keras_cdae.scoring.scores import VideoScores


def measure(
    name: str,
    *,
    dataset: str | None,
    data_dir: Path | None,
    rates: tuple[float, ...],
    share: float | None,
    seed: int | None,
    fps: float | None,
    target: Path | None,
    cache_dir: Path | None,
    as_json: bool,
) -> None:
    """Score the held-out videos, count, print and write the table."""
    from keras_cdae.data.benchmarks import load_dataset
    from keras_cdae.runs.find import find_model

    find_model(name)  # this and the data set before the slow imports
    run = Path(name).expanduser()
    dataset, data_dir = data_of_run(run, dataset, data_dir)
    found = load_dataset(dataset, data_dir)
    output.require_target(target)
    backend.require()
    from keras_cdae.runs.held_out import score_held_out
    from keras_cdae.runs.loader import load
    from keras_cdae.scoring.alarms import measure_alarms

    model = load(name)
    normal = held_out.decode(
        model,
        name,
        dataset,
        data_dir,
        share=share,
        seed=seed,
        cache_dir=cache_dir,
    )
    rate = fps or normal.fps
    if rate is None:
        raise click.UsageError("The frame rate is not known: give --fps.")
    possible = [r for r in rates if r < 3600 * rate]
    if not possible:
        raise click.UsageError(
            f"--alarms-per-hour must be below the {3600 * rate:g} clips in an "
            f"hour at {rate:g} frames a second."
        )
    with progress.steps("Scoring") as scored:
        videos = score_held_out(model, normal, scored=scored)
    with output.held_back():  # the table says what is not supported
        counts = measure_alarms(videos, possible, fps=rate)
    if as_json:
        values = {
            "dataset": found.title,
            "videos": [video.name for video in videos],
            "fps": rate,
            "rates": [count.to_dict() for count in counts],
        }
        click.echo(json.dumps(values, indent=2, allow_nan=False))
    else:
        _print(found.title, videos, counts, rate)
    if target is not None:
        output.write_table(target, [count.to_dict() for count in counts])


def _print(
    title: str,
    videos: "list[VideoScores]",
    counts: "list[AlarmCount]",
    fps: float,
) -> None:
    output.print_table(
        f"False alarms an hour on held-out normal video of {title}",
        [
            "promised",
            "observed",
            "segments",
            "95 % of segments",
            "expected",
            "clips",
            "seen",
            "supported",
        ],
        [_row(count) for count in counts],
    )
    hours = counts[0].hours
    split = (
        f"each of {len(videos)} videos by thresholds of the others"
        if len(videos) > 1
        else "each half of a video by thresholds of the other"
    )
    click.echo(
        f"{hours:.3g} hours ({3600 * hours:.0f} s at {fps:g} frames a second), "
        f"{split}. promised, observed: clips above the threshold; segments: "
        "those merged into events; expected, clips, seen: alarms promised in "
        "this video, observed clips, observed segments."
    )
    if any(count.expected < 10 for count in counts):
        click.echo(
            "Where fewer than 10 are expected the row says little: it takes "
            "10 / rate hours. Where not supported, the threshold is the "
            "highest normal score of the rest."
        )


def _row(count: "AlarmCount") -> list[str]:
    low, high = count.segments_interval
    return [
        f"{count.promised:g}",
        f"{count.clips_per_hour:.4g}",
        f"{count.segments_per_hour:.4g}",
        f"{low:.3g} to {high:.3g}",
        f"{count.expected:.3g}",
        str(count.clips),
        str(count.segments),
        f"{count.supported} of {count.splits}",
    ]
