"""A picture of how fast the forms of one model are."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from keras_cdae.reports.artists import PALETTE, write_title
from keras_cdae.reports.figures import new_figure
from keras_cdae.reports.tradeoff import CAMERA_FPS

if TYPE_CHECKING:
    from matplotlib.figure import Figure

THICKNESS = 0.8  # of the bars of one form, together


def speed_bars(
    speeds: Mapping[str, Mapping[int, float]], *, title: str | None = None
) -> "Figure":
    """Frames a second of each form of a model, a bar a number of threads.

    Args:
        speeds: frames a second by number of threads, of each form by name.
        title: above the picture.

    Returns:
        The figure, of one axes; the first form is on top.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if there is no form, or one without a speed.
    """
    if not speeds or not all(speeds.values()):
        raise ValueError(
            "`speeds` must hold at least one form, each with a speed. "
            f"Received: {dict(speeds)}"
        )
    threads = sorted({count for each in speeds.values() for count in each})
    height = THICKNESS / len(threads)
    figure = new_figure(1.2 + 0.45 * len(speeds), width=8.0)
    axes = figure.subplots()
    for index, count in enumerate(threads):
        places = [i for i, each in enumerate(speeds.values()) if count in each]
        rates = [each[count] for each in speeds.values() if count in each]
        bars = axes.barh(
            [
                place + (index + 0.5) * height - THICKNESS / 2
                for place in places
            ],
            rates,
            height,
            color=PALETTE[index % len(PALETTE)],
            label=f"{count} thread{'s' if count > 1 else ''}",
        )
        axes.bar_label(bars, fmt="%.0f", padding=3, fontsize=8)
    axes.axvline(
        CAMERA_FPS, color="0.5", linestyle=":", label="camera of 25 frames/s"
    )
    axes.set_yticks(range(len(speeds)), list(speeds))
    axes.invert_yaxis()
    axes.margins(x=0.1)
    axes.set_xlabel("frames a second, end to end")
    figure.legend(loc="outside lower center", ncols=len(threads) + 1)
    write_title(axes, title)
    return figure
