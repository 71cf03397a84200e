"""What is drawn inside a picture, on axes that `plots` has made.

No matplotlib is imported here: `figures` alone does that.
"""

import textwrap
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np

from keras_cdae.metrics.frame import micro_auc
from keras_cdae.scoring.scores import VideoScores

Axes: TypeAlias = Any  # matplotlib.axes.Axes
Figure: TypeAlias = Any  # matplotlib.figure.Figure
# Start and end in frames, 0-based, the end exclusive.
Intervals: TypeAlias = Sequence[tuple[int, int]]

# Okabe and Ito: told apart with any colour vision.
CURVE = "#0072B2"
EVENT = "#E69F00"
WORST = "#D55E00"
PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#000000")
EVENT_ALPHA = 0.3
TITLE_SIZE = 11
# Of a title, in an inch of picture: 13 would fit if the axes were as wide.
LETTERS = 10


def events(video: VideoScores, intervals: Intervals | None) -> Intervals:
    """True events: as given, else the runs of 1 in the labels."""
    if intervals is not None or video.labels is None:
        return intervals or ()
    edges = np.flatnonzero(np.diff(video.labels, prepend=0, append=0))
    return [
        (int(video.frame[start]), int(video.frame[end - 1]) + 1)
        for start, end in zip(edges[::2], edges[1::2], strict=True)
    ]


def draw_regularity(axes: Axes, video: VideoScores, events: Intervals) -> None:
    """Draw S(t) of one video over its shaded true events."""
    for start, end in events:
        # A frame is drawn from half before its number to half after.
        axes.axvspan(
            start - 0.5,
            end - 0.5,
            color=EVENT,
            alpha=EVENT_ALPHA,
            linewidth=0,
            label="_" if (start, end) != tuple(events[0]) else "true event",
        )
    axes.plot(
        video.frame,
        video.regularity,
        color=CURVE,
        linewidth=1.5,
        label="regularity",
    )
    axes.set(xlim=(0, int(video.frame[-1]) + 1), ylim=(-0.04, 1.04))
    axes.set_yticks([0.0, 0.5, 1.0])
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def mark_worst(axes: Axes, video: VideoScores) -> None:
    """Mark the frame with the highest score."""
    worst = int(video.score.argmax())
    axes.plot(
        [video.frame[worst]],
        [video.regularity[worst]],
        "v",
        color=WORST,
        markersize=10,
        clip_on=False,
        label=f"least regular: frame {video.frame[worst]}",
    )


def video_title(video: VideoScores) -> str:
    """The name, with the AUC within the video where it has both classes."""
    area = None
    if video.labels is not None:
        area = micro_auc([video.score], [video.labels])
    return video.name if area is None else f"{video.name}   AUC {area:.3f}"


def legend_above(figure: Figure, title: str | None) -> None:
    """One legend for all panels, and the title."""
    handles: dict[str, Any] = {}
    for panel in figure.axes:
        lines, names = panel.get_legend_handles_labels()
        handles |= dict(zip(names, lines, strict=True))
    figure.legend(
        handles.values(),
        handles.keys(),
        loc="outside upper right",
        ncols=len(handles),
        frameon=False,
    )
    if title:
        figure.suptitle(title, fontsize=13)


def headline(title: str, metrics: Mapping[str, float | None] | None) -> str:
    """The title, and the numbers that are defined on a second line."""
    numbers = [
        f"{name} {value:.3f}"
        for name, value in (metrics or {}).items()
        if value is not None
    ]
    return f"{title}\n{'   '.join(numbers)}" if numbers else title


def write_title(axes: Axes, title: str | None) -> None:
    """Write a title above the axes, in as many lines as it needs."""
    if title:
        room = round(axes.figure.get_figwidth() * LETTERS)
        lines = textwrap.fill(title, room)
        axes.set_title(lines, fontsize=TITLE_SIZE)


def draw_image(axes: Axes, image: np.ndarray, title: str) -> None:
    """Draw one picture, floats in [0, 1], without ticks."""
    axes.imshow(image, cmap="gray", vmin=0.0, vmax=1.0)
    axes.set_title(title, fontsize=11)
    axes.set(xticks=[], yticks=[])


def draw_heat(axes: Axes, heat: np.ndarray, size: tuple[int, int]) -> Any:
    """Lay a map over a picture of `size` (H, W); return what was drawn."""
    span = float(np.ptp(heat))
    heat = (heat - heat.min()) / span if span else np.zeros_like(heat)
    return axes.imshow(
        heat,
        cmap="inferno",
        vmin=0.0,
        vmax=1.0,
        alpha=0.15 + 0.6 * heat,
        interpolation="bilinear",
        extent=(-0.5, size[1] - 0.5, size[0] - 0.5, -0.5),
    )


def draw_histogram(
    axes: Axes, scores: VideoScores, threshold: float | None
) -> None:
    """Draw the scores, by class where labels are known."""
    low, high = scores.score.min(), scores.score.max()
    if high - low < 1e-6:  # constant: too narrow for bins
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, 31)
    if scores.labels is None:
        axes.hist(scores.score, edges, color=CURVE, label="all frames")
    else:
        for name, label, color in (
            ("normal", 0, CURVE),
            ("abnormal", 1, EVENT),
        ):
            chosen = scores.score[scores.labels == label]
            axes.hist(chosen, edges, color=color, alpha=0.7, label=name)
    if threshold is not None:
        axes.axvline(
            threshold, color=WORST, linestyle="--", label="alarm above"
        )
    axes.locator_params(axis="x", nbins=5)  # more would run into one another
    axes.set_title("how the scores are spread", fontsize=11)
    axes.set(xlabel="score, log(1/s)\nhigher = more anomalous", ylabel="frames")
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)


