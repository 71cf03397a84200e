import threading

import pytest
from live_doubles import FakeCamera, FakeScorer, Opener

from keras_cdae.data.address import Address
from keras_cdae.data.video import video_info
from keras_cdae.errors import VideoError
from keras_cdae.live import (
    AlarmTracker,
    Backoff,
    ClipRecorder,
    JsonLines,
    LiveSource,
    Watch,
)

NAME = "rtsp://***@yard/$(id);rm -rf"


class Kept:
    """A sink that keeps what it is told."""

    def __init__(self):
        self.messages = []
        self.closed = False

    def send(self, message):
        self.messages.append(dict(message))

    def close(self):
        self.closed = True

    @property
    def events(self):
        return [message["event"] for message in self.messages]


@pytest.fixture
def watch(tmp_path):
    """Return a function that watches fake cameras with given scores."""

    def make(
        scores,
        *cameras,
        max_delay=5.0,
        cooldown=0.0,
        slow=0.0,
        kind="file",
        **more,
    ):
        sink, notified = Kept(), Kept()
        source = LiveSource(
            Address("fake", NAME, kind),
            max_delay=max_delay,
            open=Opener(*cameras),
            connect_timeout=0.1,
            backoff=Backoff(first=0.01, most=0.02),
        )
        task = Watch(
            source,
            FakeScorer(scores, slow),
            AlarmTracker(
                1.0, min_seconds=0.03, quiet_seconds=0.2, cooldown=cooldown
            ),
            # Ten frames of fifty a second, and no rounding at the eleventh.
            ClipRecorder(tmp_path, before=0.21, after=0.21),
            sinks=[sink],
            notified=[notified],
            **more,
        )
        return task, sink, notified

    return make


def test_one_event_is_one_alarm_with_one_clip(watch, tmp_path):
    scores = [0] * 20 + [2, 3, 7, 2] + [0] * 40
    task, sink, notified = watch(scores, FakeCamera(60, fps=50))
    stats = task.run(threading.Event())
    assert sink.events == ["connected", "alarm", "end", "clip", "summary"]
    _, alarm, end, clip, summary = sink.messages
    assert alarm["source"] == NAME
    assert alarm["frame"] == 4 + 22  # the third, when it has lasted 30 ms
    assert end["id"] == alarm["id"]
    assert end["alarm_seconds"] == clip["alarm_seconds"]
    assert (clip["id"], clip["start"]) == (alarm["id"], alarm["start"])
    assert (clip["frame"], clip["score"]) == (4 + 22, 7)
    assert (clip["x"], clip["y"]) == (0.625, 0.375)  # of the hot cell
    assert clip["alarm_seconds"] == pytest.approx(0.06)
    assert clip["clip_frames"] == 10 + 4 + 10
    assert video_info(clip["clip"]).frames == 24
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        f"{alarm['id']}.mp4",
        f"{alarm['id']}.png",
    ]
    assert notified.events == ["alarm"]
    assert sink.closed
    assert notified.closed
    assert (stats.frames, stats.scored, stats.alarms) == (60, 56, 1)
    assert stats.dropped == stats.reconnects == 0
    assert stats.watched == 1  # of the 56 that complete a clip
    assert summary == {"event": "summary", **summary}
    assert {"scored", "dropped", "delay_ms", "lost_seconds"} <= set(summary)


def test_a_reader_that_goes_away_ends_it_in_order(watch, tmp_path):
    lines = []

    def write(line):
        if len(lines) == 1:  # after "connected"
            raise BrokenPipeError
        lines.append(line)

    task, sink, notified = watch([0] * 20 + [2] * 40, FakeCamera(60, fps=50))
    task.sinks = [JsonLines(write), sink]
    task.notify = "both"
    with pytest.raises(BrokenPipeError):
        task.run(threading.Event())
    assert notified.events == ["alarm", "clip"]
    assert sink.events[-2:] == ["clip", "summary"]
    assert {path.suffix for path in tmp_path.iterdir()} == {".mp4", ".png"}
    assert sink.closed
    assert notified.closed


@pytest.mark.parametrize(
    ("notify", "expected"),
    [("start", ["alarm"]), ("clip", ["clip"]), ("both", ["alarm", "clip"])],
)
def test_who_is_notified_when(watch, notify, expected):
    scores = [0] * 5 + [2] * 5
    task, _, notified = watch(scores, FakeCamera(30, fps=50), notify=notify)
    task.run(threading.Event())
    assert notified.events == expected


def test_the_end_of_the_watch_finishes_a_clip(watch):
    stop = threading.Event()
    task, sink, _ = watch([0] * 5 + [2] * 500, FakeCamera(500, fps=50))
    task.view = lambda status: stop.set() if status.alarm else None
    stats = task.run(stop)
    assert sink.events == ["connected", "alarm", "end", "clip", "summary"]
    assert stats.frames < 200
    assert video_info(sink.messages[3]["clip"]).frames > 5
    assert "camera" not in {t.name for t in threading.enumerate()}
    assert "clips" not in {t.name for t in threading.enumerate()}


def test_a_slow_model_drops_frames_and_no_clip_spans_a_gap(watch):
    camera = FakeCamera(250, fps=100)
    task, sink, _ = watch([0] * 250, camera, max_delay=0.1, slow=0.03)
    stats = task.run(threading.Event())
    assert stats.frames == 250
    assert stats.dropped > 50
    assert stats.scored > 10
    assert stats.delay_ms["max"] < 600
    assert 0 < stats.watched < 1
    for clip in task.scorer.clips:
        assert clip == list(range(clip[0], clip[0] + 5))
    assert sink.messages[-1]["dropped"] == stats.dropped


