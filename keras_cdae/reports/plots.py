"""Pictures of scores, reconstructions and maps.

Every function takes arrays and returns a `matplotlib.figure.Figure` about
1200 pixels wide; saving it (`figure.savefig(path)`) is the caller's. They
are made by `figures`, without pyplot: no window, no global state.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from keras_cdae.metrics.frame import micro_auc, per_video_min_max
from keras_cdae.reports import artists
from keras_cdae.reports.artists import PALETTE, Intervals
from keras_cdae.reports.figures import WIDTH, new_figure
from keras_cdae.scoring.scores import VideoScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def regularity_curves(
    videos: Sequence[VideoScores],
    *,
    intervals: Sequence[Intervals] | None = None,
    columns: int = 3,
    title: str | None = None,
) -> "Figure":
    """The regularity S(t) of each video, as in Fig. 4 of the paper.

    Small multiples on one scale. True events are shaded; frames without a
    score, the first four, stay blank. A video with both classes has its own
    AUC in its title.

    Args:
        videos: the scores; labels are taken from them where they are known.
        intervals: the true events of each video, (start, end) in frames,
            0-based, end exclusive; by default those of the labels.
        columns: panels side by side.
        title: above all panels.

    Returns:
        The figure: one axes a video, in order.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if there is no video, or `intervals` has another length.
    """
    if not videos or (intervals is not None and len(intervals) != len(videos)):
        given = "None" if intervals is None else len(intervals)
        raise ValueError(
            "`videos` must not be empty, and `intervals` must have one list "
            f"for each. Received: {len(videos)} videos, intervals: {given}"
        )
    columns = max(1, min(columns, len(videos)))
    rows = -(-len(videos) // columns)
    figure = new_figure(max(3.2, 1.9 * rows + 0.6))
    grid = figure.subplots(rows, columns, sharey=True, squeeze=False)
    for index, axes in enumerate(grid.flat):
        if index >= len(videos):
            axes.remove()
            continue
        video = videos[index]
        events = artists.events(
            video, None if intervals is None else intervals[index]
        )
        artists.draw_regularity(axes, video, events)
        axes.set_title(artists.video_title(video), fontsize=10)
        if index + columns >= len(videos):
            axes.set_xlabel("frame")
        if index % columns == 0:
            axes.set_ylabel("regularity S(t)")
    artists.legend_above(figure, title)
    return figure


def summary_picture(
    scores: VideoScores,
    frame_image: np.ndarray,
    heat_map: np.ndarray,
    *,
    intervals: Intervals | None = None,
    title: str | None = None,
    metrics: Mapping[str, float | None] | None = None,
    threshold: float | None = None,
) -> "Figure":
    """One video at a glance: its curve, its worst frame, and where and why.

    Above, the regularity curve with the true events shaded and the worst
    frame marked. Below, the worst frame, the same with its map laid over, and
    how the scores are spread.

    Args:
        scores: the scores of the video.
        frame_image: the worst frame (`scores.peak_frame` where that is set),
            (H, W), (H, W, 1) or (H, W, 3) in RGB, uint8 or float in [0, 1].
        heat_map: its anomaly map, (h, w), any scale; it is stretched over the
            frame.
        intervals: the true events, (start, end) in frames, 0-based, end
            exclusive; by default those of the labels.
        title: above the picture; the name of the video by default.
        metrics: numbers for the second line of the title, by name; `None`
            values are left out.
        threshold: the log-score above which a clip alarms, drawn among the
            scores.

    Returns:
        The figure. Its first four axes are the curve, the frame, the frame
        with its map, and the histogram.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if an image or map has another shape, or is not finite.
    """
    image, heat = (
        artists.as_image("frame_image", frame_image),
        artists.as_map(heat_map),
    )
    # Tall enough for the picture to fill a third of the width.
    below = float(np.clip(3.9 * image.shape[0] / image.shape[1], 2.2, 3.7))
    figure = new_figure(4.1 + below)
    # Subfigures: the labels of one part do not widen the gaps of another.
    halves: Any = figure.subfigures(2, 1, height_ratios=(3.2, below + 1.0))
    upper, lower = halves
    left, right = lower.subfigures(1, 2, width_ratios=(2.3, 1.0))
    curve = upper.subplots()
    plain, overlaid = left.subplots(1, 2)
    spread = right.subplots()
    artists.draw_regularity(curve, scores, artists.events(scores, intervals))
    curve.set(xlabel="frame", ylabel="regularity S(t)")
    artists.mark_worst(curve, scores)
    curve.legend(
        loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=3, frameon=False
    )
    shown = f"least regular frame ({scores.worst_frame})"
    if scores.peak_frame not in (None, scores.worst_frame):
        shown = f"frame {scores.peak_frame}"
    artists.draw_image(plain, image, shown)
    artists.draw_image(overlaid, image, "what is unusual in it")
    drawn = artists.draw_heat(overlaid, heat, image.shape[:2])
    bar = left.colorbar(
        drawn, ax=[plain, overlaid], location="bottom", shrink=0.5, aspect=40
    )
    bar.set_ticks([0.0, 1.0], labels=["least unusual", "most, in this frame"])
    artists.draw_histogram(spread, scores, threshold)
    upper.suptitle(artists.headline(title or scores.name, metrics), fontsize=13)
    return figure


def reconstruction_panel(
    frames: np.ndarray,
    appearance: np.ndarray,
    motion_target: np.ndarray,
    motion: np.ndarray,
    error_maps: np.ndarray,
    *,
    attention_maps: Sequence[np.ndarray] = (),
    names: Sequence[str] | None = None,
    step: int = 0,
) -> "Figure":
    """What the two autoencoders see and give back, as in Fig. 5 of the paper.

    One column an example. Rows: the last frame of the clip, its
    reconstruction, the true and the predicted difference to frame `step`, the
    error map, and the attention maps in jet, each stretched to its own range.
    The rows of motion share one scale, and so do all error maps.

    Args:
        frames: (B, H, W, C), the last frames, in [0, 1], RGB or grey.
        appearance: (B, H, W, C), their reconstructions (Eq. 2).
        motion_target: (B, T - 1, H, W, C), `x_diff` of section 3.2.
        motion: (B, T - 1, H, W, C), the prediction of it (Eq. 5).
        error_maps: (B, h, w), squared error of the reconstructed clip.
        attention_maps: one array (B, h, w) or (B, h, w, 1) a stage.
        names: a title for each column.
        step: which of the T - 1 differences; 0 is the oldest frame.

    Returns:
        The figure.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if the arrays differ in number or have other shapes.
    """
    count = len(frames)
    maps = [
        np.asarray(stage).reshape(count, *stage.shape[1:3])
        for stage in attention_maps
    ]
    arrays = (appearance, motion_target, motion, error_maps, *maps)
    if count == 0 or any(len(array) != count for array in arrays):
        raise ValueError(
            "All arrays must hold the same examples, at least one. Received: "
            f"{count} frames, then {[len(array) for array in arrays]}"
        )
    if np.ndim(motion) != 5 or np.shape(motion) != np.shape(motion_target):
        raise ValueError(
            "`motion` and `motion_target` must have one shape (B, T - 1, H, W, "
            f"C). Received: {np.shape(motion)}, {np.shape(motion_target)}"
        )
    rows = artists.panel_rows(
        frames, appearance, motion_target[:, step], motion[:, step], error_maps
    )
    for stage, attention in enumerate(maps, start=1):
        row = {"cmap": "jet", "values": attention, "label": None}
        rows[f"attention {stage}"] = row
    width = min(WIDTH, 2.1 * count + 1.8)
    cell = (width - 1.8) / count * np.shape(frames)[1] / np.shape(frames)[2]
    figure = new_figure(len(rows) * (cell + 0.15) + 0.5, width=width)
    grid = figure.subplots(len(rows), count, squeeze=False)
    for axes_row, (name, row) in zip(grid, rows.items(), strict=True):
        artists.draw_row(figure, axes_row, name, row)
    for axes, name in zip(grid[0], names or (), strict=False):
        axes.set_title(name, fontsize=10)
    return figure


def roc_curves(
    scores: Mapping[str, Sequence[npt.ArrayLike]],
    labels: Sequence[npt.ArrayLike],
    *,
    per_video: bool = False,
    title: str | None = None,
) -> "Figure":
    """ROC curves of several scores on one set of videos.

    Args:
        scores: by name, one array (frames,) a video; higher = more anomalous.
        labels: one array (frames,) a video, 1 = anomalous.
        per_video: min-max the scores of each video first, as the paper does.
        title: above the picture.

    Returns:
        The figure; the legend has each AUC, and the dotted line meets a curve
        at its equal error rate.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if scores and labels do not fit, or have one class only.
    """
    from sklearn.metrics import roc_curve

    figure = new_figure(6.4, width=7.0)
    axes = figure.add_subplot()
    truth = np.concatenate([np.asarray(label) for label in labels])
    for index, (name, videos) in enumerate(scores.items()):
        area = micro_auc(videos, labels, per_video=per_video)
        if area is None:
            raise ValueError(
                "`labels` must hold normal and abnormal frames: a ROC curve "
                f"needs both. Received: {np.unique(truth).tolist()} alone"
            )
        scaled = per_video_min_max(videos) if per_video else videos
        flat = np.concatenate([np.asarray(video) for video in scaled])
        rates = roc_curve(truth, flat)[:2]
        color = PALETTE[index % len(PALETTE)]
        dashes = ("-", "--", "-.")[index // len(PALETTE) % 3]
        label = f"{name}: AUC {area:.3f}"
        axes.plot(*rates, dashes, color=color, linewidth=1.8, label=label)
    axes.plot([0, 1], [0, 1], color="0.6", linewidth=1, label="chance: AUC 0.5")
    axes.plot(
        [0, 1], [1, 0], ":", color="0.6", linewidth=1, label="equal error"
    )
    axes.set(
        xlim=(-0.01, 1.01),
        ylim=(-0.01, 1.01),
        aspect="equal",
        xlabel="false positive rate (normal frames that alarm)",
        ylabel="true positive rate (abnormal frames that alarm)",
    )
    axes.grid(color="0.92")
    axes.legend(loc="lower right", framealpha=0.9)
    protocol = "per-video min-max" if per_video else "one threshold for all"
    artists.write_title(axes, f"{title}, {protocol}" if title else protocol)
    return figure


def comparison_bars(
    rates: Mapping[str, Mapping[str, tuple[float, float | None]]],
    *,
    trivial: Mapping[str, float] | None = None,
    published: Mapping[str, float] | None = None,
    times: Mapping[str, float] | None = None,
    title: str | None = None,
) -> "Figure":
    """AUC of several models under several protocols, side by side.

    One group of bars a model, one bar a protocol, with the spread over seeds
    as a line. Trivial scores are dashed lines, published numbers hollow
    diamonds at the first protocol's bar. Times are drawn in a row below, on a
    logarithmic scale.

    Args:
        rates: by protocol, then by model: mean and standard deviation in
            percent; None as deviation: one seed.
        trivial: percent under the first protocol, by name.
        published: percent under the first protocol, by model.
        times: milliseconds a frame, by model.
        title: above the picture.

    Returns:
        The figure, with one axes; a second one with times.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
        ValueError: if there is no protocol or no model.
    """
    names = list(next(iter(rates.values()), {}))
    if not names:
        raise ValueError(
            f"`rates` must hold a protocol and a model. Received: {rates!r}"
        )
    width = max(7.0, min(WIDTH, 1.6 * len(names) + 2.0))
    figure = new_figure(7.2 if times else 4.8, width=width)
    if times:
        axes, below = figure.subplots(2, 1, height_ratios=(2, 1), sharex=True)
        artists.draw_times(below, [times[name] for name in names])
    else:
        axes = figure.add_subplot()
    artists.draw_bars(axes, rates, published or {})
    for index, (name, value) in enumerate((trivial or {}).items()):
        axes.axhline(
            value,
            color=str(0.25 + 0.25 * index),
            linestyle="--",
            linewidth=1,
            label=f"{name}, {next(iter(rates))}",
        )
    axes.set_ylabel("AUC, percent")
    figure.legend(loc="outside lower center", ncols=4, frameon=False)
    artists.write_title(axes, title)
    return figure
