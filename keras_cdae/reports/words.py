"""The words of a page: what each protocol means, and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from keras_cdae.reports.gather import Results
from keras_cdae.scoring.scores import VideoScores


@dataclass(frozen=True)
class Protocol:
    """One way to put scores into a number.

    Attributes:
        key: its name in `metrics.json`.
        title: its name in tables.
        meaning: one or two sentences.
        lower_is_better: whether it is a rate of errors.
    """

    key: str
    title: str
    meaning: str
    lower_is_better: bool = False


PROTOCOLS = (
    Protocol(
        "auc_micro_per_video",
        "micro AUC, per-video min-max",
        "One AUC over all frames after min-max of each video's score, as "
        "papers do. It needs the whole video, and makes every video contain "
        "an “anomaly”.",
    ),
    Protocol(
        "auc_micro_regularity",
        "micro AUC of 1 - S(t), Eq. 15",
        "The same with Eq. 15 to the letter: min-max of s instead of log(1/s).",
    ),
    Protocol(
        "auc_micro_raw",
        "micro AUC, raw",
        "One AUC with one threshold for all videos: what a camera in use gets.",
    ),
    Protocol(
        "auc_macro_skip",
        "macro AUC, one-class skipped",
        "Mean of the AUCs of the videos that have normal and abnormal frames.",
    ),
    Protocol(
        "auc_macro_padded",
        "macro AUC, padded",
        "Mean over all videos, each padded with one sure frame of each class: "
        "a video with one class gets nearly 100 whatever its scores are.",
    ),
    Protocol(
        "eer",
        "EER, raw",
        "Equal error rate, one threshold for all videos: as many normal as "
        "abnormal frames are judged wrongly.",
        lower_is_better=True,
    ),
    Protocol(
        "eer_per_video",
        "EER, per-video min-max",
        "The same after min-max of each video's score.",
        lower_is_better=True,
    ),
    Protocol(
        "ap",
        "AP, raw",
        "Average precision with one threshold for all videos. It rises with "
        "the share of abnormal frames: compare it on one data set alone.",
    ),
    Protocol(
        "ap_per_video",
        "AP, per-video min-max",
        "The same after min-max of each video's score.",
    ),
)
_NO_RATES = {"frames", "videos", "macro_videos", "abnormal_frames"}


def protocol_rows(metrics: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of the protocol table.

    Every protocol that `metrics` knows; a rate without a description stands
    there by its key. The margin is how far the model lies above the best of
    the trivial scores, in points; negative where it lies below.

    Args:
        metrics: the content of `metrics.json`.
    """
    trivial = metrics.get("trivial", {})
    known = [p for p in PROTOCOLS if p.key in metrics]
    described = {protocol.key for protocol in PROTOCOLS} | _NO_RATES
    further = [
        Protocol(key, key.replace("_", " "), f"`{key}` of metrics.json.")
        for key, value in metrics.items()
        if isinstance(value, float) and key not in described
    ]
    return [_row(p, metrics, trivial) for p in (*known, *further)]


def _row(
    protocol: Protocol,
    metrics: Mapping[str, Any],
    trivial: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    value = metrics[protocol.key]
    others = [row.get(protocol.key) for row in trivial.values()]
    defined = [other for other in others if other is not None]
    margin = None
    if value is not None and defined:
        best = min(defined) if protocol.lower_is_better else max(defined)
        sign = -1 if protocol.lower_is_better else 1
        margin = 100 * sign * (value - best)
    return {
        "title": protocol.title,
        "meaning": protocol.meaning,
        "lower_is_better": protocol.lower_is_better,
        "value": percent(value),
        "others": [percent(other) for other in others],
        "margin": None if margin is None else f"{margin:+.2f}",
        "ahead": margin is not None and margin > 0,
    }


def percent(value: float | None) -> str:
    """Return a share in percent with two digits, or a dash for None."""
    return "-" if value is None else f"{100 * value:.2f}"


def share(value: float) -> str:
    """Return a share in percent with its sign, which no line break parts."""
    return f"{percent(value)}\u00a0%"


def count(number: int, word: str) -> str:
    """Return `1 frame`, `1,962 frames`."""
    return f"{number:,} {word}{'' if number == 1 else 's'}"


def summary(results: Results, fps: float | None) -> list[str]:
    """Return what was scored and found, in whole sentences.

    Args:
        results: what was read.
        fps: frames a second, for times; None: not known.
    """
    videos = results.videos
    frames = sum(map(len, videos))
    first = f"{count(frames, 'scored frame')} of {count(len(videos), 'video')}"
    labels = [v.labels for v in videos if v.labels is not None]
    if labels:
        abnormal = sum(int(label.sum()) for label in labels)
        by = f" by {results.label_source}" if results.label_source else ""
        first += f"; {abnormal:,} of them are labelled abnormal{by}"
    return [f"{first}.", _worst(videos, fps), *_judged(results)]


def _worst(videos: Sequence[VideoScores], fps: float | None) -> str:
    video = max(videos, key=lambda one: one.score.max())
    place = int(video.score.argmax())
    frame = int(video.frame[place])
    when = "" if fps is None else f", at {clock(frame / fps)}"
    text = f"The oddest moment is frame {frame} of video {video.name}{when}"
    if video.z is None or video.p is None:
        return f"{text}, with a score of {video.score[place]:.2f}."
    z, p = float(video.z[place]), float(video.p[place])
    at_most = "no more than " if p < 0.02 else ""
    return (
        f"{text}: {z:.1f} standard deviations above normal video, where "
        f"{at_most}1 clip in {max(1, round(1 / p)):,} scores as high."
    )


def _judged(results: Results) -> list[str]:
    metrics = results.metrics
    raw = metrics.get("auc_micro_raw")
    per_video = metrics.get("auc_micro_per_video")
    if raw is None or per_video is None:
        return []
    return [
        f"One threshold for all videos tells abnormal from normal frames with "
        f"an AUC of {share(raw)} (50\u00a0% is chance); by the protocol of "
        "papers, which scales each video by itself, it is "
        f"{share(per_video)}."
    ]


def clock(seconds: float) -> str:
    """Return `8.8 s`, or `2:03.5` from a minute on.

    Example:
        >>> clock(8.84), clock(123.5)
        ('8.8 s', '2:03.5')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes)}:{rest:04.1f}"
