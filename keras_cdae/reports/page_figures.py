"""The statistical figures of a page, drawn by matplotlib as SVG elements."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cdae.reports.figures import (
    CURVE,
    EVENT,
    INK,
    MARK,
    MUTED,
    figure_svg,
)
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.scores import VideoScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_cdae.scoring.occupancy import Occupancy

BINS = 40


def calibration_figures(
    calibration: Calibration,
    videos: Sequence[VideoScores],
    threshold: float | None,
) -> list[str]:
    """Show test scores beside those of held-out normal video.

    First how both are spread, then which share of each lies above a value: on
    a logarithmic scale, because alarms live in the tail.

    Args:
        calibration: of the model.
        videos: the scored videos.
        threshold: the log-score above which a frame alarms; None: not drawn.

    Returns:
        Two `<svg>` elements.
    """
    groups = _groups(videos)
    score = np.concatenate([values for _, values, _ in groups])
    ends = np.array([*calibration.quantiles[:: len(calibration.quantiles) - 1]])
    low, high = calibration.z([score.min(), score.max()])
    normal = calibration.z(ends)
    limits = float(min(low, normal[0])), float(max(high, normal[1]))
    mark = None if threshold is None else float(calibration.z(threshold))

    def spread(figure: "Figure") -> None:
        axes = figure.add_subplot()
        edges = np.linspace(*limits, BINS + 1)
        below = np.interp(
            edges,
            calibration.z(calibration.quantiles),
            calibration.probabilities,
        )
        axes.stairs(
            100 * np.diff(below),
            edges,
            fill=True,
            color=MUTED,
            alpha=0.35,
            label="held-out normal video",
        )
        for name, values, style in groups:
            counts, _ = np.histogram(calibration.z(values), edges)
            share = 100 * counts / len(values)
            axes.stairs(share, edges, label=name, linewidth=1.6, **style)
        axes.set_ylabel("% of frames")
        _finish(figure, axes, limits, mark)

    def above(figure: "Figure") -> None:
        axes = figure.add_subplot()
        share = 100 * (1.0 - np.array(calibration.probabilities))
        lowest = 100 / max(calibration.clips, *(len(v) for _, v, _ in groups))
        axes.plot(
            calibration.z(calibration.quantiles),
            np.maximum(share, lowest / 2),
            color=MUTED,
            linewidth=4,
            alpha=0.5,
            label="held-out normal video",
        )
        for name, values, style in groups:
            ordered = np.sort(calibration.z(values))
            share = 100 * np.arange(len(ordered), 0, -1) / len(ordered)
            axes.plot(ordered, share, label=name, linewidth=1.6, **style)
        axes.set_yscale("log")
        axes.set_ylim(lowest / 1.5, 130)
        axes.set_yticks([t for t in (0.1, 1, 10, 100) if t >= lowest / 1.5])
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.minorticks_off()
        axes.set_ylabel("% of frames above")
        _finish(figure, axes, limits, mark)

    label = (
        "Scores of the test video, z, beside those of held-out normal video: "
    )
    return [
        figure_svg(
            spread, height=2.6, label=f"{label}distributions", name="spread"
        ),
        figure_svg(
            above, height=2.6, label=f"{label}share above a value", name="above"
        ),
    ]


def occupancy_figure(name: str, occupancy: "Occupancy") -> str:
    """Show the share of codes at each centroid of one branch, falling.

    Args:
        name: `"appearance"` or `"motion"`.
        occupancy: the counts of it.

    Returns:
        An `<svg>` element.
    """
    share = 100 * np.sort(occupancy.share)[::-1]

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        axes.bar(np.arange(1, len(share) + 1), share, color=CURVE, width=0.75)
        even = 100 / len(share)
        axes.axhline(even, color=INK, linewidth=1, linestyle="--")
        axes.annotate(
            "all alike",
            (len(share) + 0.5, even),
            (0, 3),
            textcoords="offset points",
            ha="right",
        )
        axes.set(
            xlim=(0.4, len(share) + 0.6),
            xlabel="centroid, by its share",
            ylabel="% of codes",
            title=f"{name}: {occupancy.used} of {len(share)} in use",
        )
        axes.grid(axis="y")

    label = (
        f"Share of codes at each {name} centroid, falling from "
        f"{share[0]:.1f} % to {share[-1]:.1f} %"
    )
    return figure_svg(draw, height=2.2, label=label, name=f"use{name}")


def history_figures(history: Mapping[str, np.ndarray]) -> list[str]:
    """Show the losses of a training, and what the motion branch explains.

    Args:
        history: columns of `history.csv`.

    Returns:
        Up to two `<svg>` elements; none where there are no such columns.
    """
    figures = []
    losses = {
        "loss": ("training", {"color": CURVE}),
        "val_loss": ("held-out", {"color": MARK, "linestyle": "--"}),
    }
    share = {
        "motion_explained": ("training", {"color": CURVE}),
        "val_motion_explained": (
            "held-out",
            {"color": MARK, "linestyle": "--"},
        ),
    }
    for lines, title, scale, log in (
        (losses, "loss", 1.0, True),
        (share, "% of motion explained", 100.0, False),
    ):
        found = {
            key: style
            for key, style in lines.items()
            if key in history and np.isfinite(history[key]).any()
        }
        if found:
            figures.append(_lines(history, found, title, scale, log))
    return figures


def _lines(
    history: Mapping[str, np.ndarray],
    lines: Mapping[str, tuple[str, dict[str, Any]]],
    title: str,
    scale: float,
    log: bool,
) -> str:
    positive = all((history[key] > 0).all() for key in lines)
    # Where the training's clips begin to be others, so do its losses.
    changed = np.flatnonzero(history.get("augmented", np.zeros(0)) > 0)

    def draw(figure: "Figure") -> None:
        axes = figure.add_subplot()
        for key, (name, style) in lines.items():
            epochs = np.arange(1, len(history[key]) + 1)
            axes.plot(epochs, scale * history[key], label=name, **style)
        if len(changed):
            axes.axvline(
                changed[0] + 0.5,  # between two epochs, which count from 1
                color=MUTED,
                linestyle=":",
                label="clips changed from here",
            )
        if log and positive:
            axes.set_yscale("log")
            axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            axes.yaxis.set_minor_formatter(lambda value, _: "")
        axes.set(xlabel="epoch", ylabel=title)
        axes.grid(axis="y")
        axes.legend()

    label = f"{title} by epoch"
    name = "history" + "".join(c for c in title if c.isalpha())
    return figure_svg(draw, height=2.2, label=label, name=name)


def _groups(
    videos: Sequence[VideoScores],
) -> list[tuple[str, np.ndarray, dict[str, Any]]]:
    """The test scores by class, each with a colour and a kind of line."""
    if any(video.labels is None for video in videos):
        score = np.concatenate([video.score for video in videos])
        return [("scored video", score, {"color": CURVE})]
    kinds = (
        (0, "test, labelled normal", {"color": CURVE}),
        (1, "test, labelled abnormal", {"color": EVENT, "linestyle": "--"}),
    )
    chosen = [
        (
            name,
            np.concatenate([v.score[v.labels == label] for v in videos]),
            style,
        )
        for label, name, style in kinds
    ]
    return [group for group in chosen if len(group[1])]


def _finish(
    figure: "Figure",
    axes: Any,
    limits: tuple[float, float],
    threshold: float | None,
) -> None:
    if threshold is not None:
        axes.axvline(
            threshold,
            color=MARK,
            linestyle=":",
            linewidth=1.8,
            label="threshold",
        )
    axes.set(xlim=limits, xlabel="z, standard deviations above normal video")
    axes.grid(axis="y")
    figure.legend(loc="outside upper left", ncols=2, columnspacing=1.2)
