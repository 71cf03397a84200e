import time

import av
import numpy as np
import pytest

from keras_cdae.data.images import read_image
from keras_cdae.data.video import video_info
from keras_cdae.errors import MissingDependencyError
from keras_cdae.live import ClipRecorder
from keras_cdae.live.clips import Clip, Kept, frame_rate, heat_scale

RED = (255, 40, 40)


def decode(path):
    """Return every frame of a clip."""
    with av.open(str(path)) as container:
        return [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]


@pytest.fixture
def record(tmp_path, live_frame):
    """Return a function that records alarms from scores at 10 frames/s."""

    def run(count, alarms, hot=(), size=(48, 64), **settings):
        saved = []
        recorder = ClipRecorder(
            tmp_path / "clips",
            **{"before": 1.0, "after": 1.0, **settings},
            on_saved=saved.append,
        )
        for index in range(count):
            moment = 100 + index / 10
            recorder.add(live_frame(index, moment, size))
            heat = np.full((4, 4), 0.1)
            heat[2, 3] = 5.0 if index in hot else 0.2
            recorder.note(index, heat.max(), heat, calm=index not in hot)
            for number, (start, end) in enumerate(alarms):
                if index == start + 2:  # an alarm is known later
                    began = 100 + start / 10
                    recorder.begin(f"alarm-{number}", began, moment)
                if index == end + 10:
                    recorder.end(100 + end / 10)
            recorder.advance(moment)
        kept = len(recorder._kept)
        recorder.close()
        return saved, kept

    return run


def test_a_clip_has_the_seconds_before_and_after(record):
    [saved], _ = record(80, [(30, 39)], hot=range(30, 40))
    frames = decode(saved.clip)
    assert len(frames) == saved.frames == 10 + 10 + 10
    assert saved.seconds == pytest.approx(3.0)
    info = video_info(saved.clip)
    assert (info.height, info.width, info.fps) == (48, 64, 10)
    red = [np.abs(f[0, 32].astype(int) - RED).max() < 60 for f in frames]
    assert red == [False] * 10 + [True] * 10 + [False] * 10
    # The first frame is number 20, whose grey is its number.
    assert abs(int(frames[0][24, 10].mean()) - 20) < 6


def test_the_heat_is_where_the_map_is_hot(record):
    [saved], _ = record(80, [(30, 39)], hot=range(33, 36))
    frames = decode(saved.clip)
    hot, calm = frames[14].astype(int), frames[8].astype(int)
    spot = np.ptp(hot, axis=-1)
    assert spot[30, 56] > 60  # the row and column of the hot cell
    assert spot[10, 10] < 20
    assert np.ptp(calm, axis=-1).max() < 20
    picture = read_image(saved.picture).astype(int)
    assert np.ptp(picture[30, 56]) > 60
    assert 33 <= picture[10, 10].mean() <= 36


def test_an_alarm_that_goes_on_has_a_clip_of_bounded_length(record):
    [saved], kept = record(300, [(30, 270)], max_seconds=4.0)
    assert saved.frames == 10 + 40 + 10 + 1
    assert kept <= 61


def test_memory_is_bounded_without_an_alarm(record):
    saved, kept = record(300, [])
    assert not saved
    assert kept <= 61  # a second before, and five of slack


def test_the_end_of_the_watch_writes_what_there_is(record):
    [saved], _ = record(35, [(30, 34)], hot=range(30, 35))
    assert len(decode(saved.clip)) == 15


def test_a_second_alarm_cuts_the_first_clip_short(record):
    first, second = record(90, [(30, 35), (48, 55)])[0]
    assert len(decode(first.clip)) == 10 + 6 + 10
    assert len(decode(second.clip)) == 10 + 8 + 10


