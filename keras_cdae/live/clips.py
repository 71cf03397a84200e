"""Clips of alarms as they are written: frames, heat, and a picture."""

import logging
import math
import statistics
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from keras_cdae.data.camera import unpack_frame
from keras_cdae.data.h264 import H264Writer
from keras_cdae.data.images import write_image
from keras_cdae.reports.overlay import heat_overlay

logger = logging.getLogger(__name__)

LONG_STEP = 1.0  # seconds; not counted in a clip's frame rate
FPS_LIMITS = (1.0, 120.0)
BORDER = np.array([255, 40, 40], np.uint8)
BORDER_SHARE = 100  # of the shorter side


@dataclass(eq=False)
class Kept:
    """A frame in memory.

    Attributes:
        index: number of the frame.
        time: when it was due.
        data: the picture, packed.
        score: log-score; None where it was not scored.
        heat_map: float32 (h, w); None likewise.
    """

    index: int
    time: float
    data: bytes
    score: float | None = None
    heat_map: np.ndarray | None = None


@dataclass(eq=False)
class Clip:
    """A clip that is being made.

    Attributes:
        name: of its files, without suffix.
        begin: time of its first frame at the earliest.
        start: when the alarm began.
        until: time of its last frame at the latest.
        last: when the alarm ended; None while it goes on.
        frames: those that were taken out of memory for it.
        calm: heat that normal video has.
    """

    name: str
    begin: float
    start: float
    until: float
    last: float | None = None
    frames: list[Kept] = field(default_factory=list)
    calm: float | None = None


@dataclass(frozen=True)
class SavedClip:
    """A clip on disk.

    Attributes:
        name: as it was asked for.
        clip: the video; None where it could not be written.
        picture: the frame of the peak; None likewise.
        frames: in the video.
        seconds: that it lasts.
        error: why one of them could not be written.
    """

    name: str
    clip: Path | None
    picture: Path | None
    frames: int = 0
    seconds: float = 0.0
    error: str | None = None


def write_clip(clip: Clip, folder: Path) -> SavedClip:
    """Write a clip and the picture of its peak.

    Args:
        clip: with its frames.
        folder: where the files go.

    Raises:
        ValueError: if it has no frame.
        OSError: if the video cannot be written.
    """
    frames = clip.frames
    if not frames:
        raise ValueError("no frame of it was kept")
    fps = frame_rate([kept.time for kept in frames])
    low, high = heat_scale(clip)
    target = folder / f"{clip.name}.mp4"
    end = clip.until if clip.last is None else clip.last
    size: tuple[int, ...] = ()
    with H264Writer(target, fps=fps) as writer:
        for kept in frames:
            drawn = draw(kept, low, high)
            if clip.start <= kept.time <= end:
                add_border(drawn)
            size = size or drawn.shape
            if drawn.shape == size:  # a camera may come back with another
                writer.write(drawn)
    count = writer.frames
    picture = folder / f"{clip.name}.png"
    saved = SavedClip(clip.name, target, picture, count, count / fps)
    try:
        write_image(picture, draw(peak_frame(clip), low, high))
    except Exception as error:  # the video is there
        logger.warning("clip %s: its picture: %s", clip.name, error)
        return replace(saved, picture=None, error=str(error))
    return saved


def frame_rate(times: list[float]) -> float:
    """Return frames a second, pauses left out.

    Args:
        times: of the frames, in seconds.
    """
    steps = [step for step in np.diff(times) if 0 <= step < LONG_STEP]
    total = sum(steps)
    rate = len(steps) / total if total > 0 else 10.0
    return float(np.clip(rate, *FPS_LIMITS))


def heat_scale(clip: Clip) -> tuple[float, float]:
    """Return the heat drawn as nothing and the one drawn at full strength.

    From what is usual for the hottest spot of a calm frame to the hottest
    spot of the clip.

    Args:
        clip: with its frames.
    """
    maxima = [
        float(k.heat_map.max()) for k in clip.frames if k.heat_map is not None
    ]
    if not maxima:
        return 0.0, 1.0
    high = max(maxima)
    low = statistics.median(maxima) if clip.calm is None else clip.calm
    return (low, high) if low < high else (0.0, max(high, 1e-12))


def peak_frame(clip: Clip) -> Kept:
    """Return the frame of the alarm with the highest score.

    Args:
        clip: with its frames.
    """
    end = clip.until if clip.last is None else clip.last
    within = [k for k in clip.frames if clip.start <= k.time <= end]
    return max(
        within or clip.frames,
        key=lambda k: -math.inf if k.score is None else k.score,
    )


def draw(kept: Kept, low: float, high: float) -> np.ndarray:
    """Return a kept frame with its heat, uint8 (H, W, 3) RGB.

    Args:
        kept: the frame.
        low: heat drawn as nothing.
        high: heat drawn at full strength.
    """
    frame = unpack_frame(kept.data)
    if kept.heat_map is None or kept.heat_map.max() <= low:
        return frame
    return heat_overlay(frame, kept.heat_map, low=low, high=high)


def add_border(frame: np.ndarray) -> None:
    """Draw a red border into a frame.

    Args:
        frame: uint8 (H, W, 3) RGB, changed in place.
    """
    width = max(2, min(frame.shape[:2]) // BORDER_SHARE)
    frame[:width] = frame[-width:] = BORDER
    frame[:, :width] = frame[:, -width:] = BORDER
