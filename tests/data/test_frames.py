import errno
import logging
import os
import pickle
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from keras_cdae.data import frames as frames_module
from keras_cdae.data import video as video_module
from keras_cdae.data.frames import (
    CachedVideo,
    cache_derived,
    cache_video,
    cache_videos,
    default_cache_dir,
)
from keras_cdae.data.video import read_frames, write_video
from keras_cdae.errors import DataError, VideoError

OPTIONS = {"image_size": (12, 16), "channels": 1}


@pytest.fixture
def no_decoding(monkeypatch):
    def engage():
        def fail(*args, **kwargs):
            raise AssertionError("decoded a second time")

        monkeypatch.setattr(video_module, "read_frames", fail)

    return engage


@pytest.mark.parametrize("source", ["video_file", "frame_folder"])
def test_cache_holds_what_read_frames_gives(request, source, cache_dir):
    path = request.getfixturevalue(source)
    cached = cache_video(path, **OPTIONS)
    assert isinstance(cached.frames, np.memmap)
    assert cached.shape == cached.frames.shape == (12, 12, 16, 1)
    assert len(cached) == 12
    assert cached.frames.dtype == np.uint8
    np.testing.assert_array_equal(
        cached.frames, list(read_frames(path, **OPTIONS))
    )
    assert cached.missing_frames == 0
    assert cached.name == {"video_file": "clip"}.get(source, "frames")
    assert cached.fps == (12.5 if source == "video_file" else None)
    with pytest.raises(ValueError, match="read-only"):
        cached.frames[0] = 0


def test_decodes_once(video_file, frame_folder, cache_dir, no_decoding):
    paths = [video_file, frame_folder]
    first = cache_videos(paths, **OPTIONS)
    no_decoding()
    assert cache_videos(paths, **OPTIONS) == first
    with pytest.raises(AssertionError, match="second time"):
        cache_video(video_file, image_size=(8, 8), channels=1)


def test_a_changed_file_is_decoded_anew(video_file, cache_dir):
    before = cache_video(video_file, **OPTIONS)
    os.utime(video_file, ns=(1, 1))
    after = cache_video(video_file, **OPTIONS)
    assert before.file != after.file


def test_a_changed_frame_is_decoded_anew(frame_folder, cache_dir):
    before = cache_video(frame_folder, **OPTIONS)
    (frame_folder / "12.png").unlink()
    after = cache_video(frame_folder, **OPTIONS)
    assert (len(before), len(after)) == (12, 11)


def test_half_written_cache_is_not_taken(video_file, cache_dir, caplog):
    whole = cache_video(video_file, **OPTIONS)
    expected = np.array(whole.frames)
    whole.file.write_bytes(whole.file.read_bytes()[:300])
    again = cache_video(video_file, **OPTIONS)
    np.testing.assert_array_equal(again.frames, expected)
    whole.file.with_suffix(".json").write_text("{")
    again = cache_video(video_file, **OPTIONS)
    np.testing.assert_array_equal(again.frames, expected)


def test_failure_while_decoding_leaves_nothing(frame_folder, cache_dir):
    (frame_folder / "9.png").write_bytes(b"x")
    with pytest.raises(VideoError, match=r"9\.png: damaged"):
        cache_video(frame_folder, **OPTIONS)
    assert list(cache_dir.iterdir()) == []


def test_stale_temporary_files_are_cleared(video_file, cache_dir):
    cache_dir.mkdir()
    stale, fresh = cache_dir / ".old-1.npy", cache_dir / ".new-1.npy"
    stale.write_bytes(b"x")
    fresh.write_bytes(b"x")
    long_ago = time.time() - 2 * 24 * 3600
    os.utime(stale, (long_ago, long_ago))
    (cache_dir / ".gone-1.npy").symlink_to(cache_dir / "gone")
    cache_video(video_file, **OPTIONS)
    assert not stale.exists()
    assert fresh.exists()


def test_missing_frames_are_counted(truncated_file, cache_dir, caplog):
    with caplog.at_level(logging.WARNING):
        cached = cache_video(truncated_file, **OPTIONS)
    assert cached.missing_frames == 12 - len(cached) > 0
    assert cache_video(truncated_file, **OPTIONS) == cached


def test_damaged_frames_are_told_each_time(damaged_file, cache_dir, caplog):
    with caplog.at_level(logging.WARNING):
        cached = cache_video(damaged_file, **OPTIONS)
        assert cached.damage == (2, 5)
        assert len(cached) == 12
        assert cache_video(damaged_file, **OPTIONS) == cached
    assert caplog.text.count("2 damaged frames") == 2


def test_order_names_and_progress(tmp_path, cache_dir):
    rng = np.random.default_rng(0)
    paths = []
    for i in [3, 1, 2]:
        frames = rng.integers(0, 255, (5 + i, 16, 16, 3), dtype=np.uint8)
        paths.append(write_video(tmp_path / f"{i}.avi", frames, fps=5))
    calls = []
    cached = cache_videos(
        paths,
        **OPTIONS,
        names=["a", "b", "c"],
        progress=lambda *call: calls.append(call),
    )
    assert [len(c) for c in cached] == [8, 6, 7]
    assert [c.name for c in cached] == ["a", "b", "c"]
    assert [c[:2] for c in calls] == [(1, 3), (2, 3), (3, 3)]
    assert {c[2] for c in calls} == {"a", "b", "c"}


