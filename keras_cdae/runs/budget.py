"""How many epochs fit into a time, measured before they are trained."""

import math
import os
import statistics
import time
from typing import Any

import keras
import numpy as np

from keras_cdae.data.clips import Clips, hold_out
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.frames import Progress
from keras_cdae.runs.models import new_model
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runs.trainer import load_training, training_videos

STEPS = 10  # measured in each stage
WARM = 3  # of them left out: they compile
LEAST = 2  # epochs: CDAE clusters after its first


def epochs_within(
    settings: RunSettings,
    minutes: float,
    *,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> int:
    """Return how many epochs of training take about `minutes`.

    Steps of a throwaway model are timed on noise of the right shape, each
    stage of CDAE by itself; the count is fixed before the training begins,
    because CDAE's schedule divides it.

    Args:
        settings: of the training.
        minutes: of wall clock, validation and compiling not counted.
        cache_dir: folder of the frame cache; None: the default.
        progress: called while videos are decoded.

    Returns:
        At least 2, whatever they take.

    Raises:
        DataError: if the data set is missing or unusable.
    """
    dataset, settings = load_training(settings)
    videos = training_videos(dataset, settings, cache_dir, progress)
    kept, _ = hold_out(videos, settings.hold_out, settings.seed)
    model = new_model(settings)
    batch_size: int = settings.batch_size  # type: ignore[assignment]
    clips = len(
        Clips(kept, length=model.clip_length, stride=settings.clip_step)  # type: ignore[arg-type]
    )
    seconds = step_seconds(model, batch_size)
    step = seconds[max(seconds)] if len(seconds) == 1 else _thirds(seconds)
    epoch = math.ceil(clips / batch_size) * step
    return max(LEAST, round(60 * minutes / epoch))


def step_seconds(model: ClipScorer, batch_size: int) -> dict[str, float]:
    """Return the median seconds of a training step, by stage.

    Args:
        model: a new model; it is trained on noise.
        batch_size: clips a step.
    """
    rng = np.random.default_rng(0)
    count = STEPS * batch_size
    clips = rng.integers(0, 256, (count, *model.clip_shape), dtype=np.uint8)
    clock = _Clock()
    model.fit(
        clips,
        epochs=LEAST,
        batch_size=batch_size,
        verbose=0,
        callbacks=[clock],
    )
    return {
        stage: statistics.median(times[WARM:])
        for stage, times in clock.times.items()
    }


def _thirds(seconds: dict[str, float]) -> float:
    """Return CDAE's mean: a third pretraining, the rest alternation."""
    return (seconds["pretraining"] + 2 * seconds["alternation"]) / 3


class _Clock(keras.callbacks.Callback):
    def __init__(self) -> None:
        super().__init__()
        self.times: dict[str, list[float]] = {}

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        self.started = time.perf_counter()

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        seconds = time.perf_counter() - self.started
        self.times.setdefault(self.model.stage, []).append(seconds)
