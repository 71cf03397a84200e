"""Frame-level metrics under every protocol that the literature mixes up.

The protocol moves the number more than the model does: `frame_metrics`
therefore always reports all of them side by side.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

# What callers pass: one 1-D array a video. What is computed on: checked ones.
Videos = Sequence[npt.ArrayLike]
Arrays = list[np.ndarray]


def frame_metrics(
    scores: Videos,
    labels: Videos,
    *,
    label_source: str | None = None,
    smoothing: float | None = None,
) -> dict[str, Any]:
    """All frame-level metrics of a test set: the content of `metrics.json`.

    Every fraction is in [0, 1]. A value that the data cannot define is `None`:
    all six rates when only one class occurs in the whole set, and
    `auc_macro_skip` when no single video has both classes.

    `auc_micro_per_video` min-maxes the scores as they are given. Eq. 15 of
    the paper min-maxes `s = exp(-score)` instead, which is another curve: for
    that number pass `1 - regularity`.

    Args:
        scores: one array (frames,) a video, higher = more anomalous, for the
            scored frames alone (the first four of a video have no score).
        labels: one array (frames,) a video, aligned with `scores`; 1 =
            anomalous, 0 = normal.
        label_source: the name of the ground truth, stored with the numbers.
        smoothing: standard deviation, in frames, of a Gaussian over the
            scores of each video (see `smooth`); `None` leaves them alone.

    Returns:
        A JSON-safe dict. `auc_micro_per_video`: one AUC over all frames after
        each video was min-maxed. `auc_micro_raw`: the same without, which is
        one threshold for all videos. `auc_macro_skip`: mean of the AUCs of the
        `macro_videos` videos that have both classes. `auc_macro_padded`: mean
        over all videos after one sure normal and one sure abnormal frame were
        added to each. `eer` and `ap`: raw; `eer_per_video` and
        `ap_per_video`: after min-max. Further `frames`, `videos`,
        `macro_videos`, `abnormal_frames`, `label_source`, `smoothing`.

    Raises:
        ValueError: if the two lists do not match, an array is empty, not 1-D
            or not finite, or a label is neither 0 nor 1.

    Example:
        >>> result = frame_metrics([[0.1, 0.2, 0.9]], [[0, 0, 1]])
        >>> result["auc_micro_raw"], result["eer"]
        (1.0, 0.0)
    """
    checked_scores, checked_labels = _check(scores, labels)
    if smoothing is not None:
        checked_scores = [smooth(s, sigma=smoothing) for s in checked_scores]
    truth = np.concatenate(checked_labels)
    raw = np.concatenate(checked_scores)
    scaled = np.concatenate(per_video_min_max(checked_scores))
    return {
        "auc_micro_per_video": _auc(scaled, truth),
        "auc_micro_raw": _auc(raw, truth),
        "auc_macro_skip": macro_auc(checked_scores, checked_labels),
        "auc_macro_padded": macro_auc(
            checked_scores, checked_labels, padded=True
        ),
        "eer": equal_error_rate(raw, truth),
        "ap": _average_precision(raw, truth),
        "eer_per_video": equal_error_rate(scaled, truth),
        "ap_per_video": _average_precision(scaled, truth),
        "frames": int(truth.size),
        "videos": len(checked_labels),
        "macro_videos": sum(map(_has_both, checked_labels)),
        "abnormal_frames": int(truth.sum()),
        "label_source": label_source,
        "smoothing": _smoothing_name(smoothing),
    }


def micro_auc(
    scores: Videos, labels: Videos, *, per_video: bool = False
) -> float | None:
    """Area under one ROC curve over the frames of all videos together.

    Args:
        scores: one array (frames,) a video, higher = more anomalous.
        labels: one array (frames,) a video, 1 = anomalous.
        per_video: min-max the scores of each video first.

    Returns:
        The AUC in [0, 1], or `None` when only one class occurs.

    Raises:
        ValueError: as `frame_metrics`.
    """
    checked_scores, checked_labels = _check(scores, labels)
    if per_video:
        checked_scores = per_video_min_max(checked_scores)
    return _auc(np.concatenate(checked_scores), np.concatenate(checked_labels))


def macro_auc(
    scores: Videos, labels: Videos, *, padded: bool = False
) -> float | None:
    """Mean over videos of the AUC within each video.

    Args:
        scores: one array (frames,) a video, higher = more anomalous.
        labels: one array (frames,) a video, 1 = anomalous.
        padded: `False` leaves out videos with one class. `True` keeps every
            video and adds to each a normal frame that scores below all others
            and an abnormal frame that scores above all others, so that a
            video with one class gets nearly 1 whatever its scores are.

    Returns:
        The mean AUC in [0, 1], or `None` when no video counts, or when only
        one class occurs in the whole set.

    Raises:
        ValueError: as `frame_metrics`.
    """
    checked_scores, checked_labels = _check(scores, labels)
    if not _has_both(np.concatenate(checked_labels)):
        return None
    pairs = zip(checked_scores, checked_labels, strict=True)
    if padded:
        areas = [_auc(*_pad(s, truth)) for s, truth in pairs]
    else:
        areas = [_auc(s, truth) for s, truth in pairs if _has_both(truth)]
    defined = [area for area in areas if area is not None]
    return float(np.mean(defined)) if defined else None


def equal_error_rate(
    scores: npt.ArrayLike, labels: npt.ArrayLike
) -> float | None:
    """Rate at which as many normal as abnormal frames are judged wrongly.

    The point where the ROC curve, joined by straight lines, meets
    `FPR = 1 - TPR`.

    Args:
        scores: array (frames,), higher = more anomalous.
        labels: array (frames,), 1 = anomalous.

    Returns:
        The rate in [0, 1], or `None` when only one class occurs.

    Raises:
        ValueError: as `frame_metrics`.
    """
    (score,), (truth,) = _check([scores], [labels])
    if not _has_both(truth):
        return None
    false_positive, true_positive, _ = roc_curve(truth, score)
    # Rises strictly from -1 to 1: every step adds to one rate or the other.
    imbalance = false_positive + true_positive - 1.0
    return float(np.interp(0.0, imbalance, false_positive))


def per_video_min_max(scores: Videos) -> Arrays:
    """Scale each video to [0, 1] by its own minimum and maximum.

    Args:
        scores: one array (frames,) a video.

    Returns:
        One array (frames,) a video; zeros where a video is constant.

    Raises:
        ValueError: if a video is not 1-D, empty, or not finite.
    """
    return [_min_max(_one_video(video)) for video in scores]


def smooth(scores: npt.ArrayLike, *, sigma: float) -> np.ndarray:
    """Smooth the scores of one video with a Gaussian.

    It looks as far ahead as back, so a live camera cannot do it, and it
    raises most published AUCs: name it wherever it is used.

    Args:
        scores: array (frames,), one video.
        sigma: standard deviation of the Gaussian, in frames.

    Returns:
        Array (frames,); the ends continue with their own value.

    Raises:
        ValueError: if `sigma` is not a positive finite number, or the scores
            are not 1-D, or not finite.
    """
    is_number = isinstance(sigma, (int, float, np.number))
    if not (is_number and np.isfinite(sigma) and sigma > 0):
        raise ValueError(
            "`sigma` must be a positive number of frames (None where no "
            f"smoothing is wanted). Received: sigma={sigma!r}"
        )
    video = _one_video(scores)
    return gaussian_filter1d(video, sigma=float(sigma), mode="nearest")


def _smoothing_name(sigma: float | None) -> str | None:
    return None if sigma is None else f"gaussian, sigma {sigma:g} frames"


def _one_video(scores: npt.ArrayLike) -> np.ndarray:
    """Return the scores of one video, checked."""
    video = np.asarray(scores, np.float64)
    if video.ndim != 1 or not video.size:
        raise ValueError(
            "Scores of a video must be (frames,), at least one. "
            f"Received: shape {video.shape}"
        )
    if not np.isfinite(video).all():
        raise ValueError(
            "Scores of a video must be finite. Received: "
            f"{np.count_nonzero(~np.isfinite(video))} that are NaN or infinite"
        )
    return video


def _min_max(video: np.ndarray) -> np.ndarray:
    low, high = video.min(), video.max()
    if high == low:
        return np.zeros_like(video)
    return (video - low) / (high - low)


def _has_both(labels: np.ndarray) -> bool:
    return bool(0 < labels.sum() < labels.size)


def _auc(scores: np.ndarray, labels: np.ndarray) -> float | None:
    if not _has_both(labels):
        return None
    return float(roc_auc_score(labels, scores))


def _average_precision(scores: np.ndarray, labels: np.ndarray) -> float | None:
    if not _has_both(labels):
        return None
    return float(average_precision_score(labels, scores))


def _pad(
    scores: np.ndarray, labels: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    # Ranks instead of values: "below all" stays below at any magnitude.
    ranks = np.unique(scores, return_inverse=True)[1]
    padded = np.concatenate([ranks, [-1, scores.size]])
    return padded, np.concatenate([labels, [0, 1]])


def _check(scores: Videos, labels: Videos) -> tuple[Arrays, Arrays]:
    if len(scores) != len(labels) or len(scores) == 0:
        raise ValueError(
            "`scores` and `labels` must hold one array for every video, and "
            f"at least one video. Received: {len(scores)} arrays of scores, "
            f"{len(labels)} of labels"
        )
    checked = [
        _check_video(index, np.asarray(score, np.float64), np.asarray(label))
        for index, (score, label) in enumerate(zip(scores, labels, strict=True))
    ]
    return [score for score, _ in checked], [label for _, label in checked]


def _check_video(
    index: int, score: np.ndarray, label: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    where = f"video {index} (counted from 0)"
    if score.ndim != 1 or score.size == 0 or score.shape != label.shape:
        raise ValueError(
            f"`scores` and `labels` of {where} must be 1-D, of one length and "
            f"not empty. Received: shapes {score.shape} and {label.shape}"
        )
    if not np.isfinite(score).all():
        first = int(np.flatnonzero(~np.isfinite(score))[0])
        raise ValueError(
            f"`scores` of {where} must be finite. "
            f"Received: {score[first]} at position {first}"
        )
    if not np.isin(label, (0, 1)).all():
        raise ValueError(
            f"`labels` of {where} must be 0 (normal) or 1 (anomalous). "
            f"Received: {np.unique(label)[:5].tolist()}"
        )
    return score, label.astype(np.int64)
