"""Frames of a live camera."""

import time
from collections.abc import Generator
from pathlib import Path
from types import TracebackType

import cv2
import numpy as np

from keras_cdae.data.address import source_name
from keras_cdae.data.damage import claimed_frames, grab_next, warn_of_damage
from keras_cdae.errors import DataError, VideoError

OPEN_SECONDS = READ_SECONDS = 5.0
PACK_QUALITY = 85  # of JPEG
FPS_RANGE = (0.5, 240.0)  # a stream's header may say 0, or 90000


class Camera:
    """One connection to a camera, a stream or a video file.

    FFmpeg takes RTSP over TCP. A camera that was cut is noticed within
    `read_timeout`: `read` then returns None, as at the end of a file. Damaged
    frames amid others of a file are left out, with a warning.

    Args:
        source: number of a camera (0 is the first), the address of a stream,
            such as `rtsp://...`, or the path of a file.
        open_timeout: seconds that a stream may take to answer.
        read_timeout: seconds that it may take for a frame.

    Raises:
        VideoError: if it cannot be opened.
    """

    def __init__(
        self,
        source: int | str | Path,
        *,
        open_timeout: float = OPEN_SECONDS,
        read_timeout: float = READ_SECONDS,
    ) -> None:
        self.name = source_name(source)
        self._is_file = isinstance(source, Path)
        self._passed = 0  # frames of a file, damaged ones too
        self.read_timeout = read_timeout
        if isinstance(source, int):
            self._capture = cv2.VideoCapture(source)
        else:
            limits = {
                cv2.CAP_PROP_OPEN_TIMEOUT_MSEC: open_timeout,
                cv2.CAP_PROP_READ_TIMEOUT_MSEC: read_timeout,
            }
            flat = [v for k, s in limits.items() for v in (k, int(1000 * s))]
            self._capture = cv2.VideoCapture(str(source), cv2.CAP_FFMPEG, flat)
        if not self._capture.isOpened():
            self._capture.release()
            if self._is_file:
                raise VideoError(
                    f"{self.name}: cannot be opened as video. The file is "
                    "damaged, or of a format that OpenCV does not read."
                )
            raise VideoError(
                f"camera {self.name}: cannot be opened. Check that it is "
                "connected, that no other program uses it, and the address."
            )

    def __enter__(self) -> "Camera":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def fps(self) -> float | None:
        """Frames a second as the header says; None where that is nonsense."""
        fps = float(self._capture.get(cv2.CAP_PROP_FPS))
        least, most = (0.0, np.inf) if self._is_file else FPS_RANGE
        return fps if fps and least <= fps <= most and fps < np.inf else None

    @property
    def seconds(self) -> float:
        """Time of the last frame by the stream's own clock."""
        return float(self._capture.get(cv2.CAP_PROP_POS_MSEC)) / 1000

    def read(self) -> np.ndarray | None:
        """Return the next frame, uint8 (H, W, 3) BGR; None when it ended."""
        if not self.skip():
            return None
        ok, frame = self._capture.retrieve()
        return frame if ok else None

    def skip(self) -> bool:
        """Pass over the next frame, which is cheaper; False when it ended."""
        if self._is_file:
            return self._skip_in_file()
        begun = time.monotonic()
        ok = self._capture.grab()
        # After a time-out FFmpeg hands out what its decoder still holds, and
        # waits as long again for every frame of it.
        return bool(ok) and time.monotonic() - begun < self.read_timeout

    def _skip_in_file(self) -> bool:
        left = claimed_frames(self._capture) - self._passed
        damaged = grab_next(self._capture, left)
        if damaged is None:
            return False
        if damaged:
            warn_of_damage(self.name, damaged, self._passed, left_out=True)
        self._passed += damaged + 1
        return True

    def close(self) -> None:
        """Let go of the camera."""
        self._capture.release()


def camera_frames(
    source: int | str,
) -> Generator[np.ndarray, None, None]:
    """Yield the frames of a camera as OpenCV gives them.

    Args:
        source: number of a camera (0 is the first), or the address of a
            stream, such as `rtsp://...`.

    Yields:
        uint8 frames (H, W, 3), BGR, until the caller stops.

    Raises:
        VideoError: if the camera cannot be opened, or ends.
    """
    with Camera(source) as camera:
        count = 0
        while (frame := camera.read()) is not None:
            count += 1
            yield frame
        raise VideoError(
            f"camera {camera.name}: ended after {count} frames. Check the "
            "connection and start again."
        )


def pack_frame(frame: np.ndarray, *, max_side: int) -> bytes:
    """Return a frame as JPEG, to keep many of them in little memory.

    Args:
        frame: uint8 (H, W, 3) BGR as a camera gives it, or grey (H, W).
        max_side: pixels that the longer side is shrunk to.

    Raises:
        DataError: if OpenCV cannot encode it.
    """
    height, width = frame.shape[:2]
    if (longer := max(height, width)) > max_side:
        size = [max(1, round(n * max_side / longer)) for n in (width, height)]
        frame = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
    quality = [cv2.IMWRITE_JPEG_QUALITY, PACK_QUALITY]
    ok, data = cv2.imencode(".jpg", frame, quality)
    if not ok:
        raise DataError("OpenCV cannot encode a frame as JPEG.")
    return data.tobytes()


def unpack_frame(data: bytes) -> np.ndarray:
    """Return a packed frame, uint8 (H, W, 3) RGB.

    Args:
        data: what `pack_frame` returned.

    Raises:
        DataError: if it is damaged.

    Example:
        >>> packed = pack_frame(np.zeros((8, 16, 3), np.uint8), max_side=8)
        >>> unpack_frame(packed).shape
        (4, 8, 3)
    """
    frame = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if frame is None:
        raise DataError("OpenCV cannot decode a packed frame.")
    return cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
