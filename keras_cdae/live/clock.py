"""When the frames of a live source were due."""

import math

WINDOW_SECONDS = 30.0
TRIAL_SECONDS = 3.0
LEAST_RATE = 0.5


class FrameClock:
    """Tells how far reading has fallen behind a camera.

    A stream carries its own times. A frame was due when the earliest of the
    last minute would have come at its own pace; what comes later has waited in
    a buffer. Clocks of camera and machine drift apart, hence no longer. A
    clock slower than half of ours (some cameras send no times) is not trusted
    and frames are then due when they come.
    """

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None
        self._trusted = True
        self._bucket = 0
        self._least = self._before = math.inf

    def due(self, seconds: float, now: float) -> float:
        """Return when a frame was due, by this machine's monotonic clock.

        Args:
            seconds: the frame's time by the stream's clock.
            now: when it came, by this machine's clock.
        """
        if self._first is None:
            self._first = seconds, now
        if not self._trusted:
            return now
        begun, came = self._first
        if now - came > TRIAL_SECONDS and (
            seconds - begun < LEAST_RATE * (now - came)
        ):
            self._trusted = False
            return now
        bucket = int((now - came) / WINDOW_SECONDS)
        if bucket != self._bucket:
            self._bucket = bucket
            self._before, self._least = self._least, math.inf
        self._least = min(self._least, now - seconds)
        return seconds + min(self._least, self._before)
