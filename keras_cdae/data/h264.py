"""Video that a browser plays: H.264 in MP4, written by PyAV."""

import contextlib
import os
from fractions import Fraction
from types import TracebackType
from typing import Any

import numpy as np

from keras_cdae.errors import DataError, MissingDependencyError, VideoError
from keras_cdae.files import atomic_path


class H264Writer:
    """Writes frames one at a time; the file is whole or absent.

    An odd side gets one more row or column, because the codec needs even
    sizes. Where the block ends with an error, or without a frame, no file is
    left.

    Args:
        path: the target, `.mp4`.
        fps: frames a second.
        crf: constant rate factor of x264: 18 looks lossless, 23 is small.

    Raises:
        MissingDependencyError: if PyAV is not installed.
        ValueError: for another suffix, or an `fps` that is not positive.

    Example:
        ```python
        with H264Writer("annotated.mp4", fps=25) as writer:
            for frame in frames:
                writer.write(frame)
        ```
    """

    def __init__(
        self, path: str | os.PathLike[str], *, fps: float, crf: int = 23
    ) -> None:
        if not str(path).lower().endswith(".mp4") or not fps > 0:
            raise ValueError(
                "H264Writer expects a .mp4 path and fps > 0. "
                f"Received: path={str(path)!r}, fps={fps}"
            )
        self._av = _import_av()
        self.path = path
        self.fps = Fraction(fps).limit_denominator(1001)
        self.crf = crf
        self.frames = 0
        self._stack = contextlib.ExitStack()
        self._size: tuple[int, ...] = ()
        self._stream: Any = None

    def __enter__(self) -> "H264Writer":
        temporary = self._stack.enter_context(atomic_path(self.path))
        self._container = self._stack.enter_context(
            self._av.open(str(temporary), "w", format="mp4")
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None and not self.frames:
            error = ValueError(f"H264Writer got no frame for {self.path}.")
            with contextlib.suppress(ValueError):
                self._stack.__exit__(ValueError, error, None)
            raise error
        if error is None:
            self._container.mux(self._stream.encode(None))
        self._stack.__exit__(kind, error, traceback)

    def write(self, frame: np.ndarray) -> None:
        """Add one frame.

        Args:
            frame: uint8 (H, W, 3) RGB, or grey (H, W) or (H, W, 1), of the
                size of the first.

        Raises:
            VideoError: for another size, or an array that is no such picture.
        """
        frame = np.asarray(frame)
        if frame.ndim == 3 and frame.shape[2] == 1:
            frame = frame[..., 0]
        grey = frame.ndim == 2
        if frame.dtype != np.uint8 or not (grey or frame.shape[2:] == (3,)):
            raise VideoError(
                f"{self.path}: a frame must be uint8 (H, W) or (H, W, 3). "
                f"Received: {frame.dtype} {frame.shape}"
            )
        if self._stream is None:
            self._open(frame.shape[:2])
        elif frame.shape[:2] != self._size:
            raise VideoError(
                f"{self.path}: a frame of {frame.shape[:2]} pixels follows "
                f"frames of {self._size}. Give frames of one size."
            )
        odd = frame.shape[0] % 2, frame.shape[1] % 2
        if any(odd):
            rest = [(0, 0)] * (frame.ndim - 2)
            frame = np.pad(frame, ((0, odd[0]), (0, odd[1]), *rest), "edge")
        picture = self._av.VideoFrame.from_ndarray(
            np.ascontiguousarray(frame), "gray" if grey else "rgb24"
        )
        picture.pts = self.frames
        self._container.mux(self._stream.encode(picture))
        self.frames += 1

    def _open(self, size: tuple[int, ...]) -> None:
        self._size = size
        try:
            stream = self._container.add_stream("libx264", rate=self.fps)
        except (ValueError, LookupError) as error:  # a PyAV without x264
            raise DataError(
                f"{self.path}: this PyAV cannot encode H.264: {error}. "
                "Install the one from PyPI: pip install av"
            ) from error
        stream.height, stream.width = (side + side % 2 for side in size)
        stream.pix_fmt = "yuv420p"  # the one that every browser decodes
        stream.time_base = 1 / self.fps
        stream.options = {"crf": str(self.crf), "preset": "veryfast"}
        self._stream = stream


def _import_av() -> Any:
    try:
        import av
    except ImportError as error:
        raise MissingDependencyError(
            "writing H.264 needs PyAV: pip install 'keras-cdae[video]'"
        ) from error
    return av
