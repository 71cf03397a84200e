"""Score a data set's test videos and measure, under every protocol."""

import contextlib
import dataclasses
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.baselines.trivial import (
    frame_difference_scores,
    frame_index_scores,
)
from keras_cdae.data.benchmarks import Dataset, load_dataset
from keras_cdae.data.clips import align_labels
from keras_cdae.data.frames import CachedVideo
from keras_cdae.errors import VideoError
from keras_cdae.files import full_disk_named, require_writable, write_json
from keras_cdae.metrics.frame import frame_metrics, micro_auc
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.models.fusion import EQUATION_14
from keras_cdae.runs.events import measure_events
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.runs.localisation import MODEL, Localisation
from keras_cdae.runs.lock import run_lock
from keras_cdae.runs.settings import environment
from keras_cdae.scoring.scorer import ScoreBlock, score_frames
from keras_cdae.scoring.scores import VideoScores, write_scores_csv


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What an evaluation found.

    Attributes:
        dataset: the data set.
        videos: the scores of each test video, with labels where known.
        metrics: the keys of `metrics.json`; rates are None without labels.
        trivial: the same keys for scores that need no model, by name.
        equation_14: the same keys for the score of Eq. 14 to the letter, where
            the model's own is another one; else None.
    """

    dataset: Dataset
    videos: list[VideoScores]
    metrics: dict[str, Any]
    trivial: dict[str, dict[str, Any]]
    equation_14: dict[str, Any] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what `metrics.json` keeps."""
        return {
            **self.metrics,
            "dataset": self.dataset.name,
            "title": self.dataset.title,
            "warnings": list(self.dataset.warnings),
            "equation_14": self.equation_14,
            "trivial": self.trivial,
            "environment": environment(),
        }


def evaluate(
    model: ClipScorer,
    dataset: str,
    data_dir: str | os.PathLike[str] | None,
    *,
    labels: str | None = None,
    smoothing: float | None = None,
    output: str | os.PathLike[str] | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    localisation: bool = True,
    progress: Progress | None = None,
    scored: Progress | None = None,
    masked: Progress | None = None,
    located: Progress | None = None,
) -> Evaluation:
    """Score the test videos; print nothing, choose nothing.

    Args:
        model: the model.
        dataset: name of the data set.
        data_dir: its folder.
        labels: which ground truth; None: the data set's default.
        smoothing: standard deviation in frames of a Gaussian over each
            video's scores before they are measured, the trivial ones too;
            `scores.csv` keeps the plain ones. None: off.
        output: folder for `scores.csv` and `metrics.json`; None: no files.
        cache_dir: folder of the frame cache; None: the default.
        localisation: whether maps are compared with pixel masks, where the
            data set has them.
        progress: called while videos are decoded.
        scored: called after each scored video, with the same arguments.
        masked: called after each video whose masks were read.
        located: called while maps are compared with masks, in the same way.

    Returns:
        Scores and metrics. The metrics of trivial scores stand beside the
        model's: the frame difference, and the frame's number. With masks,
        `auc_pixel`, `rbdc`, `tbdc` and `localisation` (what they were
        measured on) are among them; with labels and a calibrated model,
        `events`; of a model with a region of interest `roi_share`, the share
        of the picture that counts (labels and masks count everywhere).

    Raises:
        DataError: if the data set is missing, or has no test video.
        VideoError: if a test video cannot be read or is too short.
        RunFolderError: if `output` cannot be written, its disk is full, or a
            run trains or is evaluated there.
        LabelError: if the labels do not fit the videos.
    """
    source = None if data_dir is None else Path(data_dir)
    found = load_dataset(dataset, source, labels=labels)
    found.require_test()
    with _reserved(output) as folder:
        result = _evaluate(
            model,
            found,
            smoothing=smoothing,
            cache_dir=cache_dir,
            localisation=localisation,
            progress=progress,
            scored=scored,
            masked=masked,
            located=located,
        )
        if folder is not None:
            again = "then evaluate again: the files of before are whole."
            with full_disk_named(folder, again):
                write_scores_csv(folder / "scores.csv", result.videos)
                write_json(folder / "metrics.json", result.to_dict())
    return result


@contextlib.contextmanager
def _reserved(output: str | os.PathLike[str] | None) -> Iterator[Path | None]:
    """Keep others from a folder while its results are made."""
    if output is None:
        yield None
        return
    folder = Path(output)
    require_writable(folder)
    with run_lock(folder):
        yield folder