def test_a_cut_camera_is_told_and_begins_a_new_clip_of_frames(watch):
    cameras = [FakeCamera(20, interval=0.005), FakeCamera(20, interval=0.005)]
    task, sink, _ = watch([0] * 40, *cameras, kind="stream")
    stats = task.run(threading.Event(), duration=1.0)
    assert sink.events[:3] == ["connected", "lost", "connected"]
    assert sink.messages[1]["source"] == NAME
    assert stats.reconnects == 1
    assert stats.scored == 2 * 16
    assert stats.seconds == pytest.approx(1.0, abs=0.9)


def test_a_source_that_never_opens_fails_and_closes_everything(watch):
    task, sink, notified = watch([], kind="stream")
    with pytest.raises(VideoError, match="cannot be opened"):
        task.run(threading.Event())
    assert sink.closed
    assert notified.closed


def test_a_reader_that_goes_away_ends_the_watch_in_order(watch):
    def gone(line):
        raise BrokenPipeError

    task, sink, _ = watch([0] * 50, FakeCamera(50, fps=50))
    task.sinks = [JsonLines(gone), sink]
    with pytest.raises(BrokenPipeError):
        task.run(threading.Event())
    assert sink.closed
    assert "camera" not in {t.name for t in threading.enumerate()}


def test_the_threshold_fits_the_frame_rate(watch):
    rates = []

    def threshold(rate):
        rates.append(rate)
        return 5.0

    task, sink, _ = watch([0, 2, 2, 2, 2], FakeCamera(20, fps=50))
    task.threshold = threshold
    task.run(threading.Event())
    assert rates == [50]
    assert task.tracker.threshold == 5.0
    assert "alarm" not in sink.events


@pytest.mark.parametrize(
    ("fps", "words"), [(50, "looks slower than it is. Use --every 5"), (12, "")]
)
def test_another_pace_than_the_model_s_is_told(watch, caplog, fps, words):
    from keras_cdae.scoring.calibration import Calibration

    task, *_ = watch([], FakeCamera(10, fps=fps))
    task.scorer.calibration = Calibration.fit(
        {"score": [0.0, 1.0, 2.0]}, source="demo", fps=10
    )
    task.threshold = lambda rate: 1.0
    task.run(threading.Event())
    assert words in caplog.text
    assert bool(words) == ("motion looks" in caplog.text)


def test_delays_are_measured():
    from keras_cdae.live.stats import DelayMeter

    meter = DelayMeter()
    assert meter.summary() is None
    for delay in [0.010] * 90 + [0.5] * 9 + [60.0]:
        meter.add(delay)
    assert meter.summary() == {
        "mean": pytest.approx(654, abs=1),
        "median": 10,
        "p95": 500,
        "max": 60_000,
    }


def test_an_alarm_longer_than_its_clip_ends_with_a_message(watch):
    scores = [0] * 5 + [3] + [2] * 60
    task, sink, notified = watch(scores, FakeCamera(150, fps=50), notify="clip")
    task.recorder.max_seconds = 0.3
    task.run(threading.Event())
    assert sink.events == ["connected", "alarm", "clip", "end", "summary"]
    assert notified.events == ["clip", "end"]
    clip, end = notified.messages
    assert "alarm_seconds" not in clip
    assert clip["score"] == 3  # of its first frame, before it was sure
    assert clip["peak"] == clip["start"]
    assert end["id"] == clip["id"]
    assert end["alarm_seconds"] == pytest.approx(1.2, abs=0.05)


@pytest.mark.parametrize("notify", ["start", "clip", "both"])
def test_reminders_are_told_whoever_is_notified(watch, notify):
    scores = [0] * 5 + [2] * 50
    task, sink, notified = watch(scores, FakeCamera(60, fps=50), notify=notify)
    task.tracker.remind = 0.5
    task.run(threading.Event())
    reminders = [m for m in sink.messages if m["event"] == "reminder"]
    assert len(reminders) == 1
    assert reminders == [
        m for m in notified.messages if m["event"] == "reminder"
    ]
    (reminder,) = reminders
    assert reminder["id"] == sink.messages[1]["id"]
    assert reminder["alarm_seconds"] == pytest.approx(0.53, abs=0.04)
    assert (reminder["score"], reminder["source"]) == (2, NAME)


def test_dropped_frames_do_not_divide_an_alarm(watch):
    camera = FakeCamera(300, fps=100)
    scores = [0] * 5 + [2] * 300
    task, sink, _ = watch(scores, camera, max_delay=0.25, slow=0.03)
    stats = task.run(threading.Event())
    assert stats.dropped > 50
    assert (stats.alarms, stats.suppressed) == (1, 0)
    assert sink.events.count("end") == 1


def test_watches_that_share_a_folder_name_their_clips_apart(watch, tmp_path):
    ids = set()
    for _ in range(2):
        task, sink, _ = watch([0] * 5 + [2] * 9, FakeCamera(40, fps=200))
        task.run(threading.Event())
        ids.add(sink.messages[1]["id"].split("-", 1)[1])
    assert len(ids) == 2


def test_the_share_that_was_watched_counts_every_nth_frame(watch):
    task, *_ = watch([0] * 50, FakeCamera(60, fps=200))
    task.source.every = 4
    stats = task.run(threading.Event())
    assert stats.scored == 60 / 4 - 4
    assert stats.watched == 1
    task.source.missed = 11  # as many as were scored
    task.source.dropped = 20
    assert task.stats().watched == 0.5
