"""A thread that reads a camera: the newest frames, never a growing delay."""

import contextlib
import logging
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from keras_cdae.data.address import Address
from keras_cdae.data.camera import Camera
from keras_cdae.errors import VideoError
from keras_cdae.live.backoff import Backoff
from keras_cdae.live.clock import FrameClock
from keras_cdae.live.frame import LiveFrame

logger = logging.getLogger(__name__)

HEALTHY_SECONDS = 5.0  # a connection that lasted so long was a good one
MAX_WAITING = 256 * 2**20  # bytes of frames, whatever `max_delay` allows
SLIP_SECONDS = 3.0  # behind for so long: decoding is too slow here
ON_TIME_SHARE = 0.25  # of `max_delay`: near enough to read on from
RATE_FRAMES = 50  # the frame rate is measured over
BURST_SECONDS = 1.0  # at first a stream hands out what had piled up


class Connection(Protocol):
    """What `LiveSource` reads from; `data.camera.Camera` is one."""

    @property
    def fps(self) -> float | None:
        """Frames a second as the header says."""

    @property
    def seconds(self) -> float:
        """Time of the last frame by the stream's own clock."""

    def read(self) -> np.ndarray | None:
        """Return the next frame, None at the end."""

    def skip(self) -> bool:
        """Pass over the next frame; False at the end."""

    def close(self) -> None:
        """Let go of it."""