def _evaluate(
    model: ClipScorer,
    found: Dataset,
    *,
    smoothing: float | None,
    cache_dir: str | os.PathLike[str] | None,
    localisation: bool,
    progress: Progress | None,
    scored: Progress | None,
    masked: Progress | None,
    located: Progress | None,
) -> Evaluation:
    caches = cached_frames(
        found.test,
        image_size=model.image_size,
        channels=model.channels,
        flow=model.flow,
        cache_dir=cache_dir,
        progress=progress,
    )
    # Before the hours of scoring: what does not fit ends it here.
    _check_lengths(caches, model.clip_length)
    truth = [found.labels_for(video.name, len(video)) for video in caches]
    places = None
    if localisation:
        frames_of = {video.name: len(video) for video in caches}
        places = Localisation(
            found, frames_of, model.clip_length, masked, roi=model.roi
        )
    videos, differences = [], []
    for number, (cache, frame_labels) in enumerate(
        zip(caches, truth, strict=True), start=1
    ):
        frames = cache.frames
        pictures = frames[..., : model.channels]
        blocks: list[ScoreBlock] = []
        keep = blocks.append if places is not None else None
        scores = score_frames(model, frames, name=cache.name, each=keep)
        if places is not None:
            places.add(cache.name, pictures, [b.map for b in blocks])
        if frame_labels is not None:
            aligned = align_labels(frame_labels, model.clip_length)
            scores = dataclasses.replace(scores, labels=aligned)
        videos.append(scores)
        differences.append(frame_difference_scores(pictures, roi=model.roi))
        if scored is not None:
            scored(number, len(caches), cache.name)
    metrics, trivial = _measure(videos, differences, found, smoothing)
    if trivial and model.calibration is not None:
        metrics["events"] = measure_events(videos, found, model.calibration)
    if model.roi is not None:
        metrics["roi_share"] = float(model.roi.mean())
    if places is not None:
        _add_localisation(metrics, trivial, places.measure(located))
    paper = None
    if metrics["label_source"] is not None and has_own_score(model):
        paper = _metrics(
            [equation_14_scores(v) for v in videos], videos, found, smoothing
        )
    return Evaluation(found, videos, metrics, trivial, paper)


def _check_lengths(videos: Sequence[CachedVideo], length: int) -> None:
    for video in videos:
        if len(video) < length:
            raise VideoError(
                f"{video.path}: has {len(video)} frames, and a score needs "
                f"{length}. Take it out of the test videos, or replace it by "
                "the whole video."
            )


def _measure(
    videos: list[VideoScores],
    differences: list[np.ndarray],
    dataset: Dataset,
    smoothing: float | None,
) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    if any(video.labels is None for video in videos):
        counts = {
            "frames": sum(map(len, videos)),
            "videos": len(videos),
            "label_source": None,
        }
        return counts, {}
    metrics = _metrics([v.score for v in videos], videos, dataset, smoothing)
    # Eq. 15 to the letter: min-max of s, not of log(1 / s).
    metrics["auc_micro_regularity"] = micro_auc(
        [1.0 - video.regularity for video in videos],
        [video.labels for video in videos],  # type: ignore[misc]
    )
    trivial = {
        "frame_difference": differences,
        "frame_index": [
            frame_index_scores(int(video.frame[-1]) + 1) for video in videos
        ],
    }
    return metrics, {
        name: _metrics(scores, videos, dataset, smoothing)
        for name, scores in trivial.items()
    }


def _metrics(
    scores: list[np.ndarray],
    videos: list[VideoScores],
    dataset: Dataset,
    smoothing: float | None,
) -> dict[str, Any]:
    return frame_metrics(
        scores,
        [video.labels for video in videos],  # type: ignore[misc]
        label_source=dataset.label_source,
        smoothing=smoothing,
    )


def has_own_score(model: ClipScorer) -> bool:
    """Tell whether a `CDAE` scores by something else than Eq. 14."""
    return isinstance(model, CDAE) and (
        model.score_terms != EQUATION_14 or model.fusion != "product"
    )


def equation_14_scores(video: VideoScores) -> np.ndarray:
    """Return log(1 / s) of Eq. 14, whatever the model's own score: (n,)."""
    return np.sum([video.terms[term] for term in EQUATION_14], axis=0)


def _add_localisation(
    metrics: dict[str, Any],
    trivial: dict[str, dict[str, Any]],
    located: dict[str, dict[str, Any]] | None,
) -> None:
    """Put what was found of each map beside what was found of its scores."""
    if located is None:
        return
    metrics.update(located[MODEL])
    metrics["localisation"] = located["facts"]
    for name, row in trivial.items():
        row.update(located.get(name, {}))