def draw_bars(
    axes: Axes,
    rates: Mapping[str, Mapping[str, tuple[float, float | None]]],
    published: Mapping[str, float],
) -> None:
    """Draw one group a model, one bar a protocol, and published numbers."""
    names = list(next(iter(rates.values())))
    width = 0.8 / len(rates)
    places = np.arange(len(names))
    lowest = 100.0
    for index, (protocol, row) in enumerate(rates.items()):
        means = np.array([row[name][0] for name in names])
        lowest = min(lowest, float(means.min()))
        axes.bar(
            places + (index - (len(rates) - 1) / 2) * width,
            means,
            0.92 * width,
            yerr=[row[name][1] or 0.0 for name in names],
            color=PALETTE[index % len(PALETTE)],
            label=protocol,
        )
    shown = [name for name in names if name in published]
    if shown:
        axes.plot(
            [names.index(name) - 0.4 + width / 2 for name in shown],
            [published[name] for name in shown],
            "D",
            color="black",
            fillstyle="none",
            label=f"as published, {next(iter(rates))}",
        )
    axes.set_xticks(places, names)
    # A bar must have its root in sight: not above the worst by much.
    axes.set_ylim(max(0.0, 10.0 * np.floor((lowest - 10.0) / 10.0)), 100.0)
    axes.grid(axis="y", color="0.9")
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)


def draw_times(axes: Axes, times: Sequence[float]) -> None:
    """Draw one bar a model, each with its milliseconds above."""
    bars = axes.bar(np.arange(len(times)), times, 0.5, color="0.6")
    axes.bar_label(bars, [f"{value:.3g}" for value in times], padding=2)
    axes.set_yscale("log")
    axes.set_ylim(min(times) / 3, max(times) * 4)
    axes.set_ylabel("ms a frame")
    axes.tick_params(labelbottom=True)
    axes.spines[["top", "right"]].set_visible(False)


def panel_rows(
    frames: np.ndarray,
    appearance: np.ndarray,
    target: np.ndarray,
    motion: np.ndarray,
    errors: np.ndarray,
) -> dict[str, dict[str, Any]]:
    """What each row shows, how, and on which scale."""
    grey = [np.asarray(part).mean(axis=-1) for part in (target, motion)]
    # One bright pixel must not make the rest invisible.
    limit = float(np.quantile(np.abs(grey[0]), 0.999)) or 1.0
    peak = float(np.quantile(errors, 0.998)) or 1.0
    signed = {"cmap": "RdBu_r", "vmin": -limit, "vmax": limit}
    picture = {"cmap": "gray", "vmin": 0.0, "vmax": 1.0, "label": None}
    change = "brightness change"
    error = {"cmap": "magma", "vmin": 0.0, "vmax": peak}
    return {
        "input frame": {**picture, "values": frames},
        "reconstruction": {**picture, "values": appearance},
        "motion target": {**signed, "values": grey[0], "label": change},
        "predicted motion": {**signed, "values": grey[1], "label": change},
        "error": {**error, "values": errors, "label": "squared error"},
    }


def draw_row(
    figure: Figure, axes_row: np.ndarray, name: str, row: dict[str, Any]
) -> None:
    """Draw one kind of picture for all examples."""
    label, values = row.pop("label"), row.pop("values")
    for axes, value in zip(axes_row, values, strict=True):
        image = as_image(name, value) if row.get("cmap") == "gray" else value
        drawn = axes.imshow(image, **row)
        axes.set(xticks=[], yticks=[])
    axes_row[0].set_ylabel(name, fontsize=10)
    if label is not None:
        bar = figure.colorbar(
            drawn,
            ax=list(axes_row),
            fraction=0.03,
            pad=0.01,
            extend="max" if row["vmin"] == 0 else "both",
        )
        bar.set_label(label, fontsize=9)


def as_image(name: str, value: np.ndarray) -> np.ndarray:
    """One picture as floats in [0, 1], (H, W) or (H, W, 3)."""
    array = np.asarray(value)
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.ndim != 2 and not (array.ndim == 3 and array.shape[2] == 3):
        raise ValueError(
            f"`{name}` must have shape (H, W), (H, W, 1) or (H, W, 3). "
            f"Received: {np.shape(value)}"
        )
    scale = 255.0 if array.dtype == np.uint8 else 1.0
    # A linear decoder overshoots a little.
    return np.clip(array.astype(np.float64) / scale, 0.0, 1.0)


def as_map(heat_map: np.ndarray) -> np.ndarray:
    """A finite (h, w) map as floats."""
    heat = np.asarray(heat_map, np.float64)
    if heat.ndim != 2 or not np.isfinite(heat).all():
        raise ValueError(
            "`heat_map` must be finite, of shape (h, w). "
            f"Received: shape {heat.shape}"
        )
    return heat