@pytest.mark.parametrize(
    ("late", "begins"), [(0.0, 60.0 - 5.0 - 1.0), (12.0, 60.0 - 17.0 - 1.0)]
)
def test_an_alarm_that_is_told_late_shows_what_is_kept(
    tmp_path, live_frame, late, begins
):
    saved, shown = [], []
    recorder = ClipRecorder(
        tmp_path,
        before=1.0,
        after=1.0,
        max_seconds=20.0,
        late=late,
        on_saved=saved.append,
    )
    for index in range(900):  # odd from 10 s to 85 s, told at 60 s
        moment = index / 10
        recorder.add(live_frame(index, moment))
        if moment == 60:
            recorder.begin("late", 10.0, moment)
            shown.append(recorder._clip)
        recorder.advance(moment)
    recorder.close()
    [clip], [file] = shown, saved
    times = [kept.time for kept in clip.frames]
    assert times[0] == pytest.approx(begins)
    assert times[-1] == pytest.approx(begins + 1.0 + 20.0 + 1.0)
    assert file.frames == len(decode(file.clip)) == 221


def test_large_frames_are_shrunk(record):
    [saved], _ = record(60, [(30, 35)], size=(120, 161), max_side=80)
    info = video_info(saved.clip)
    assert (info.height, info.width) == (60, 80)


def test_another_size_in_the_middle_is_left_out(tmp_path, live_frame):
    saved = []
    recorder = ClipRecorder(tmp_path, on_saved=saved.append)
    for index in range(40):
        size = (48, 64) if index < 20 else (24, 32)
        recorder.add(live_frame(index, index / 10, size))
    recorder.begin("odd", 1.0, 1.2)
    recorder.close()
    assert len(decode(saved[0].clip)) == 20


def test_a_clip_that_cannot_be_written_is_told(record, monkeypatch, caplog):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_cdae.live.recorder.write_clip", full)
    [saved], _ = record(60, [(30, 35)])
    assert saved.clip is None
    assert "No space left" in saved.error
    assert "clip alarm-0: not written" in caplog.text


def test_a_picture_that_cannot_be_written_leaves_the_clip(
    record, monkeypatch, caplog
):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("keras_cdae.live.clips.write_image", full)
    [saved], _ = record(60, [(30, 35)])
    assert len(decode(saved.clip)) == saved.frames
    assert saved.picture is None
    assert "No space left" in saved.error
    assert "clip alarm-0: its picture" in caplog.text


def test_a_folder_that_cannot_be_written_to(tmp_path):
    (tmp_path / "clips").write_text("a file")
    with pytest.raises(OSError, match="clips"):
        ClipRecorder(tmp_path / "clips")


def test_without_pyav_it_says_so_at_the_start(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"keras-cdae\[video\]"):
        ClipRecorder(tmp_path)


def test_adding_is_quick_while_a_clip_is_written(
    tmp_path, live_frame, monkeypatch
):
    monkeypatch.setattr(
        "keras_cdae.live.recorder.write_clip", lambda *_: time.sleep(1.0)
    )
    recorder = ClipRecorder(tmp_path)
    recorder.add(live_frame(0, 0.0))
    recorder.begin("slow", 0.0, 0.0)
    begun = time.monotonic()
    recorder.advance(1000.0)
    for index in range(1, 20):
        recorder.add(live_frame(index, index / 10))
    assert time.monotonic() - begun < 0.8
    recorder.close()


def test_the_frame_rate_of_a_clip_leaves_pauses_out():
    assert frame_rate([0, 0.1, 0.2, 30.0, 30.1]) == pytest.approx(10)
    assert frame_rate([5.0]) == 10
    assert frame_rate([0, 0.0001, 0.0002]) == 120


def kept(value):
    heat = None if value is None else np.full((2, 2), value, np.float32)
    return Kept(0, 0.0, b"", 1.0, heat)


def test_the_scale_of_the_heat():
    clip = Clip("a", 0, 0, 9, frames=[kept(1), kept(8), kept(None), kept(2)])
    assert heat_scale(clip) == (2, 8)
    clip.calm = 0.5
    assert heat_scale(clip) == (0.5, 8)
    clip.calm = 9
    assert heat_scale(clip) == (0, 8)
    clip.frames = [kept(None)]
    assert heat_scale(clip) == (0, 1)
