"""`keras-cdae benchmark scores`."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from . import backend, held_out, options, output, progress
from .evaluate import data_of_run

if TYPE_CHECKING:
    from keras_cdae.runs.score_choice import Rating

SHOWN = 12
NOTE = (
    "unexplained: motion error as a share of the motion; D_a, D_m: distances "
    "to the closest centroid;\n[16]: averaged over the square of 16 pixels "
    "where that is highest, else over the picture;\nleast d': standard "
    "deviations between the mean scores of normal clips and of the\nkind that "
    "is told worst; it goes on rising where the AUC is full."
)


@click.command("scores")
@click.argument("model", metavar="RUN_OR_MODEL", type=options.Model())
@options.apply(
    options.dataset_or_runs,
    options.data_dir,
    click.option(
        "--step",
        type=click.IntRange(min=1),
        default=3,
        show_default=True,
        help="Frames from one clip to the next.",
    ),
    click.option(
        "--all", "everything", is_flag=True, help="Print every score."
    ),
    options.seed_of_training,
    options.json_output,
    options.cache_dir,
    options.backend,
)
def command(
    model: str,
    dataset: str | None,
    data_dir: Path | None,
    step: int,
    everything: bool,
    seed: int | None,
    as_json: bool,
    cache_dir: Path | None,
    **rest: str | None,
) -> None:
    """Rate scores without a test video: which tells what is not normal?

    Scores the normal video that the training held out beside pseudo-anomalies
    made from it (frames skipped, everywhere or in a window; a patch that
    crosses), and prints the AUC of every score the model could have: which
    terms, pooled how. Of a shipped model: --dataset and --data-dir say where
    its training video lies; --seed is that of its training.
    """
    del rest  # has taken effect
    dataset, data_dir = data_of_run(Path(model).expanduser(), dataset, data_dir)
    from keras_cdae.data.benchmarks import load_dataset

    load_dataset(dataset, data_dir)  # before the slow imports
    backend.require()
    from keras_cdae.models.cdae import CDAE
    from keras_cdae.runs.loader import load
    from keras_cdae.runs.score_choice import ScoreVariant, rate_scores

    loaded = load(model)
    if not isinstance(loaded, CDAE):
        raise click.UsageError(
            f"{model}: a {type(loaded).__name__} has one score. Name a CDAE."
        )
    loaded.require_frames_alone("rated on pseudo-anomalies")
    normal = held_out.decode(
        loaded, model, dataset, data_dir, seed=seed, cache_dir=cache_dir
    )
    with progress.steps("Scoring") as scored:
        ratings = rate_scores(loaded, normal.videos, step=step, scored=scored)
    own = ScoreVariant(loaded.score_terms, loaded.fusion)
    if as_json:
        click.echo(json.dumps([_as_dict(r, own) for r in ratings], indent=2))
        return
    title = f"AUC in percent on {normal.source}, against pseudo-anomalies"
    _print(title, ratings if everything else _best(ratings, own), own)


def _best(ratings: "list[Rating]", own: object) -> "list[Rating]":
    """Return the best, the model's own and the paper's."""
    return [
        rating
        for place, rating in enumerate(ratings)
        if place < SHOWN
        or rating.variant == own
        or str(rating.variant) == "Eq. 14"
    ]


def _print(title: str, ratings: "list[Rating]", own: object) -> None:
    kinds = list(ratings[0].auc)
    output.print_table(
        title,
        ["score", "mean", *kinds, "least d'"],
        [
            [
                f"{rating.variant}{' (own)' if rating.variant == own else ''}",
                *(
                    f"{100 * area:.2f}"
                    for area in (rating.mean, *rating.auc.values())
                ),
                f"{rating.hardest:.2f}",
            ]
            for rating in ratings
        ],
    )
    click.echo(NOTE)


def _as_dict(rating: "Rating", own: object) -> dict[str, object]:
    return {
        "score": str(rating.variant),
        "score_terms": dict(rating.variant.terms),
        "fusion": rating.variant.fusion,
        "own": rating.variant == own,
        "mean": rating.mean,
        "auc": dict(rating.auc),
        "separation": dict(rating.separation),
        "spread": rating.spread,
    }
