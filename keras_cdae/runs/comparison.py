"""A sweep's results as one table: means over seeds, spread, CSV, Markdown."""

import csv
import dataclasses
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from keras_cdae.files import atomic_path
from keras_cdae.runs.columns import CENTROID_KEYS, Column, milliseconds
from keras_cdae.runs.sweep import Result
from keras_cdae.runs.variants import Variant

RATES = (  # keys of metrics.json -> what stands above the column
    ("auc_micro_per_video", "per-video"),
    ("auc_micro_regularity", "Eq. 15"),
    ("auc_micro_raw", "raw"),
    ("auc_macro_skip", "macro"),
    ("auc_macro_padded", "padded"),
)
FURTHER = ("eer", "eer_per_video", "ap", "ap_per_video")  # in the CSV alone
COLUMNS = (
    "model",
    *(title for _, title in RATES),
    "k params",
    "MMAC",
    "frames/s",
    "epochs",
    "training s",
    "published",
)
NOTE = (
    "AUC in percent: per-video: micro after per-video min-max, the papers' "
    "protocol; Eq. 15: the same of min-max of s; raw: micro, one threshold "
    "for all videos; macro: one-class videos skipped; padded: macro, padded. "
    "MMAC: million multiply-accumulates a clip. frames/s: scored 32 at a "
    "time, decoding not counted. training s: wall clock, compiling counted, "
    "validation not. Published: per-video AUC as "
    "Chang et al. (2020) print it, of other networks at other sizes and "
    "budgets: not measured here."
)


