"""False alarms on the normal video that a model was not trained on."""

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.data.clips import hold_out
from keras_cdae.errors import DataError
from keras_cdae.models.cdae import CDAE
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.scoring.scorer import score_frames
from keras_cdae.scoring.scores import VideoScores

logger = logging.getLogger(__name__)


def held_out_scores(
    model: CDAE,
    dataset: str,
    data_dir: str | os.PathLike[str] | None,
    *,
    share: float = 0.1,
    seed: int = 0,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    scored: Callable[[int, int, str], None] | None = None,
) -> tuple[list[VideoScores], float | None]:
    """Score the training videos that a training did not see.

    Args:
        model: the model.
        dataset: name of the data set.
        data_dir: its folder.
        share: of the training videos that was held out. 1: all, for a model
            that was trained on other video. 0: none was; all are scored, with
            a warning.
        seed: of the training.
        cache_dir: folder of the frame cache; None: the default.
        progress: called while videos are decoded.
        scored: called after each scored video, with the same arguments.

    Returns:
        The scores, and the frames a second of the data set, None where they
        are not known.

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
    chosen: Sequence[Any] = videos
    if 0 < share < 1:
        _, chosen = hold_out(videos, share, seed, model.clip_length)
    elif share == 0:
        logger.warning(
            "Nothing was held out: these are the videos that the model was "
            "trained on. Their scores are too low, and so is every threshold "
            "from them: a camera will give more alarms."
        )
    scores = []
    for number, video in enumerate(chosen, start=1):
        name = getattr(video, "name", f"part {number}")
        frames = getattr(video, "frames", video)
        scores.append(score_frames(model, frames, name=name))
        if scored is not None:
            scored(number, len(chosen), name)
    fps = found.fps or next((v.fps for v in videos if v.fps), None)
    return scores, fps
