"""Containers that are whole and yet unlike others, made by ffmpeg."""

import shutil
import subprocess

import pytest

from keras_cdae.data.video import read_frames, video_info
from keras_cdae.errors import VideoError

SOURCE = ("-f", "lavfi", "-i", "testsrc=size={}:rate=10", "-frames:v", "12")


@pytest.fixture
def ffmpeg(tmp_path):
    """Return a function that runs ffmpeg in a folder of its own."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("FFMPEG ABSENT: odd containers are not tried")

    def run(name, *arguments, size="64x48"):
        words = [word.format(size) for word in arguments]
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", *words, name],
            cwd=tmp_path,
            check=True,
        )
        return tmp_path / name

    return run


def read(path):
    """The frames, which have the size that the file is said to have."""
    info, frames = video_info(path), list(read_frames(path))
    assert {f.shape for f in frames} == {(info.height, info.width, 3)}
    return info, frames


def test_rotation_is_applied(ffmpeg):
    plain = ffmpeg("a.mp4", *SOURCE, "-pix_fmt", "yuv420p")
    turned = ffmpeg(
        "b.mp4", "-i", plain.name, "-c", "copy", "-metadata:s:v:0", "rotate=90"
    )
    info, frames = read(turned)
    if (info.height, info.width) == (48, 64):
        pytest.skip("this ffmpeg writes no rotation")
    assert (info.height, info.width) == (64, 48)
    assert len(frames) == 12


def test_variable_rate(ffmpeg):
    info, frames = read(
        ffmpeg(
            "a.mp4", *SOURCE, "-vf", "setpts='(N+mod(N,3))/10/TB'",
            "-vsync", "vfr",
        )
    )  # fmt: skip
    assert len(frames) == 12  # every frame once, whatever its time
    assert 0 < info.fps < 10  # the mean


@pytest.mark.parametrize("pixels", ["gray16le", "bgra"])
def test_deep_and_transparent_video(ffmpeg, pixels):
    _, frames = read(
        ffmpeg("a.mkv", *SOURCE, "-pix_fmt", pixels, "-c:v", "ffv1")
    )
    assert len(frames) == 12


def test_size_changes_midway(ffmpeg, tmp_path):
    """The decoder brings later frames to the size of the first."""
    parts = [
        ffmpeg(f"{size}.ts", *SOURCE, "-pix_fmt", "yuv420p", size=size)
        for size in ("64x48", "96x64")
    ]
    path = tmp_path / "both.mpg"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    _, frames = read(path)
    assert len(frames) > 12


def test_a_wrong_ending(ffmpeg):
    path = ffmpeg("a.mp4", *SOURCE, "-pix_fmt", "yuv420p")
    info, frames = read(path.rename(path.with_suffix(".avi")))
    assert (info.frames, len(frames)) == (12, 12)


def test_no_frame(ffmpeg):
    path = ffmpeg("a.mp4", *SOURCE, "-pix_fmt", "yuv420p", "-t", "0.0001")
    path.write_bytes(path.read_bytes()[:64])
    with pytest.raises(VideoError, match=r"a\.mp4: cannot be opened"):
        list(read_frames(path))
