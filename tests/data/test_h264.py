"""Video for browsers: written whole, or not at all."""

import sys

import numpy as np
import pytest

from keras_cdae.data import H264Writer, read_frames, video_info
from keras_cdae.errors import MissingDependencyError, VideoError


@pytest.fixture
def frames():
    """Ten grey frames that grow lighter, with odd sides."""
    return [np.full((31, 41), 20 * i, np.uint8) for i in range(10)]


def test_what_is_written_can_be_read(frames, tmp_path):
    path = tmp_path / "a.mp4"
    with H264Writer(path, fps=12.5) as writer:
        for frame in frames:
            writer.write(frame)
    info = video_info(path)
    assert (info.frames, info.height, info.width) == (10, 32, 42)
    assert info.fps == pytest.approx(12.5)
    read = np.stack(list(read_frames(path, channels=1)))
    assert read.shape == (10, 32, 42, 1)
    means = read.mean((1, 2, 3))
    np.testing.assert_allclose(means, [20 * i for i in range(10)], atol=4)
    assert [p.name for p in tmp_path.iterdir()] == ["a.mp4"]


def test_colours_stay(tmp_path):
    path = tmp_path / "a.mp4"
    red = np.zeros((32, 32, 3), np.uint8)
    red[..., 0] = 200
    with H264Writer(path, fps=10) as writer:
        writer.write(red)
        writer.write(red)
    frame = next(read_frames(path))
    np.testing.assert_allclose(frame[16, 16], [200, 0, 0], atol=12)


def test_grey_frames_with_an_axis_of_channels(frames, tmp_path):
    write_all(tmp_path / "a.mp4", [frame[..., np.newaxis] for frame in frames])
    write_all(tmp_path / "b.mp4", frames)
    first, second = (tmp_path / name for name in ("a.mp4", "b.mp4"))
    assert first.read_bytes() == second.read_bytes()


def write_all(path, frames):
    with H264Writer(path, fps=10) as writer:
        for frame in frames:
            writer.write(frame)


def test_nothing_is_left_of_a_failure(frames, tmp_path):
    def camera():
        yield frames[0]
        raise RuntimeError("camera")

    with pytest.raises(RuntimeError, match="camera"):
        write_all(tmp_path / "a.mp4", camera())
    assert not list(tmp_path.iterdir())


def test_no_frame_is_no_video(tmp_path):
    with (
        pytest.raises(ValueError, match="got no frame"),
        H264Writer(tmp_path / "a.mp4", fps=10),
    ):
        pass
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((16, 16), np.uint8), "follows frames of"),
        (np.zeros((31, 41), np.float32), "must be uint8"),
        (np.zeros((31, 41, 4), np.uint8), "must be uint8"),
    ],
)
def test_frames_that_do_not_fit(frames, tmp_path, frame, message):
    with pytest.raises(VideoError, match=message):
        write_all(tmp_path / "a.mp4", [frames[0], frame])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("name", "fps"), [("a.avi", 10), ("a.mp4", 0)])
def test_arguments_that_cannot_be(tmp_path, name, fps):
    with pytest.raises(ValueError, match=r"expects a \.mp4 path"):
        H264Writer(tmp_path / name, fps=fps)


def test_without_pyav_the_extra_is_named(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    with pytest.raises(MissingDependencyError, match=r"keras-cdae\[video\]"):
        H264Writer(tmp_path / "a.mp4", fps=10)
