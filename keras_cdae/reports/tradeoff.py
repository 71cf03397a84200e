"""A picture of what accuracy costs in speed."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_cdae.reports.artists import PALETTE, write_title
from keras_cdae.reports.figures import new_figure

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MARKERS = "osD^v"
CAMERA_FPS = 25.0
TICKS = (5, 10, 25, 50, 100, 200, 400, 800, 1600)  # frames a second


def tradeoff(
    speeds: Mapping[str, Mapping[int, float]],
    accuracy: Mapping[str, float],
    *,
    protocol: str = "AUC",
    title: str | None = None,
) -> "Figure":
    """AUC against frames a second, of several models.

    A colour for each model, a marker for each number of threads, the markers
    of a model joined; a line where a common camera's rate is.

    Args:
        speeds: frames a second by number of threads, of each model by name.
        accuracy: AUC as a fraction, of each model.
        protocol: what kind of AUC.
        title: above the picture.

    Returns:
        The figure, of one axes.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if there is no model, or one lacks its AUC or its speed.
    """
    if not speeds or set(speeds) != set(accuracy) or not all(speeds.values()):
        raise ValueError(
            "`speeds` and `accuracy` must name the same models, at least one, "
            f"each with a speed. Received: {list(speeds)}, {list(accuracy)}"
        )
    figure = new_figure(4.2, width=8.0)
    axes = figure.subplots()
    threads = sorted({count for each in speeds.values() for count in each})
    markers = {n: MARKERS[i % len(MARKERS)] for i, n in enumerate(threads)}
    for index, (name, rates) in enumerate(speeds.items()):
        color = PALETTE[index % len(PALETTE)]
        height = 100 * accuracy[name]
        counts = sorted(rates)
        x = [rates[count] for count in counts]
        axes.plot(x, [height] * len(x), color=color, linewidth=1.2)
        for count in counts:
            axes.plot(
                rates[count], height, markers[count], color=color, markersize=8
            )
        axes.annotate(
            name,
            (x[-1], height),
            xytext=(9, 0),
            textcoords="offset points",
            verticalalignment="center",
        )
    for count in threads:
        axes.plot(
            [],
            [],
            markers[count],
            color="0.4",
            label=f"{count} thread{'s' if count > 1 else ''}",
        )
    axes.axvline(
        CAMERA_FPS, color="0.5", linestyle=":", label="camera of 25 frames/s"
    )
    axes.set_xscale("log")
    fastest = max(rate for rates in speeds.values() for rate in rates.values())
    axes.set_xlim(right=2 * fastest)  # room for the names
    axes.margins(y=0.2)
    axes.set(xlabel="frames a second, end to end", ylabel=f"{protocol}, %")
    axes.grid(which="both", color="0.92")
    axes.set_axisbelow(True)
    axes.legend(loc="best", fontsize=9)
    write_title(axes, title)
    low, high = axes.get_xlim()
    ticks = [rate for rate in TICKS if low <= rate <= high]
    axes.set_xticks(ticks, [str(rate) for rate in ticks])
    axes.minorticks_off()
    return figure