class LiveSource:
    """Reads a camera in a thread and keeps what waits to be scored short.

    Frames that waited longer than `max_delay` are dropped, all of them at
    once: a clip needs frames in a row, so a few long gaps cost fewer clips
    than many short ones. The next frame begins a new run. A stream that ends
    is opened again, after longer and longer waits, until `stop`. A file is
    read at its own pace.

    Args:
        address: what to read.
        max_delay: seconds that a frame may wait.
        connect_timeout: seconds within which the first frame must have come.
        every: pass on every n-th frame only.
        loop: begin a file again when it ends.
        fps: pace of a file, instead of its own.
        backoff: the waits between attempts.
        on_frame: called with every frame that was read, in the thread.
        on_state: called with `"connected"`, `"lost"` or `"connecting"`, in
            the thread.
        open: makes a connection; for tests.
    """

    def __init__(
        self,
        address: Address,
        *,
        max_delay: float = 1.0,
        connect_timeout: float = 30.0,
        every: int = 1,
        loop: bool = False,
        fps: float | None = None,
        backoff: Backoff | None = None,
        on_frame: Callable[[LiveFrame], None] | None = None,
        on_state: Callable[[str], None] | None = None,
        open: Callable[[], Connection] | None = None,
    ) -> None:
        self.address = address
        self.max_delay = max_delay
        self.connect_timeout = connect_timeout
        self.every = every
        self.loop = loop
        self.backoff = backoff or Backoff()
        self.on_frame = on_frame
        self.on_state = on_state
        self.seen = self.dropped = self.connections = 0
        self.missed = 0.0  # of what was dropped, what would have been scored
        self.error: BaseException | None = None
        self.header_fps = fps
        self._pace = fps
        self._open = open or self._camera
        self._waiting: deque[LiveFrame] = deque()
        self._changed = threading.Condition()
        self._stopped = threading.Event()
        self._ended = False
        self._run = 0
        self._shape: tuple[int, ...] = ()
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)
        self._hurries = False
        self._connected_at = 0.0
        self._lost_at: float | None = None
        self._lost_before = 0.0  # seconds, of cameras that came back
        self._thread = threading.Thread(
            target=self._work, name="camera", daemon=True
        )

    @property
    def ended(self) -> bool:
        """Whether nothing more will come."""
        return self._ended and not self._waiting

    @property
    def reconnects(self) -> int:
        """How many times a camera that had gone came back."""
        return max(0, self.connections - 1)

    @property
    def lost_seconds(self) -> float:
        """Seconds without a camera, those of one that is lost now, too."""
        lost = self._lost_at
        now = 0.0 if lost is None else time.monotonic() - lost
        return self._lost_before + now

    @property
    def fps(self) -> float | None:
        """Frames a second, measured; None before there are enough."""
        times = list(self._times)
        if len(times) < RATE_FRAMES // 2 or times[-1] <= times[0]:
            return None
        return (len(times) - 1) / (times[-1] - times[0])

    def start(self) -> None:
        """Begin to read."""
        self.started = time.monotonic()
        self._thread.start()

    def stop(self) -> None:
        """End the thread; returns when the camera is let go of."""
        self._stopped.set()
        if self._thread.is_alive():
            self._thread.join()
        self._count_loss()

    def take(self, timeout: float) -> LiveFrame | None:
        """Return the next frame to score.

        Args:
            timeout: seconds to wait for it.

        Returns:
            The frame; None where none came, or after the end.

        Raises:
            VideoError: if the source could not be opened at all.
        """
        with self._changed:
            self._changed.wait_for(
                lambda: self._waiting or self._ended, timeout
            )
            self._drop_late()
            if self._waiting:
                return self._waiting.popleft()
        if self._ended and self.error is not None:
            raise self.error
        return None

    def _drop_late(self) -> None:
        """Drop what waits, all of it, once the oldest has waited too long."""
        if not self._waiting:
            return
        oldest, count = self._waiting[0], len(self._waiting)
        if (
            time.monotonic() - oldest.time > self.max_delay
            or count * oldest.image.nbytes > MAX_WAITING
        ):
            self.dropped += count
            self.missed += count
            self._waiting.clear()
            self._run += 1
            self._hurries = True

    def _work(self) -> None:
        try:
            if self.address.kind == "file":
                self._read_file()
            else:
                self._read_stream()
        except BaseException as error:  # raised again by `take`
            self.error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _camera(self) -> Camera:
        target = self.address.target
        return Camera(Path(target) if self._is_file else target)  # type: ignore[arg-type]

    @property
    def _is_file(self) -> bool:
        return self.address.kind == "file"

    def _read_file(self) -> None:
        while not self._stopped.is_set():
            before = self.seen
            with contextlib.closing(self._open()) as camera:
                self._connected(camera)
                pace = self._pace or camera.fps
                if pace is None:
                    raise VideoError(
                        f"{self.address.name}: does not say how many frames a "
                        "second it has. Say it with --fps."
                    )
                self._play(camera, pace)
            if self.seen == before:
                raise VideoError(
                    f"{self.address.name}: not one frame can be decoded. The "
                    "file is damaged or of an unknown codec."
                )
            if not self.loop:
                return
            self._break()

    def _read_stream(self) -> None:
        deadline = time.monotonic() + self.connect_timeout
        while not self._stopped.is_set():
            self._state("connecting")
            begun, before = time.monotonic(), self.seen
            try:
                with contextlib.closing(self._open()) as camera:
                    self._follow(camera)
            except VideoError as error:
                if not self.seen and time.monotonic() > deadline:
                    raise VideoError(
                        f"{error} Tried for {self.connect_timeout:g} s "
                        "(--connect-timeout)."
                    ) from error
            if self.seen > before:
                self._lost(begun)
            self._stopped.wait(self._wait(deadline))

    def _wait(self, deadline: float) -> float:
        """Return the seconds until the next attempt."""
        seconds = self.backoff.next()
        if self.seen:
            return seconds
        return min(seconds, max(0.0, deadline - time.monotonic()) + 0.01)

    def _follow(self, camera: Connection) -> None:
        """Read a stream until it ends or stalls."""
        clock = self._clock()
        before = self.seen
        on_time = time.monotonic()
        while not self._stopped.is_set():
            image = None if self._hurries else camera.read()
            if image is None and not (self._hurries and camera.skip()):
                break
            now = time.monotonic()
            if self.seen == before:
                self._connected(camera)
            due = now if clock is None else clock.due(camera.seconds, now)
            self._pass_on(image, due)
            self._judge(now - due)
            if not self._hurries:
                on_time = now
            elif now - on_time > SLIP_SECONDS:
                logger.warning(
                    "%s: comes faster than it can be decoded here. Lower its "
                    "size or its frame rate.",
                    self.address.name,
                )
                clock, self._hurries, on_time = self._clock(), False, now
        if self.seen == before and not self._stopped.is_set():
            raise VideoError(
                f"camera {self.address.name}: it answers, but gives no frame. "
                "Check the address."
            )

    def _clock(self) -> FrameClock | None:
        """Return a clock where the stream's own times mean something.

        Only RTSP carries the camera's; OpenCV makes them up for the others.
        """
        target = str(self.address.target).lower()
        return FrameClock() if target.startswith("rtsp") else None

    def _play(self, camera: Connection, pace: float) -> None:
        """Read a file to its end, each frame when it is due.

        Where decoding cannot keep the pace the film runs slower: nothing is
        gained by dropping frames that no camera is waiting to send.
        """
        begun, count, slipped = time.monotonic(), 0, 0.0
        while (image := camera.read()) is not None:
            late = time.monotonic() - begun - count / pace
            if late > ON_TIME_SHARE * self.max_delay:
                begun += late
                slipped += late
                if slipped - late < SLIP_SECONDS <= slipped:
                    logger.warning(
                        "%s: cannot be decoded at %.3g frames a second here, "
                        "and runs slower.",
                        self.address.name,
                        pace,
                    )
            if self._stopped.wait(max(0.0, -late)):
                return
            self._put(image, begun + count / pace)
            count += 1
        if self.loop:  # the last frame, too, is shown for its time
            self._stopped.wait(
                max(0.0, begun + count / pace - time.monotonic())
            )

    def _judge(self, late: float) -> None:
        """Decide whether to pass over frames until reading is on time.

        Whoever scores is late, too, when reading is: the frames that are
        dropped there make room only if those after them come on time.
        """
        limit = ON_TIME_SHARE if self._hurries else 1.0
        self._hurries = late > limit * self.max_delay

    def _pass_on(self, image: np.ndarray | None, due: float) -> None:
        if image is not None:
            self._put(image, due)
            return
        self.seen += 1
        self.dropped += 1
        self.missed += 1 / self.every
        self._break()

    def _put(self, image: np.ndarray, due: float) -> None:
        if image.shape != self._shape:
            self._shape = image.shape
            self._break()
        wall = time.time() - (time.monotonic() - due)
        frame = LiveFrame(self.seen, self._run, due, wall, image)
        if self.on_frame is not None:
            self.on_frame(frame)
        with self._changed:
            self.seen += 1
            if due - self._connected_at > BURST_SECONDS:
                self._times.append(due)
            if frame.index % self.every:
                return
            self._drop_late()  # should nobody take any for long
            if frame.run != self._run:
                frame = LiveFrame(frame.index, self._run, due, wall, image)
            self._waiting.append(frame)
            self._changed.notify_all()

    def _break(self) -> None:
        with self._changed:
            self._run += 1

    def _connected(self, camera: Connection) -> None:
        self._break()
        self._hurries = False
        self._times.clear()
        self._connected_at = time.monotonic()
        if self.header_fps is None:
            self.header_fps = camera.fps
        self._count_loss()
        self.connections += self.address.kind != "file"
        self._state("connected")

    def _count_loss(self) -> None:
        self._lost_before, self._lost_at = self.lost_seconds, None

    def _lost(self, begun: float) -> None:
        if self._stopped.is_set():
            return
        self._lost_at = time.monotonic()
        if self._lost_at - begun > HEALTHY_SECONDS:
            self.backoff.reset()
        self._state("lost")

    def _state(self, state: str) -> None:
        if self.on_state is not None:
            self.on_state(state)
