"""A video with what the model saw in it: heat maps, and the curve of z."""

import contextlib
import math
import os
from collections import deque
from types import TracebackType

import numpy as np

from keras_cdae.data.h264 import H264Writer
from keras_cdae.data.lettering import write_words
from keras_cdae.reports.overlay import heat_overlay

STRIP = (24, 26, 32)
FAINT = (96, 100, 112)
CALM = (94, 176, 190)
ALARM = (240, 84, 60)
PIXELS_A_FRAME = 2
# Log units below a frame's hottest place that are still tinted: a factor 20.
HEAT_RANGE = 3.0


class AnnotatedVideo:
    """Writes frames with heat maps over a strip in which `z` scrolls.

    Above `threshold` the frame gets a border and the word ALARM. The heat of
    a frame grows with its `z`, from nothing at `low` to full strength at
    `threshold`, so that calm frames look calm. One pass, constant memory.

    Args:
        path: the target, `.mp4`.
        fps: frames a second.
        threshold: `z` above which a frame alarms.
        low: `z` below which nothing is tinted.

    Raises:
        MissingDependencyError: if PyAV is not installed.
        ValueError: if `low` is above `threshold`, or as `H264Writer`.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        fps: float,
        threshold: float,
        low: float,
    ) -> None:
        if not low <= threshold:
            raise ValueError(
                "low must not be above threshold. "
                f"Received: low={low}, threshold={threshold}"
            )
        self.threshold = threshold
        self.low = low
        self.fps = fps
        self.count = 0
        self._writer = H264Writer(path, fps=fps)
        self._stack = contextlib.ExitStack()
        self._past: deque[float] = deque()

    def __enter__(self) -> "AnnotatedVideo":
        self._stack.enter_context(self._writer)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, traceback)

    def write(
        self,
        frame: np.ndarray,
        *,
        z: float | None = None,
        heat_map: np.ndarray | None = None,
    ) -> None:
        """Add one frame.

        Args:
            frame: uint8 (H, W, 3) RGB.
            z: its standardised score; None for the first frames, which have
                none.
            heat_map: (h, w), its anomaly map.
        """
        height, width = frame.shape[:2]
        self._past.append(math.nan if z is None else float(z))
        while len(self._past) > width // PIXELS_A_FRAME:
            self._past.popleft()
        picture = frame
        if z is not None and heat_map is not None:
            picture = self._heated(frame, float(z), heat_map)
        strip = self._strip(max(40, height // 5 // 2 * 2), width)
        self._caption(strip, z)
        self._writer.write(np.concatenate([picture, strip]))
        self.count += 1

    def _heated(
        self, frame: np.ndarray, z: float, heat_map: np.ndarray
    ) -> np.ndarray:
        share = (z - self.low) / max(self.threshold - self.low, 1e-6)
        if share <= 0:
            return frame
        heat = np.log(np.maximum(heat_map, 1e-30))
        peak = float(heat.max())
        picture = heat_overlay(
            frame,
            heat,
            low=peak - HEAT_RANGE,
            high=peak,
            strength=0.7 * min(share, 1.0),
        )
        if z > self.threshold:
            edge = max(2, min(frame.shape[:2]) // 80)
            for side in (
                np.s_[:edge],
                np.s_[-edge:],
                np.s_[:, :edge],
                np.s_[:, -edge:],
            ):
                picture[side] = ALARM
        return picture

    def _strip(self, height: int, width: int) -> np.ndarray:
        """Return the curve of the last frames, the newest at the right."""
        strip = np.empty((height, width, 3), np.uint8)
        strip[:] = STRIP
        values = np.repeat(np.array(self._past), PIXELS_A_FRAME)
        columns = np.arange(width - len(values), width)
        # The strip ends at twice the threshold, and 3 above it at the least.
        top = max(2 * self.threshold, self.threshold + 3.0, 3.0)
        bars = np.nan_to_num(np.clip(values / top, 0.0, 1.0)) * (height - 1)
        rows = height - 1 - np.arange(height)[:, None]
        filled = np.zeros((height, width), bool)
        filled[:, columns] = rows < np.maximum(bars, np.isfinite(values))
        alarming = np.zeros(width, bool)
        alarming[columns] = values > self.threshold
        strip[filled & ~alarming] = CALM
        strip[filled & alarming] = ALARM
        line = height - 1 - round((height - 1) * self.threshold / top)
        if 0 <= line < height:
            strip[line, ::4] = FAINT
        return strip

    def _caption(self, strip: np.ndarray, z: float | None) -> None:
        size = max(9, strip.shape[0] // 7)
        seconds = self.count / self.fps
        clock = f"{int(seconds // 60):02d}:{seconds % 60:04.1f}"
        value = "" if z is None else f"  z {z:.1f}"
        place = (size + 3, 4)
        column = write_words(strip, f"{clock}{value}", place, height=size)
        if z is not None and z > self.threshold:
            write_words(
                strip, "  ALARM", (size + 3, column), height=size, colour=ALARM
            )
