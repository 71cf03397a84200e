"""How long a training took, kept over interruptions."""

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import keras

from keras_cdae.files import write_json


@dataclasses.dataclass(frozen=True)
class TrainingTime:
    """What a `Stopwatch` kept.

    Attributes:
        clips: in each epoch.
        epoch_seconds: of each epoch, without its validation.
    """

    clips: int
    epoch_seconds: tuple[float, ...]

    @property
    def seconds(self) -> float:
        """Of all epochs."""
        return sum(self.epoch_seconds)

    @property
    def clips_per_second(self) -> float:
        """Over all epochs; k-means counts, checkpoints do not."""
        return self.clips * len(self.epoch_seconds) / self.seconds

    @classmethod
    def read(cls, path: Path) -> "TrainingTime":
        """Read what a `Stopwatch` kept; no epochs where it kept nothing."""
        if not path.is_file():
            return cls(0, ())
        data = json.loads(path.read_text(encoding="utf-8"))
        return cls(data.get("clips", 0), tuple(data["epoch_seconds"]))


class Stopwatch(keras.callbacks.Callback):
    """Keep the seconds of each epoch, without its validation, in a file.

    An epoch that is trained anew after an interruption counts once.

    Args:
        path: the JSON file.
        clips: in each epoch.
    """

    def __init__(self, path: Path, clips: int) -> None:
        super().__init__()
        self.path = path
        self.clips = clips
        self.started = 0.0
        self.testing = 0.0

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Start, before k-means does."""
        self.started = time.monotonic()
        self.testing = 0.0

    def on_test_begin(self, logs: Any = None) -> None:
        """Stop the clock while the model is validated."""
        self.testing -= time.monotonic()

    def on_test_end(self, logs: Any = None) -> None:
        """Go on."""
        self.testing += time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write the seconds of all epochs so far."""
        seconds = time.monotonic() - self.started - self.testing
        kept = TrainingTime.read(self.path).epoch_seconds[:epoch]
        times = TrainingTime(self.clips, (*kept, round(seconds, 3)))
        write_json(self.path, dataclasses.asdict(times))