def test_on_error(tmp_path, video_file, cache_dir, caplog):
    (tmp_path / "bad.avi").write_bytes(b"nothing")
    paths = [tmp_path / "bad.avi", video_file]
    with pytest.raises(VideoError, match=r"bad\.avi"):
        cache_videos(paths, **OPTIONS)
    with caplog.at_level(logging.WARNING):
        (cached,) = cache_videos(paths, **OPTIONS, on_error="warn")
    assert cached.path == video_file
    assert "bad.avi" in caplog.text
    with pytest.raises(VideoError, match="none of 1 videos"):
        cache_videos(paths[:1], **OPTIONS, on_error="warn")
    with pytest.raises(ValueError, match="on_error must be"):
        cache_videos(paths, **OPTIONS, on_error="ignore")
    with pytest.raises(ValueError, match="names must be"):
        cache_videos(paths, **OPTIONS, names=["x"])


def test_no_videos_is_no_error(cache_dir):
    assert cache_videos([], **OPTIONS) == []


def test_full_disk(video_file, cache_dir, monkeypatch):
    def full(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(frames_module, "_write_frames", full)
    with pytest.raises(DataError, match=r"cache: .*No space.*--cache-dir"):
        cache_video(video_file, **OPTIONS)
    assert list(cache_dir.iterdir()) == []


def test_full_disk_while_frames_are_computed_of(video_file, cache_dir):
    def full(frames):
        yield frames[0]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    video = cache_video(video_file, **OPTIONS)
    kept = sorted(cache_dir.iterdir())
    with pytest.raises(DataError, match=r"what was computed .*No space"):
        cache_derived(video, "mine", full)
    assert sorted(cache_dir.iterdir()) == kept


def test_a_cache_that_was_cleared_meanwhile(video_file, cache_dir):
    video = cache_video(video_file, **OPTIONS)
    video.file.unlink()
    with pytest.raises(DataError, match=r"of clip are gone .No such file"):
        _ = video.frames


def test_a_video_that_is_not_there(tmp_path, cache_dir):
    with pytest.raises(VideoError, match="no such file or folder"):
        cache_video(tmp_path / "absent.avi", **OPTIONS)


def test_ctrl_c_ends_the_decoding(tmp_path, frames, cache_dir, monkeypatch):
    paths = [
        write_video(tmp_path / f"{name}.avi", frames, fps=10)
        for name in ("short", "long")
    ]
    read = []

    def slow(path, **_):
        yield frames[0]
        while path.stem == "long" and len(read) < 5000:
            time.sleep(0.002)
            read.append(1)
            yield frames[0]

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(video_module, "read_frames", slow)
    with pytest.raises(KeyboardInterrupt):
        cache_videos(paths, **OPTIONS, progress=interrupt)
    assert len(read) < 5000
    assert len(list(cache_dir.glob("*.npy"))) == 1  # the short one


def test_too_little_space_is_seen_before_decoding(
    video_file, cache_dir, monkeypatch, no_decoding
):
    usage = frames_module.shutil.disk_usage(video_file)._replace(free=100)
    monkeypatch.setattr(frames_module.shutil, "disk_usage", lambda _: usage)
    no_decoding()
    with pytest.raises(DataError, match=r"GB are free.*--cache-dir"):
        cache_video(video_file, **OPTIONS)


def test_cache_dir_that_is_a_file(video_file, tmp_path):
    (tmp_path / "f").write_text("")
    with pytest.raises(DataError, match="--cache-dir"):
        cache_video(video_file, **OPTIONS, cache_dir=tmp_path / "f")


def test_threads_caching_one_video(video_file, cache_dir):
    results: list[CachedVideo] = []
    gate = threading.Barrier(4)

    def work():
        gate.wait()
        results.append(cache_video(video_file, **OPTIONS))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == results[:1] * 4
    assert sorted(p.suffix for p in cache_dir.iterdir()) == [".json", ".npy"]


def test_processes_caching_one_video(video_file, cache_dir):
    code = (
        "import sys; from keras_cdae.data.frames import cache_video;"
        "c = cache_video(sys.argv[1], image_size=(12, 16), channels=1);"
        "print(int(c.frames.sum(dtype='int64')))"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(video_file)],
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    sums = {process.communicate(timeout=60)[0] for process in processes}
    total = int(np.sum(list(read_frames(video_file, **OPTIONS)), dtype=int))
    assert sums == {f"{total}\n"}


def test_pickles_small(video_file, cache_dir):
    cached = cache_video(video_file, **OPTIONS)
    data = pickle.dumps(cached)
    assert len(data) < 1000
    np.testing.assert_array_equal(pickle.loads(data).frames, cached.frames)


def test_default_dir(monkeypatch, tmp_path):
    monkeypatch.delenv("KERAS_CDAE_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    tail = ("keras_cdae", "frames")
    assert default_cache_dir() == tmp_path.joinpath(".cache", *tail)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert default_cache_dir() == tmp_path.joinpath("x", *tail)
    monkeypatch.setenv("KERAS_CDAE_CACHE", str(tmp_path / "y"))
    assert default_cache_dir() == tmp_path / "y"


@pytest.mark.realdata
def test_ped2_cached(real_data, cache_dir):
    path = real_data / "ped2" / "testing" / "09.mp4"
    cached = cache_video(path, image_size=(32, 32), channels=1)
    assert cached.shape == (120, 32, 32, 1)
    assert cached.missing_frames == 0


def test_frames_open_without_parsing_a_header(tmp_path, frames, monkeypatch):
    """np.load parses headers by ast, which fails now and then in threads."""
    path = write_video(tmp_path / "v.avi", frames, fps=5)
    options = {"image_size": None, "channels": 3, "cache_dir": tmp_path / "c"}
    whole = np.load(cache_video(path, **options).file)

    def fail(*args, **kwargs):
        raise AssertionError("np.load")

    monkeypatch.setattr(np, "load", fail)
    video = cache_video(path, **options)
    with ThreadPoolExecutor(8) as pool:
        opened = list(pool.map(lambda _: video.frames, range(64)))
    assert all(np.array_equal(array, whole) for array in opened)
