"""Clips of alarms: some seconds before, the alarm, and some after."""

import logging
import queue
import threading
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np

from keras_cdae.data.camera import pack_frame
from keras_cdae.data.h264 import H264Writer
from keras_cdae.files import atomic_path
from keras_cdae.live.clips import Clip, Kept, SavedClip, write_clip
from keras_cdae.live.frame import LiveFrame

logger = logging.getLogger(__name__)

SLACK_SECONDS = 5.0  # between a frame and its score, at most
CALM_MAPS = 300  # the heat of normal video is that of so many calm frames
CALM_SHARE = 0.9  # of them have less heat than is drawn at all


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
        late: seconds after its beginning that an alarm may be told; of one
            that is told later still, the clip shows the last so many of them.
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
        late: float = 0.0,
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
        self.late = late + SLACK_SECONDS
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
            oldest = frame.time - self.before - self.late
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

    def begin(self, name: str, start: float, told: float) -> None:
        """Begin a clip; one that is still waiting for its end has it now.

        Args:
            name: of the files, without suffix.
            start: when the alarm began.
            told: time of the frame that made it sure. After a cool-down that
                may be long after.
        """
        self._release()
        shown = max(start, told - self.late)
        with self._lock:
            self._clip = Clip(
                name,
                begin=shown - self.before,
                start=start,
                until=shown + self.max_seconds + self.after,
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
            clip.calm = float(np.quantile(self._calm, CALM_SHARE))
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
