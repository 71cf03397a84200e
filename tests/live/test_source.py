import threading
import time
from itertools import pairwise

import numpy as np
import pytest
from live_doubles import FakeCamera, Opener

from keras_cdae.data.address import Address
from keras_cdae.data.video import write_video
from keras_cdae.errors import VideoError
from keras_cdae.live import Backoff, LiveSource
from keras_cdae.live.clock import FrameClock

STREAM = Address("http://fake/", "http://fake/", "stream")
QUICK = {"backoff": Backoff(first=0.01, most=0.02)}


def source_of(*cameras, **settings):
    opener = Opener(*cameras)
    return LiveSource(STREAM, open=opener, **{**QUICK, **settings}), opener


def drain(source, *, pause=0.0, wanted=10**6, seconds=10.0):
    """Take frames until there are enough or it ended."""
    frames, deadline = [], time.monotonic() + seconds
    while len(frames) < wanted and not source.ended:
        frame = source.take(0.05)
        if frame is not None:
            frames.append((frame, time.monotonic() - frame.time))
            time.sleep(pause)
        assert time.monotonic() < deadline
    return frames


def take_until_it_fails(source):
    source.start()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        source.take(0.05)


def test_backoff_doubles_up_to_its_limit_and_begins_again():
    backoff = Backoff(first=1, most=5)
    assert [backoff.next() for _ in range(5)] == [1, 2, 4, 5, 5]
    backoff.reset()
    assert backoff.next() == 1


def test_every_frame_comes_while_scoring_keeps_up():
    source, _ = source_of(FakeCamera(30, interval=0.002), max_delay=5)
    source.start()
    frames = [frame for frame, _ in drain(source, wanted=30)]
    source.stop()
    assert [frame.index for frame in frames] == list(range(30))
    assert len({frame.run for frame in frames}) == 1
    assert (source.seen, source.dropped) == (30, 0)
    assert [frame.image[0, 0, 0] for frame in frames] == list(range(1, 31))


def test_a_slow_reader_gets_new_frames_in_unbroken_runs():
    camera = FakeCamera(400, interval=0.005)
    source, _ = source_of(camera, max_delay=0.15)
    source.start()
    taken = drain(source, pause=0.03, wanted=45)
    source.stop()
    assert source.dropped > 20
    # Far below what it would be without dropping, which is over a second.
    assert max(delay for _, delay in taken) < 0.4
    for (one, _), (two, _) in pairwise(taken):
        assert (two.run == one.run) == (two.index == one.index + 1)
    runs = [frame.run for frame, _ in taken]
    assert len(set(runs)) < len(runs) / 3  # whole runs, not every other frame
    assert source.seen - source.dropped - len(taken) < 400


@pytest.mark.parametrize(
    ("name", "value"), [("max_delay", 0.05), ("MAX_WAITING", 20_000)]
)
def test_what_nobody_takes_is_dropped(monkeypatch, name, value):
    settings = {"max_delay": 1000}
    if name in settings:
        settings[name] = value
    else:
        monkeypatch.setattr(f"keras_cdae.live.source.{name}", value)
    source, _ = source_of(FakeCamera(100, interval=0.002), **settings)
    source.start()
    while source.seen < 100:
        time.sleep(0.01)
    assert source.dropped > 50
    assert len(source._waiting) <= 60
    source.stop()


def test_a_camera_that_is_cut_comes_back_after_longer_waits():
    states = []
    cameras = [FakeCamera(10), None, None, None, FakeCamera(10)]
    source, opener = source_of(
        *cameras,
        backoff=Backoff(first=0.02, most=0.08),
        on_state=states.append,
    )
    source.start()
    frames = [frame for frame, _ in drain(source, wanted=20)]
    source.stop()
    waits = [b - a for a, b in pairwise(opener.times[:5])]
    assert np.all(np.array(waits) >= (0.02, 0.04, 0.08, 0.08))
    assert source.reconnects == 1
    assert source.lost_seconds >= 0.2
    assert [frame.index for frame in frames] == list(range(20))
    assert frames[9].run != frames[10].run
    assert cameras[0].closed
    wanted = ["connecting", "connected", "lost"]
    assert states[:3] == wanted
    assert states.count("connected") == 2


