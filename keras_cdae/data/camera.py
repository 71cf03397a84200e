"""Frames of a live camera."""

from collections.abc import Generator

import cv2
import numpy as np

from keras_cdae.errors import VideoError


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
    capture = cv2.VideoCapture(source)
    try:
        if not capture.isOpened():
            raise VideoError(
                f"camera {source}: cannot be opened. Check that it is "
                "connected, that no other program uses it, and the address."
            )
        count = 0
        while True:
            ok, frame = capture.read()
            if not ok or frame is None:
                raise VideoError(
                    f"camera {source}: ended after {count} frames. Check the "
                    "connection and start again."
                )
            count += 1
            yield frame
    finally:
        capture.release()
