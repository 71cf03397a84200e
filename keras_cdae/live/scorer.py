"""One interface to whatever scores: an exported file, or a Keras model."""

from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from keras_cdae.data.images import prepare_frame
from keras_cdae.runtime.edge import EdgeScorer
from keras_cdae.runtime.metadata import SUFFIXES
from keras_cdae.runtime.score import Score
from keras_cdae.scoring.calibration import TERMS, Calibration

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE

TINY = 1e-12  # under a logarithm, as the model has it


class Scorer(Protocol):
    """Takes frame after frame; `EdgeScorer` and `ModelScorer` are such."""

    calibration: Calibration | None

    def push(self, frame: np.ndarray) -> Score | None:
        """Add the next frame; return its score once there is a clip."""

    def reset(self) -> None:
        """Forget all frames."""


class ModelScorer:
    """Scores frame after frame with a Keras model.

    Each frame is resized once and the last T are kept; the model's compiled
    score runs on one clip.

    Args:
        model: the model.

    Example:
        ```python
        scorer = ModelScorer(keras_cdae.load("ped2-edge"))
        score = scorer.push(frame)  # None for the first four
        ```
    """

    def __init__(self, model: "CDAE") -> None:
        model.require_frames_alone("watched with")
        self.model = model
        self.calibration = model.calibration
        self._clip = np.zeros(
            (model.clip_length, *model.image_size, model.channels), np.uint8
        )
        # So that no frame waits while the graph is compiled.
        model.score(self._clip[np.newaxis], batch_size=1)
        self.reset()

    def reset(self) -> None:
        """Forget all frames: another run, or a camera that was moved."""
        self._frames: deque[np.ndarray] = deque(maxlen=self.model.clip_length)
        self._count = 0

    def push(self, frame: np.ndarray) -> Score | None:
        """Add the next frame; return its score.

        Args:
            frame: uint8 (H, W, 3) BGR as OpenCV gives it, or grey (H, W).

        Returns:
            The score, or None while fewer than T frames have come.

        Raises:
            VideoError: if the frame is not 8-bit or has alpha.
        """
        self._frames.append(
            prepare_frame(
                frame,
                image_size=self.model.image_size,
                channels=self.model.channels,
            )
        )
        self._count += 1
        if len(self._frames) < self.model.clip_length:
            return None
        np.stack(self._frames, out=self._clip)
        found = self.model.score(self._clip[np.newaxis], batch_size=1)
        return Score(
            frame=self._count - 1,
            score=float(found["score"][0]),
            z=float(found["z"][0]) if "z" in found else None,
            p=float(found["p"][0]) if "p" in found else None,
            alarm=None,
            terms={
                name: float(np.log(max(float(found[name][0]), TINY)))
                for name in TERMS
                if name != "score"
            },
            map=found["map"][0],
        )


def is_exported(model: str) -> bool:
    """Tell whether a user's words name an exported file.

    Args:
        model: path or name.
    """
    return Path(model).suffix in SUFFIXES


def open_scorer(model: str, *, threads: int | None = None) -> Scorer:
    """Return the scorer for a model, whatever kind it is.

    Args:
        model: a `.tflite` or `.onnx` file, which needs no Keras, or a run
            folder, `.keras` file or name of a shipped model.
        threads: of an exported file's interpreter.

    Raises:
        ModelFileError: if there is no such model, or it is damaged.
        MissingDependencyError: if the interpreter is not installed.
    """
    if is_exported(model):
        return EdgeScorer(model, threads=threads)
    from keras_cdae.runs.loader import load

    return ModelScorer(load(model))