def test_a_camera_that_stays_away_is_lost_all_that_time():
    source, _ = source_of(FakeCamera(10))
    source.start()
    drain(source, wanted=10)
    time.sleep(0.3)
    assert source.lost_seconds > 0.2
    source.stop()
    lost = source.lost_seconds
    assert source.reconnects == 0
    time.sleep(0.05)
    assert source.lost_seconds == lost > 0.2


def test_a_file_that_is_looped_keeps_its_pace():
    address = Address("fake", "fake", "file")
    cameras = [FakeCamera(2, fps=10.0) for _ in range(9)]
    source = LiveSource(address, open=Opener(*cameras), loop=True)
    source.start()
    frames = [frame for frame, _ in drain(source, wanted=6)]
    source.stop()
    steps = np.diff([frame.time for frame in frames])
    np.testing.assert_allclose(steps, 0.1, atol=0.05)


def test_a_stream_that_never_opens_is_given_up():
    source, opener = source_of(connect_timeout=0.2)
    with pytest.raises(VideoError, match=r"opened\. Tried for 0\.2 s"):
        take_until_it_fails(source)
    assert len(opener.times) > 3
    assert source.ended


def test_a_stream_without_a_frame_is_given_up():
    cameras = [FakeCamera(0) for _ in range(100)]
    source, _ = source_of(*cameras, connect_timeout=0.1)
    with pytest.raises(VideoError, match="it answers, but gives no frame"):
        take_until_it_fails(source)


def test_a_camera_that_was_there_is_waited_for_longer_than_the_timeout():
    source, _ = source_of(
        FakeCamera(5), *[None] * 30, FakeCamera(5), connect_timeout=0.05
    )
    source.start()
    assert len(drain(source, wanted=10)) == 10
    source.stop()


def test_another_size_begins_a_run():
    cameras = [FakeCamera(5), FakeCamera(5, size=(48, 64))]
    source, _ = source_of(*cameras)
    source.start()
    frames = [frame for frame, _ in drain(source, wanted=10)]
    source.stop()
    assert {frame.image.shape[:2] for frame in frames} == {(24, 32), (48, 64)}
    assert frames[4].run != frames[5].run


def test_every_nth_frame_is_passed_on_and_all_are_shown():
    shown = []
    source, _ = source_of(FakeCamera(12), every=3, on_frame=shown.append)
    source.start()
    frames = [frame for frame, _ in drain(source, wanted=4)]
    while len(shown) < 12:
        time.sleep(0.01)
    source.stop()
    assert [frame.index for frame in frames] == [0, 3, 6, 9]
    assert [frame.index for frame in shown] == list(range(12))
    assert source.dropped == 0


def test_the_frame_rate_leaves_out_what_had_piled_up(monkeypatch):
    monkeypatch.setattr("keras_cdae.live.source.BURST_SECONDS", 0.2)
    camera = FakeCamera(200)
    address = Address("a.mp4", "a.mp4", "file")
    source = LiveSource(address, open=Opener(camera), fps=100)
    source.start()
    assert source.fps is None
    drain(source, wanted=100)
    assert source.fps == pytest.approx(100, rel=0.05)
    source.stop()
    burst, _ = source_of(FakeCamera(100))
    burst.start()
    while burst.seen < 100:
        time.sleep(0.01)
    assert burst.fps is None
    burst.stop()


def test_stop_ends_a_wait_at_once():
    source, _ = source_of(FakeCamera(1), backoff=Backoff(first=60, most=60))
    source.start()
    drain(source, wanted=1)
    begun = time.monotonic()
    source.stop()
    assert time.monotonic() - begun < 2
    assert not [t for t in threading.enumerate() if t.name == "camera"]


@pytest.fixture
def file(tmp_path):
    frames = np.zeros((20, 24, 32), "uint8")
    frames += np.arange(20, dtype="uint8")[:, None, None] * 10
    return write_video(tmp_path / "yard.avi", frames, fps=50)


def test_a_file_runs_in_real_time(file):
    source = LiveSource(Address.parse(str(file)), max_delay=5)
    begun = time.monotonic()
    source.start()
    frames = [frame for frame, _ in drain(source)]
    assert time.monotonic() - begun >= 19 / 50
    assert len(frames) == 20
    steps = np.diff([frame.time for frame in frames])
    np.testing.assert_allclose(steps, 1 / 50, atol=1e-6)
    assert source.header_fps == pytest.approx(50)
    assert source.take(0) is None
    source.stop()


