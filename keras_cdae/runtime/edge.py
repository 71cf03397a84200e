"""The scorer of the edge runtime."""

import contextlib
import logging
import math
from collections import deque
from collections.abc import Generator, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from keras_cdae.data.camera import camera_frames
from keras_cdae.data.finding import PathLike
from keras_cdae.data.images import prepare_frame
from keras_cdae.data.video import read_frames
from keras_cdae.errors import VideoError
from keras_cdae.runtime.interpreters import Run, open_model
from keras_cdae.runtime.metadata import read_metadata
from keras_cdae.runtime.prefetch import prefetch
from keras_cdae.runtime.score import Score
from keras_cdae.scoring.calibration import TERMS, Calibration

logger = logging.getLogger(__name__)

TINY = 1e-12  # under a logarithm, as the model has it
GREY_SPREAD = 3  # between channels: what a codec makes of grey


class EdgeScorer:
    """Scores frames with an exported file: NumPy, OpenCV, one interpreter.

    Frames are prepared as in training, the last T are kept, and each frame
    that completes a clip gets its score: the numbers are those of
    `CDAE.score` within the tolerance of the format.

    Args:
        path: a `.tflite` or `.onnx` file that `keras-cdae export` wrote.
        threads: of the interpreter; None: its own choice.
        threshold: log-score above which a frame is an alarm; None: the one
            in the file.

    Raises:
        ModelFileError: if the file is missing, truncated or foreign.
        MissingDependencyError: if the interpreter is not installed.
        ValueError: for `threads` or a `threshold` that cannot be.

    Example:
        ```python
        with EdgeScorer("model.tflite") as scorer:
            for score in scorer.score_video("camera.mp4"):
                if score.alarm:
                    print(score.frame, score.z)
        ```
    """

    def __init__(
        self,
        path: PathLike,
        *,
        threads: int | None = None,
        threshold: float | None = None,
    ) -> None:
        whole = isinstance(threads, int) and threads >= 1
        if threads is not None and not whole:
            raise ValueError(
                "threads must be at least 1, a whole number. "
                f"Received: threads={threads!r}"
            )
        if threshold is not None and not (
            isinstance(threshold, (int, float)) and math.isfinite(threshold)
        ):
            raise ValueError(
                "threshold must be a finite number. "
                f"Received: threshold={threshold!r}"
            )
        self.path = Path(path)
        self._describe(read_metadata(self.path), threshold)
        self._run: Run | None = open_model(self.path, threads)
        self.reset()

    def _describe(
        self, metadata: dict[str, Any], threshold: float | None
    ) -> None:
        """Take what the file says about itself."""
        expected = metadata["input"]
        self.metadata = metadata
        self.image_size = (expected["height"], expected["width"])
        self.channels = expected["channels"]
        self.clip_length = expected["clip_length"]
        calibration = metadata["calibration"]
        self.calibration = (
            None if calibration is None else Calibration.from_dict(calibration)
        )
        stored = metadata["threshold"]
        self.threshold: float | None = (
            stored["score"] if threshold is None and stored else threshold
        )

    def __enter__(self) -> "EdgeScorer":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Free the interpreter."""
        self._run = None
        self.reset()

    def reset(self) -> None:
        """Forget all frames: another video, or a camera that was moved."""
        self._frames: deque[np.ndarray] = deque(maxlen=self.clip_length)
        self._size: tuple[int, ...] | None = None
        self._count = 0

    def push(self, frame: np.ndarray) -> Score | None:
        """Add the next frame; return its score.

        Args:
            frame: uint8 (H, W, 3) BGR as OpenCV gives it, or grey (H, W), of
                any size, but of one size until `reset`.

        Returns:
            The score, or None while fewer than T frames have come.

        Raises:
            TypeError: if `frame` is no NumPy array.
            VideoError: if it is not 8-bit, has alpha, is grey for a model of
                colour, or has another size than the frames before it.
        """
        if not isinstance(frame, np.ndarray):
            raise TypeError(
                "push expects a NumPy array, (H, W, 3) or (H, W), uint8. "
                f"Received: frame of type {type(frame).__name__}"
            )
        self._check_frame(frame)
        prepared = prepare_frame(
            frame, image_size=self.image_size, channels=self.channels
        )
        self._size = frame.shape[:2]
        return self._push_prepared(prepared)

    def score_video(self, path: PathLike) -> Iterator[Score]:
        """Yield the scores of a video; decoding overlaps with inference.

        Frames pushed before are forgotten first. Memory does not grow with
        the video.

        Args:
            path: a video file or a folder of frames.

        Yields:
            N - T + 1 scores for N frames.

        Raises:
            VideoError: if the video cannot be read or has fewer than T frames.
        """
        frames = read_frames(
            path, image_size=self.image_size, channels=self.channels
        )
        return self._score_frames(frames, Path(path).name)

    def score_camera(self, source: int | str) -> Iterator[Score]:
        """Yield the scores of a live camera until the caller stops.

        Args:
            source: number of a camera, or the address of a stream.

        Raises:
            VideoError: if the camera cannot be opened, or ends.
        """
        self.reset()
        with contextlib.closing(prefetch(camera_frames(source))) as frames:
            for frame in frames:
                score = self.push(frame)
                if score is not None:
                    yield score

    def _score_frames(
        self, source: Iterator[np.ndarray], name: str
    ) -> Generator[Score, None, None]:
        self.reset()
        with contextlib.closing(prefetch(source)) as frames:
            for frame in frames:
                if self._count == 0:
                    self._warn_if_grey(frame, name)
                score = self._push_prepared(frame)
                if score is not None:
                    yield score
        if self._count < self.clip_length:
            raise VideoError(
                f"{name}: too short: a score needs {self.clip_length} frames, "
                f"this one has {self._count}. Leave the video out, or give a "
                "longer one."
            )

    def _push_prepared(self, frame: np.ndarray) -> Score | None:
        self._frames.append(frame)
        self._count += 1
        if len(self._frames) < self.clip_length:
            return None
        if self._run is None:
            raise ValueError(
                f"The scorer of {self.path} is closed. Make a new EdgeScorer."
            )
        return self._score(self._run(np.stack(self._frames)[np.newaxis]))

    def _score(self, outputs: dict[str, np.ndarray]) -> Score:
        score = float(outputs["score"][0])
        calibration, threshold = self.calibration, self.threshold
        return Score(
            frame=self._count - 1,
            score=score,
            z=float(outputs["z"][0]) if "z" in outputs else None,
            p=None if calibration is None else float(calibration.p(score)),
            alarm=None if threshold is None else score > threshold,
            terms={
                name: float(np.log(max(float(outputs[name][0]), TINY)))
                for name in TERMS
                if name != "score" and name in outputs
            },
            map=outputs["map"][0],
        )

    def _check_frame(self, frame: np.ndarray) -> None:
        if self._size is not None and frame.shape[:2] != self._size:
            raise VideoError(
                f"frame {self._count} has {_size(frame.shape)} pixels, the "
                f"frames before it {_size(self._size)}. Call reset() where "
                "another video begins."
            )
        if self.channels == 3 and (frame.ndim == 2 or frame.shape[2:] == (1,)):
            raise VideoError(
                f"frame {self._count} is grey, and {self.path.name} is a model "
                "of colour video. Give BGR frames, or train a model with "
                "--channels 1."
            )

    def _warn_if_grey(self, frame: np.ndarray, name: str) -> None:
        if self.channels == 3 and np.ptp(frame, axis=-1).max() <= GREY_SPREAD:
            logger.warning(
                "%s: its first frame is grey, and %s is a model of colour "
                "video: unless it was trained on such video, the scores mean "
                "little.",
                name,
                self.path.name,
            )


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape[:2]))