@dataclasses.dataclass(frozen=True)
class Spread:
    """A number over several seeds.

    Attributes:
        mean: over the seeds.
        deviation: standard deviation over the seeds; None for one seed.
    """

    mean: float
    deviation: float | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Return mean and spread of at least one value."""
        deviation = statistics.stdev(values) if len(values) > 1 else None
        return cls(statistics.fmean(values), deviation)

    def text(self, digits: int = 2, scale: float = 1.0) -> str:
        """Return `90.3` or `90.3 ± 0.4`.

        Args:
            digits: after the point.
            scale: what the numbers are multiplied by.
        """
        mean = f"{scale * self.mean:.{digits}f}"
        if self.deviation is None:
            return mean
        return f"{mean} ± {scale * self.deviation:.{digits}f}"


def rates(results: Iterable[Result], variant: str, key: str) -> Spread | None:
    """Return a rate of a variant over its seeds; None where it has none.

    Args:
        results: of a sweep.
        variant: name of the row.
        key: of `metrics.json`.
    """
    values = [r.metrics.get(key) for r in results if r.variant.name == variant]
    known = [value for value in values if value is not None]
    return Spread.of(known) if known else None


def table(
    results: Sequence[Result],
    variants: Sequence[Variant],
    dataset: str,
    columns: Sequence[Column] = (),
) -> list[list[str]]:
    """Return the rows under `COLUMNS`: variants, then trivial scores.

    Args:
        results: of a sweep; a variant without one has no row.
        variants: in the order of the rows.
        dataset: whose published numbers stand beside.
        columns: further ones, on the right.
    """
    rows = []
    for variant in variants:
        own = [r for r in results if r.variant.name == variant.name]
        if own:
            further = [column.text(own) for column in columns]
            rows.append(_row(variant, own, dataset) + further)
    for name, metrics in results[0].metrics["trivial"].items():
        cells = [_percent(metrics.get(key)) for key, _ in RATES]
        rest = ["-"] * (len(COLUMNS) - 1 - len(cells) + len(columns))
        rows.append([name.replace("_", " "), *cells, *rest])
    return rows


def chart(
    results: Sequence[Result],
    variants: Sequence[Variant],
    dataset: str,
    *,
    timed: bool = False,
) -> dict[str, Any]:
    """Return the arguments of `reports.plots.comparison_bars`.

    Args:
        results: of a sweep.
        variants: in the order of the bars.
        dataset: whose published numbers are drawn.
        timed: whether milliseconds a frame are drawn beside.
    """
    drawn: dict[str, dict[str, tuple[float, float | None]]] = {}
    for key, title in (RATES[0], RATES[2], RATES[3]):
        for variant in variants:
            spread = rates(results, variant.name, key)
            if spread is not None:
                deviation = spread.deviation
                drawn.setdefault(title, {})[variant.name] = (
                    100 * spread.mean,
                    None if deviation is None else 100 * deviation,
                )
    first = RATES[0][0]
    trivial = results[0].metrics["trivial"].items()
    times = {
        variant.name: statistics.fmean(
            milliseconds(r.cost, "flow" in variant.overrides)
            for r in results
            if r.variant.name == variant.name
        )
        for variant in variants
        if rates(results, variant.name, first) is not None
    }
    return {
        "rates": drawn,
        "times": times if timed else None,
        "trivial": {
            name.replace("_", " "): 100 * metrics[first]
            for name, metrics in trivial
            if metrics.get(first) is not None
        },
        "published": {
            variant.name: variant.published[dataset]
            for variant in variants
            if dataset in variant.published
        },
    }


def _row(
    variant: Variant, results: Sequence[Result], dataset: str
) -> list[str]:
    cells = []
    for key, _ in RATES:
        spread = rates(results, variant.name, key)
        cells.append("-" if spread is None else spread.text(scale=100))

    def mean(values: Iterable[float], digits: int = 0) -> str:
        return f"{statistics.fmean(values):.{digits}f}"

    published = variant.published.get(dataset)
    return [
        variant.name,
        *cells,
        mean((r.cost["parameters"] / 1e3 for r in results), 1),
        mean((r.cost["operations"] / 1e6 for r in results), 1),
        mean(r.cost["frames_per_second"] for r in results),
        mean(r.epochs for r in results),
        mean(r.seconds for r in results),
        "-" if published is None else f"{published:.1f}",
    ]


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"


def as_dict(result: Result, dataset: str) -> dict[str, Any]:
    """Return a result as one flat row, rates as fractions.

    Args:
        result: of a run.
        dataset: whose published number stands beside, in percent.
    """
    metrics: Mapping[str, Any] = result.metrics
    return {
        "variant": result.variant.name,
        "model": result.variant.model,
        "seed": result.seed,
        "epochs": result.epochs,
        "training_seconds": round(result.seconds, 3),
        "parameters": result.cost["parameters"],
        "operations": result.cost["operations"],
        "frames_per_second": round(result.cost["frames_per_second"], 2),
        **{key: metrics.get(key) for key, _ in RATES},
        **{key: metrics.get(key) for key in FURTHER},
        "target_seconds": result.cost.get("target_seconds"),
        **{key: result.centroids.get(key) for key in CENTROID_KEYS},
        "published_auc_percent": result.variant.published.get(dataset),
    }


def write_csv(
    path: str | os.PathLike[str], results: Sequence[Result], dataset: str
) -> None:
    """Write one row a run, whole or not at all.

    Args:
        path: the file.
        results: of a sweep, at least one.
        dataset: whose published numbers stand beside.
    """
    rows = [as_dict(result, dataset) for result in results]
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def markdown(
    title: str,
    rows: Sequence[Sequence[str]],
    notes: Sequence[str],
    columns: Sequence[Column] = (),
) -> str:
    """Return the table as Markdown, with its title and notes.

    Args:
        title: above the table.
        rows: as `table` gave them.
        notes: paragraphs below it.
        columns: those on the right.
    """
    titles = [*COLUMNS, *(column.title for column in columns)]
    lines = [
        f"| {' | '.join(titles)} |",
        f"|---|{'---:|' * (len(titles) - 1)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n\n".join([title, "\n".join(lines), *notes]) + "\n"
