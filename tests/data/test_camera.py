import cv2
import numpy as np
import pytest

from keras_cdae.data.address import Address, source_name
from keras_cdae.data.camera import Camera, pack_frame, unpack_frame
from keras_cdae.data.video import write_video
from keras_cdae.errors import DataError, VideoError


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("0", "0"),
        ("rtsp://cam/stream", "rtsp://cam/stream"),
        ("rtsp://admin:se@cret@cam:554/s", "rtsp://***@cam:554/s"),
        ("http://cam/v?user=a&pwd=secret\n", "http://cam/v?***"),
        ("a\x1b[31m\nb", "a?[31m?b"),
        (b"caf\xe9".decode(errors="surrogateescape"), "caf?"),
    ],
)
def test_a_name_shows_no_secret_and_moves_no_cursor(source, name):
    assert source_name(source) == name


def test_addresses(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Address.parse("0") == Address(0, "0", "camera")
    name = "/dev/video12"
    assert Address.parse(name) == Address(12, name, "camera")
    address = Address.parse("rtsp://a:b@cam/1")
    assert address == Address("rtsp://a:b@cam/1", "rtsp://***@cam/1", "stream")
    for name in ("concat:a;rm -rf x", "-i", "$(id).mp4", "007 bond.mp4"):
        (tmp_path / name).write_bytes(b"video")
        expected = Address(str(tmp_path / name), name, "file")
        assert Address.parse(name) == expected


@pytest.mark.parametrize("source", ["absent.mp4", "", "concat:a|b", "-1"])
def test_a_file_that_is_not_there(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(VideoError, match="no such file"):
        Address.parse(source)


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (".", ": a folder, which has no pace"),
        ("/dev/null", "/dev/null: not a camera"),
        ("9" * 20, "no camera has such a number"),
        ("empty.mp4", "empty.mp4: the file is empty"),
    ],
)
def test_what_cannot_be_watched(source, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty.mp4").touch()
    with pytest.raises(VideoError, match=words):
        Address.parse(source)


@pytest.mark.parametrize("source", ["file:///etc/passwd", "concat://a", "x://"])
def test_an_address_of_another_kind(source):
    with pytest.raises(VideoError, match="not an address that can be watched"):
        Address.parse(source)


def test_a_camera_reads_a_file_to_its_end(tmp_path):
    frames = np.full((5, 16, 24), 90, "uint8")
    path = write_video(tmp_path / "a.avi", frames, fps=12)
    with Camera(path) as camera:
        assert camera.fps == 12
        assert camera.skip()
        read = [camera.read() for _ in range(5)]
    assert [frame is None for frame in read] == [False] * 4 + [True]
    assert read[0].shape == (16, 24, 3)


def test_a_camera_goes_on_after_damaged_frames_of_a_file(damaged_file, caplog):
    with Camera(damaged_file) as camera:
        frames = [camera.read() for _ in range(11)]
    assert [frame is None for frame in frames] == [False] * 10 + [True]
    assert "2 damaged frames, the first is number 5; left out" in caplog.text


def test_a_stream_that_is_not_there_is_named_without_its_password(free_port):
    address = f"rtsp://admin:secret@127.0.0.1:{free_port}/x"
    with pytest.raises(VideoError, match=r"\*\*\*@127") as caught:
        Camera(address)
    assert "secret" not in str(caught.value)


def test_a_camera_that_is_not_connected():
    with pytest.raises(VideoError, match="camera 99: cannot be opened"):
        Camera(99)


def test_a_read_that_took_its_whole_time_is_the_end(monkeypatch):
    """FFmpeg gives a frame that it still held after each time-out."""

    class Stalled:
        def isOpened(self):
            return True

        def grab(self):
            import time

            time.sleep(0.06)
            return True

        def get(self, what):
            return 90_000.0

        def release(self):
            pass

    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Stalled())
    with Camera("rtsp://cam/", read_timeout=0.05) as camera:
        assert camera.read() is None
        assert camera.fps is None  # 90000 is a clock rate


def test_packed_frames():
    frame = np.zeros((60, 80, 3), "uint8")
    frame[..., 2] = 200  # red, as OpenCV has it
    packed = pack_frame(frame, max_side=100)
    assert len(packed) < 3000
    seen = unpack_frame(packed)
    assert seen.shape == (60, 80, 3)
    np.testing.assert_allclose(seen[30, 40], [200, 0, 0], atol=6)
    assert unpack_frame(pack_frame(frame, max_side=40)).shape == (30, 40, 3)
    with pytest.raises(DataError, match="cannot decode"):
        unpack_frame(b"not a picture")
    with pytest.raises(DataError, match="cannot encode"):
        pack_frame(np.zeros((1, 70_000), "uint8"), max_side=70_000)
