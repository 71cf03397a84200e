"""Whether the frames of a file are as far apart in time as its rate says."""

import logging
from pathlib import Path

import cv2

logger = logging.getLogger(__name__)

UNEVEN_SHARE = 0.05  # of the frames
NEAR = (0.5, 2.0)  # times the even interval: nothing to tell of


class FrameTimes:
    """Watches the times of a file's frames while it is decoded.

    All else here counts frames: a second is as many of them as the rate says.
    Of a recording that stopped when nothing moved, or a phone's, that is wrong.

    Args:
        capture: of the file.
    """

    def __init__(self, capture: cv2.VideoCapture) -> None:
        self._capture = capture
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        self._even = 1000.0 / rate if rate > 0 else 0.0
        self._last: float | None = None
        self._count = self._uneven = 0
        self._longest = 0.0

    def note(self, *, after_hole: bool = False) -> None:
        """Note the time of the frame that was grabbed last.

        Args:
            after_hole: whether frames before it are missing.
        """
        now = float(self._capture.get(cv2.CAP_PROP_POS_MSEC))
        if self._last is not None and not after_hole and self._even:
            interval = now - self._last
            self._count += 1
            least, most = (times * self._even for times in NEAR)
            self._uneven += not least <= interval <= most
            self._longest = max(self._longest, interval)
        self._last = now

    def warn(self, path: Path) -> None:
        """Log a warning if many frames are nowhere near where they should be.

        Args:
            path: the file.
        """
        if self._uneven <= UNEVEN_SHARE * self._count or self._longest <= 0:
            return
        logger.warning(
            "%s: its frames are not evenly spaced: %.3g a second on average, "
            "up to %.3g s apart. Seconds are counted by frames here and will "
            "be wrong, and clips run across pauses. Convert it to an even rate "
            "first: ffmpeg -i IN -fps_mode cfr OUT",
            path,
            1000 / self._even,
            self._longest / 1000,
        )