def test_a_file_in_a_loop_never_ends_and_its_seam_is_a_gap(file):
    source = LiveSource(Address.parse(str(file)), loop=True, max_delay=5)
    source.start()
    frames = [frame for frame, _ in drain(source, wanted=30)]
    source.stop()
    assert [frame.index for frame in frames] == list(range(30))
    assert frames[19].run != frames[20].run
    assert source.reconnects == 0


def test_a_file_that_is_decoded_too_slowly_runs_slower(monkeypatch, caplog):
    monkeypatch.setattr("keras_cdae.live.source.SLIP_SECONDS", 0.2)
    camera = FakeCamera(60, interval=0.01, fps=1000)
    address = Address("slow.mp4", "slow.mp4", "file")
    source = LiveSource(address, max_delay=1, open=Opener(camera))
    source.start()
    assert len(drain(source)) == source.seen == 60
    assert source.dropped == 0
    assert "slow.mp4: cannot be decoded at 1e+03 frames a second" in caplog.text


def test_a_file_without_a_rate_or_a_frame_says_so():
    address = Address("odd.mp4", "odd.mp4", "file")
    for camera, words in (
        (FakeCamera(5, fps=None), "Say it with --fps"),
        (FakeCamera(0), "not one frame can be decoded"),
    ):
        source = LiveSource(address, open=Opener(camera))
        with pytest.raises(VideoError, match=words):
            take_until_it_fails(source)


class Buffered(FakeCamera):
    """A stream at 100 frames/s that waits where nobody reads it.

    Reading takes 20 ms, and passing over a frame `skipping`.
    """

    def __init__(self, count, skipping):
        super().__init__(count, fps=100)
        self.skipping = skipping
        self.begun = None

    def skip(self):
        return self.next(self.skipping)

    def read(self):
        if not self.next(0.02):
            return None
        return np.full((24, 32, 3), self.given % 256, np.uint8)

    def next(self, seconds):
        self.begun = self.begun or time.monotonic()
        time.sleep(seconds)
        due = self.begun + self.given / 100
        time.sleep(max(0.0, due - time.monotonic()))
        self.given += 1
        return self.given <= self.left


def follow(camera, seconds=2.5):
    address = Address("rtsp://fake/", "rtsp://fake/", "stream")
    source = LiveSource(address, max_delay=0.2, open=Opener(camera), **QUICK)
    source.start()
    taken = []
    while time.monotonic() < source.started + seconds:
        frame = source.take(0.02)
        if frame is not None:
            late = time.monotonic() - (camera.begun + (frame.index - 1) / 100)
            taken.append((frame, late))
    source.stop()
    return source, taken


def test_reading_that_falls_behind_a_camera_catches_up():
    source, taken = follow(Buffered(10_000, skipping=0.001))
    assert source.dropped > 20
    assert len(taken) > 30
    # By the camera's clock, not since it was decoded.
    assert max(late for _, late in taken) < 0.6
    for (one, _), (two, _) in pairwise(taken):
        assert two.run != one.run or two.index == one.index + 1


def test_decoding_that_is_too_slow_is_told_and_still_scored(
    monkeypatch, caplog
):
    monkeypatch.setattr("keras_cdae.live.source.SLIP_SECONDS", 0.5)
    source, taken = follow(Buffered(10_000, skipping=0.02))
    assert "comes faster than it can be decoded" in caplog.text
    assert len(taken) > 20
    assert source.dropped > 10


def test_the_clock_of_a_stream():
    clock = FrameClock()
    burst = [clock.due(i / 10, 100.0) for i in range(20)]
    assert burst[0] == 100.0  # the first is on time, for all that is known
    # The camera's pace from the earliest on: frame 30 was due at 101.1.
    assert clock.due(3.0, 101.1) == pytest.approx(101.1)
    assert clock.due(3.1, 101.7) == pytest.approx(101.2)


def test_a_clock_that_stands_still_is_not_trusted():
    clock = FrameClock()
    assert clock.due(0.0, 100.0) == 100.0
    assert clock.due(0.0, 102.0) == 100.0
    assert clock.due(0.01, 104.0) == 104.0
    assert clock.due(0.01, 105.0) == 105.0


def test_a_clock_that_drifts_is_followed():
    clock = FrameClock()
    for second in range(4000):  # half a percent slow: 20 s behind in the end
        late = second - clock.due(0.995 * second, second)
        assert late < 0.5
