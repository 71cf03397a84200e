"""Clips of alarms: some seconds before, the alarm, and some after."""

import logging
import math
import queue
import statistics
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keras_cdae.data.camera import pack_frame, unpack_frame
from keras_cdae.data.h264 import H264Writer
from keras_cdae.data.video import write_image
from keras_cdae.files import atomic_path
from keras_cdae.live.source import LiveFrame
from keras_cdae.reports.overlay import heat_overlay

logger = logging.getLogger(__name__)

SLACK_SECONDS = 5.0  # an alarm is known later than it begins
CALM_MAPS = 300  # the heat of normal video is the median of so many
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
        last: when the alarm ended; None while it goes on.
        until: time of its last frame at the latest.
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
        error: why it could not be written.
    """

    name: str
    clip: Path | None
    picture: Path | None
    frames: int = 0
    seconds: float = 0.0
    error: str | None = None


class ClipRecorder:
    """Keeps the last seconds of a camera, and writes them out for alarms.

    Frames are kept as JPEG, so memory is bounded by the seconds that are kept.
    Clips are H.264 with the heat map drawn over the frames, and a red border
    while the alarm lasts; they are written in a thread. Beside each lies a
    picture of its highest score. `add` may be called in another thread than
    the rest.

    Args:
        folder: where clips go.
        before: seconds before the alarm.
        after: seconds after it.
        max_seconds: of an alarm; a longer one's clip ends there.
        max_side: pixels that the longer side of a clip has at most.
        on_saved: called with each clip, in the thread.

    Raises:
        MissingDependencyError: if PyAV is not installed.
        OSError: if the folder cannot be written to.
    """

    def __init__(
        self,
        folder: Path,
        *,
        before: float = 5.0,
        after: float = 5.0,
        max_seconds: float = 30.0,
        max_side: int = 960,
        on_saved: Callable[[SavedClip], None] | None = None,
    ) -> None:
        H264Writer(folder / "no.mp4", fps=1)  # says now whether PyAV is there
        with atomic_path(folder / ".writable"):
            pass
        (folder / ".writable").unlink()
        self.folder = folder
        self.before = before
        self.after = after
        self.max_seconds = max_seconds
        self.max_side = max_side
        self.on_saved = on_saved
        self._kept: deque[Kept] = deque()
        self._calm: deque[float] = deque(maxlen=CALM_MAPS)
        self._lock = threading.Lock()
        self._clip: Clip | None = None
        self._clips: queue.SimpleQueue[Clip | None] = queue.SimpleQueue()
        self._thread = threading.Thread(
            target=self._work, name="clips", daemon=True
        )
        self._thread.start()

    def add(self, frame: LiveFrame) -> None:
        """Keep a frame.

        Args:
            frame: the newest.
        """
        data = pack_frame(frame.image, max_side=self.max_side)
        with self._lock:
            self._kept.append(Kept(frame.index, frame.time, data))
            oldest = frame.time - self.before - SLACK_SECONDS
            if self._clip is not None:
                oldest = min(oldest, self._clip.begin)
            while self._kept[0].time < oldest:
                self._kept.popleft()

    def note(
        self, index: int, score: float, heat_map: np.ndarray, *, calm: bool
    ) -> None:
        """Remember what was found in a frame.

        Args:
            index: number of the frame.
            score: its log-score.
            heat_map: (h, w), its anomaly map.
            calm: whether nothing odd is going on.
        """
        heat_map = np.array(heat_map, np.float32)
        if calm:
            self._calm.append(float(heat_map.max()))
        with self._lock:
            for kept in reversed(self._kept):
                if kept.index <= index:
                    if kept.index == index:
                        kept.score, kept.heat_map = score, heat_map
                    return

    def begin(self, name: str, start: float) -> None:
        """Begin a clip; one that is still waiting for its end has it now.

        Args:
            name: of the files, without suffix.
            start: when the alarm began.
        """
        self._release()
        with self._lock:
            self._clip = Clip(
                name,
                begin=start - self.before,
                start=start,
                until=start + self.max_seconds + self.after,
            )

    def end(self, last: float) -> None:
        """End the alarm; the clip goes on for the seconds after it.

        Args:
            last: when it ended.
        """
        clip = self._clip
        if clip is not None and clip.last is None:
            clip.last = last
            clip.until = min(clip.until, last + self.after)

    def advance(self, now: float) -> None:
        """Hand a clip over to be written when its time has passed.

        Args:
            now: time up to which frames have come.
        """
        if self._clip is not None and now > self._clip.until:
            self._release()

    def close(self) -> None:
        """Write what was begun, and end the thread."""
        self._release()
        self._clips.put(None)
        self._thread.join()

    def _release(self) -> None:
        with self._lock:
            clip, self._clip = self._clip, None
            if clip is None:
                return
            clip.frames = [
                kept
                for kept in self._kept
                if clip.begin <= kept.time <= clip.until
            ]
        if self._calm:
            clip.calm = statistics.median(self._calm)
        self._clips.put(clip)

    def _work(self) -> None:
        while (clip := self._clips.get()) is not None:
            try:
                saved = write_clip(clip, self.folder)
            except Exception as error:  # a full disk must not end the watch
                logger.warning("clip %s: not written: %s", clip.name, error)
                saved = SavedClip(clip.name, None, None, error=str(error))
            if self.on_saved is not None:
                self.on_saved(saved)


def write_clip(clip: Clip, folder: Path) -> SavedClip:
    """Write a clip and the picture of its peak.

    Args:
        clip: with its frames.
        folder: where the files go.

    Raises:
        ValueError: if it has no frame.
        OSError: if the files cannot be written.
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
    picture = folder / f"{clip.name}.png"
    write_image(picture, draw(peak_frame(clip), low, high))
    count = writer.frames
    return SavedClip(clip.name, target, picture, count, count / fps)


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
