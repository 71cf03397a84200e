"""The normal video that a training did not see, and its scores."""

import dataclasses
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.data.clips import hold_out
from keras_cdae.errors import DataError
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.runs.settings import RunSettings
from keras_cdae.scoring.scorer import score_frames
from keras_cdae.scoring.scores import VideoScores

logger = logging.getLogger(__name__)

SHARE = 0.1


@dataclasses.dataclass(frozen=True)
class HeldOut:
    """Normal video that a model was not trained on.

    Attributes:
        videos: `CachedVideo`s or uint8 arrays `(N, height, width, channels)`.
        title: the data set.
        fps: frames a second; None where unknown.
    """

    videos: Sequence[Any]
    title: str
    fps: float | None

    @property
    def source(self) -> str:
        """What the video is, in words, for a calibration."""
        return f"{len(self.videos)} held-out training videos of {self.title}"


def held_out(
    model: ClipScorer,
    dataset: str,
    data_dir: str | os.PathLike[str] | None,
    *,
    share: float = SHARE,
    seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> HeldOut:
    """Return the training videos that a training did not see.

    Args:
        model: for the size of its frames and the length of its clips.
        dataset: name of the data set.
        data_dir: its folder.
        share: of the training videos that was held out. 1: all, for a model
            that was trained on other video. 0: none was; all are returned,
            with a warning.
        seed: of the training.
        cache_dir: folder of the frame cache; None: the default.
        progress: called while videos are decoded.

    Raises:
        DataError: if the data set is missing or has no normal video.
    """
    found = load_dataset(dataset, None if data_dir is None else Path(data_dir))
    if not found.train:
        raise DataError(
            f"{found.root}: has no normal video. Put some into its folder "
            "`train`."
        )
    videos = cached_frames(
        found.train,
        image_size=model.image_size,
        channels=model.channels,
        flow=model.flow,
        cache_dir=cache_dir,
        progress=progress,
    )
    kept: Sequence[Any] = videos
    if 0 < share < 1:
        _, kept = hold_out(videos, share, seed, model.clip_length)
    elif share == 0:
        logger.warning(
            "Nothing was held out: these are the videos that the model was "
            "trained on. Their scores are too low, and so is every threshold "
            "from them: a camera will give more alarms."
        )
    fps = found.fps or next((v.fps for v in videos if v.fps), None)
    return HeldOut(kept, found.title, fps)


def score_held_out(
    model: ClipScorer, normal: HeldOut, *, scored: Progress | None = None
) -> list[VideoScores]:
    """Score normal video, video by video.

    Args:
        model: the model.
        normal: what `held_out` returned.
        scored: called after each video.
    """
    scores = []
    for number, video in enumerate(normal.videos, start=1):
        name = getattr(video, "name", f"part {number}")
        frames = getattr(video, "frames", video)
        scores.append(score_frames(model, frames, name=name))
        if scored is not None:
            scored(number, len(normal.videos), name)
    return scores


def split_of(
    model: str | os.PathLike[str],
    dataset: str,
    *,
    share: float | None = None,
    seed: int | None = None,
) -> tuple[float, int]:
    """Return the share and the seed that decided what was held out.

    Args:
        model: a run folder, whose settings count if it was trained on this
            data set; else anything.
        dataset: name of the data set.
        share: what was said of it; None: the run's, else `SHARE`.
        seed: what was said of it; None: the run's, else 0.
    """
    run = Path(model).expanduser()
    known: dict[str, Any] = {"hold_out": SHARE, "seed": 0}
    if (run / "config.json").is_file():
        settings = RunSettings.read(run)
        if settings.dataset == dataset:
            known = {"hold_out": settings.hold_out, "seed": settings.seed}
    return (
        known["hold_out"] if share is None else share,
        known["seed"] if seed is None else seed,
    )
