"""The watch: frames to scores, scores to alarms, alarms to whoever asked."""

import logging
import queue
import secrets
import threading
import time
from collections.abc import Callable, Iterable

from keras_cdae.live.alarms import AlarmTracker, Change, Event
from keras_cdae.live.clips import SavedClip
from keras_cdae.live.frame import LiveFrame
from keras_cdae.live.messages import FILE_STAMP, Message, found, stamp
from keras_cdae.live.recorder import ClipRecorder
from keras_cdae.live.scorer import Scorer
from keras_cdae.live.sinks import Sink
from keras_cdae.live.source import LiveSource
from keras_cdae.live.stats import DelayMeter, Status, WatchStats
from keras_cdae.runtime.score import Score
from keras_cdae.scoring.pace import pace_of

logger = logging.getLogger(__name__)

IDLE_SECONDS = 0.2
VIEW_SECONDS = 0.25
SETTLE_SECONDS = 10.0  # until the camera's own frame rate is known


class Watch:
    """Watches one source until it ends or is told to stop.

    Messages are dictionaries with an `"event"`: `"alarm"` as soon as one is
    sure, `"clip"` when its clip is written, `"reminder"` while it goes on,
    `"end"` when it is over, `"lost"` and `"connected"` of the camera, and
    `"summary"` when the watch ends.

    Args:
        source: what is read; not started yet.
        scorer: what scores.
        tracker: what makes alarms of scores.
        recorder: what keeps clips.
        sinks: who is told every message.
        notified: who is told of alarms only.
        notify: `"start"`: when an alarm begins; `"clip"`: when its clip is
            there, and of an alarm that lasts longer than its clip when it is
            over; `"both"`. Reminders whatever it is.
        threshold: returns the threshold for a rate of clips a second, where
            it depends on it.
        view: shown how it stands, a few times a second.
    """

    def __init__(
        self,
        source: LiveSource,
        scorer: Scorer,
        tracker: AlarmTracker,
        recorder: ClipRecorder,
        *,
        sinks: Iterable[Sink] = (),
        notified: Iterable[Sink] = (),
        notify: str = "start",
        threshold: Callable[[float], float] | None = None,
        view: Callable[[Status], None] | None = None,
    ) -> None:
        self.source = source
        self.scorer = scorer
        self.tracker = tracker
        self.recorder = recorder
        self.sinks = list(sinks)
        self.notified = list(notified)
        self.notify = notify
        self.threshold = threshold
        self.view = view
        self.delays = DelayMeter()
        self.skipped = 0  # after a gap, frames that complete no clip
        self.token = secrets.token_hex(3)  # watches may share a folder
        self._inbox: queue.SimpleQueue[SavedClip | str] = queue.SimpleQueue()
        self._open: dict[str, Message] = {}
        self._highest_found: Message = {}  # of the event that goes on
        self._state = "connecting"
        self._run: int | None = None
        self._gap = False
        self._last: Score | None = None
        self._highest: float | None = None
        self._last_alarm: Message | None = None
        self._rate: float | None = None
        self._settled = False
        self._next_view = 0.0
        source.on_state = self._inbox.put
        source.on_frame = recorder.add
        recorder.on_saved = self._inbox.put

    def run(
        self, stop: threading.Event, *, duration: float | None = None
    ) -> WatchStats:
        """Watch; finish clips and messages, however it ends.

        Args:
            stop: set to end it.
            duration: seconds after which it ends.

        Returns:
            What was counted.

        Raises:
            VideoError: if the source could not be opened at all.
        """
        self.begun = time.monotonic()
        self.source.start()
        try:
            while not stop.is_set() and not self._is_over(duration):
                self._step()
                if self.source.ended:
                    self._step()  # the error of one that never began
                    break
        finally:
            self._close()
        return self.stats()

    def stats(self) -> WatchStats:
        """Return what was counted so far."""
        source = self.source
        scored = self.delays.count
        meant = scored + self.skipped + source.missed
        return WatchStats(
            seconds=time.monotonic() - self.begun,
            frames=source.seen,
            scored=scored,
            dropped=source.dropped,
            watched=scored / meant if meant else 0.0,
            alarms=self.tracker.raised,
            suppressed=self.tracker.suppressed,
            reconnects=source.reconnects,
            lost_seconds=source.lost_seconds,
            delay_ms=self.delays.summary(),
        )

    def _is_over(self, duration: float | None) -> bool:
        return duration is not None and (
            time.monotonic() - self.begun >= duration
        )

    def _step(self) -> None:
        frame = self.source.take(IDLE_SECONDS)
        self._deliver()
        if frame is not None:
            self._score(frame)
        else:
            self._advance(time.monotonic() - 2 * self.source.max_delay)
        self._show()

    def _score(self, frame: LiveFrame) -> None:
        if frame.run != self._run:
            self._run = frame.run
            self._gap = True
            self.scorer.reset()
        self._settle()
        score = self.scorer.push(frame.image)
        if score is None:
            # No watch could score its very first frames.
            self.skipped += self._last is not None
            return
        self._last = score
        if self._highest is None or score.score > self._highest:
            self._highest = score.score
        self.delays.add(time.monotonic() - frame.time)
        gap, self._gap = self._gap, False
        if gap:  # `push` knows how much of it was seen
            self.recorder.advance(frame.time)
        else:
            self._advance(frame.time)
        changes = self.tracker.push(frame.time, score.score, gap=gap)
        event = self.tracker.event
        self.recorder.note(
            frame.index, score.score, score.map, calm=event is None
        )
        if event is not None and event.peak == frame.time:
            self._peak(event, frame, score)
        for change, changed in changes:
            if change == "begin":
                self._begin(changed, frame)
            elif change == "remind":
                self._remind(changed, frame)
            else:
                self._end([(change, changed)])

    def _settle(self) -> None:
        """Fit the threshold to the frame rate: the header's, then the real."""
        if self.threshold is None or self._settled:
            return
        rate = self.source.header_fps
        if time.monotonic() - self.begun > SETTLE_SECONDS:
            rate = self.source.fps
            self._settled = rate is not None
        if rate is None or rate == self._rate:
            return
        if self._settled or self._rate is None:
            self._rate = rate
            if self._settled or self.source.address.kind == "file":
                self._warn_of_pace(rate / self.source.every)
            self.tracker.threshold = self.threshold(rate / self.source.every)

    def _warn_of_pace(self, rate: float) -> None:
        calibration = self.scorer.calibration
        told = pace_of(rate, calibration)
        trained = None if calibration is None else calibration.fps
        if told is None or trained is None:
            return
        times = round(rate * self.source.every / trained)
        logger.warning(
            "%s: %s%s",
            self.source.address.name,
            told,
            f" Use --every {times}." if rate > trained else "",
        )

    def _advance(self, now: float) -> None:
        self._end(self.tracker.advance(now))
        self.recorder.advance(now)

    def _end(self, changes: list[Change]) -> None:
        for _, event in changes:
            self.recorder.end(event.last)
            lasted = round(event.last - event.start, 2)
            waiting = self._open.get(event.name)
            if waiting is not None:
                waiting["alarm_seconds"] = lasted
            message: Message = {
                "event": "end",
                "id": event.name,
                "source": self.source.address.name,
                "alarm_seconds": lasted,
            }
            # Whoever waits for the clip is told by that, if it is not full.
            self._tell(message, notify="clip" if waiting is None else "")

    def _begin(self, event: Event, frame: LiveFrame) -> None:
        assert self._last is not None
        started = frame.wall - (frame.time - event.start)
        number = f"{self.token}-{self.tracker.raised}"
        event.name = name = f"{stamp(started, FILE_STAMP)}-{number}"
        message: Message = {
            "event": "alarm",
            "id": name,
            "source": self.source.address.name,
            "start": stamp(started),
            "frame": frame.index,
            **found(self._last),
            "threshold": round(self.tracker.threshold, 4),
            "delay_ms": round(self.delays.last, 1),
        }
        self.recorder.begin(name, event.start, frame.time)
        for key, suffix in (("clip", "mp4"), ("picture", "png")):
            path = self.recorder.folder / f"{name}.{suffix}"
            message[key] = str(path.absolute())
        waiting = {**message, **self._highest_found, "event": "clip"}
        self._open[name] = waiting
        self._last_alarm = message
        self._tell(message, notify="start")

    def _remind(self, event: Event, frame: LiveFrame) -> None:
        """Tell of an alarm that goes on, and what is odd by now."""
        assert self._last is not None
        message: Message = {
            "event": "reminder",
            "id": event.name,
            "source": self.source.address.name,
            "alarm_seconds": round(event.last - event.start, 2),
            "frame": frame.index,
            **found(self._last),
        }
        self._tell(message, notify=self.notify)

    def _peak(self, event: Event, frame: LiveFrame, score: Score) -> None:
        """Keep what the clip's message says of the alarm's highest score."""
        self._highest_found = {
            **found(score),
            "frame": frame.index,
            "peak": stamp(frame.wall),
        }
        if event.name in self._open:
            self._open[event.name].update(self._highest_found)

    def _deliver(self) -> None:
        """Tell what other threads have to say."""
        while True:
            try:
                news = self._inbox.get_nowait()
            except queue.Empty:
                return
            if isinstance(news, SavedClip):
                self._tell_clip(news)
            else:
                self._tell_state(news)

    def _tell_state(self, state: str) -> None:
        was, self._state = self._state, state
        if state not in (was, "connecting"):
            self._tell(
                {
                    "event": state,
                    "source": self.source.address.name,
                    "time": stamp(time.time()),
                }
            )

    def _tell_clip(self, saved: SavedClip) -> None:
        message = self._open.pop(saved.name)
        del message["delay_ms"]
        if saved.clip is None:
            message["clip"] = None
        else:
            message["clip_frames"] = saved.frames
            message["clip_seconds"] = round(saved.seconds, 2)
        if saved.picture is None:
            message["picture"] = None
        if saved.error is not None:
            message["error"] = saved.error
        self._tell(message, notify="clip")

    def _tell(self, message: Message, notify: str = "") -> None:
        if notify and self.notify in (notify, "both"):
            for sink in self.notified:
                sink.send(message)
        for sink in self.sinks:  # last: a pipe may have lost its reader
            sink.send(message)

    def _show(self) -> None:
        now = time.monotonic()
        if self.view is None or now < self._next_view:
            return
        self._next_view = now + VIEW_SECONDS
        highest, self._highest = self._highest, None
        event = self.tracker.event
        self.view(
            Status(
                name=self.source.address.name,
                state=self._state,
                score=None if self._last is None else self._last.score,
                highest=highest,
                z=None if self._last is None else self._last.z,
                threshold=self.tracker.threshold,
                alarm=event is not None and event.raised,
                fps=self.source.fps,
                delay_ms=self.delays.last,
                stats=self.stats(),
                last_alarm=self._last_alarm,
            )
        )

    def _close(self) -> None:
        """Finish what is in work; the first error is the one that counts."""
        self.source.stop()
        try:
            self._end(self.tracker.finish())
        finally:
            self.recorder.close()
            try:
                self._deliver()
                if self.source.error is None:
                    self._tell({"event": "summary", **self.stats().to_dict()})
            finally:
                for sink in (*self.sinks, *self.notified):
                    sink.close()
