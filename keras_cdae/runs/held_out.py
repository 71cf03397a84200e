"""The normal video that a run kept from its training."""

import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.data.clips import hold_out
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.frames import Progress, cached_frames
from keras_cdae.runs.settings import RunSettings


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
    settings: RunSettings,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> HeldOut:
    """Return the normal video that a training with these settings held out.

    Args:
        model: for the size of its frames.
        settings: of the run: data set, folder, share and seed.
        cache_dir: folder of the frame cache; None: the default.
        progress: called while videos are decoded.

    Raises:
        DataError: if the data set is missing.
    """
    dataset = load_dataset(settings.dataset, Path(settings.data_dir))
    videos = cached_frames(
        dataset.train,
        image_size=model.image_size,
        channels=model.channels,
        flow=model.flow,
        cache_dir=cache_dir,
        progress=progress,
    )
    _, kept = hold_out(videos, settings.hold_out, settings.seed)
    return HeldOut(kept, dataset.title, dataset.fps)


def training_settings(
    model: str | os.PathLike[str],
    dataset: str,
    data_dir: str | os.PathLike[str],
    *,
    seed: int = 0,
) -> RunSettings:
    """Return what decides which video a training held out.

    Args:
        model: a run folder, whose settings count; else anything.
        dataset: name of the data set.
        data_dir: where it lies now.
        seed: of the training, where there is no run folder to tell.
    """
    run = Path(model).expanduser()
    if (run / "config.json").is_file():
        settings = RunSettings.read(run)
        if settings.dataset == dataset:
            return dataclasses.replace(settings, data_dir=str(data_dir))
    return RunSettings(dataset, str(data_dir), seed=seed)
