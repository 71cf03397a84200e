import logging
import os
import struct
import subprocess
import sys
import zlib

import cv2
import numpy as np
import pytest

from keras_cdae.data.finding import find_videos, is_video
from keras_cdae.data.images import (
    encode_image,
    prepare_frame,
    read_image,
    write_image,
)
from keras_cdae.data.video import read_frames, video_info, write_video
from keras_cdae.errors import DataError, VideoError


class Captures:
    """Stands in for cv2.VideoCapture and counts what is released."""

    def __init__(self, monkeypatch):
        self.opened = self.released = 0
        real = cv2.VideoCapture

        def open_capture(*args):
            self.opened += 1
            capture = real(*args)
            outer = self

            class Counted:
                def __getattr__(self, name):
                    return getattr(capture, name)

                def release(self):
                    outer.released += 1
                    capture.release()

            return Counted()

        monkeypatch.setattr(cv2, "VideoCapture", open_capture)


@pytest.fixture
def captures(monkeypatch):
    return Captures(monkeypatch)


def test_folder_round_trip_is_exact_and_in_natural_order(frame_folder, frames):
    read = np.stack(list(read_frames(frame_folder)))
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, frames)


def test_zero_based_names_are_read_alike(tmp_path, frames):
    for i, frame in enumerate(frames):
        write_image(tmp_path / "v" / f"{i:03}.tif", frame)
    np.testing.assert_array_equal(list(read_frames(tmp_path / "v")), frames)


@pytest.mark.parametrize("suffix", [".avi", ".mp4"])
def test_file_round_trip(tmp_path, frames, suffix):
    path = write_video(tmp_path / f"v{suffix}", frames, fps=10)
    read = np.stack(list(read_frames(path)))
    assert read.shape == frames.shape
    assert np.abs(read.astype(int) - frames).mean() < 6


def test_rgb_order_survives_the_file(tmp_path):
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    path = write_video(tmp_path / "v.avi", [red] * 3, fps=10)
    mean = next(read_frames(path)).reshape(-1, 3).mean(0)
    assert mean[0] > 150
    assert mean[1] < 60
    assert mean[2] < 60


def test_one_channel_is_opencv_luma(video_file):
    capture = cv2.VideoCapture(str(video_file))
    _, bgr = capture.read()
    capture.release()
    (first, *_) = read_frames(video_file, channels=1)
    assert first.shape == (24, 32, 1)
    expected = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    np.testing.assert_array_equal(first[..., 0], expected)


@pytest.mark.parametrize("source", ["video_file", "frame_folder"])
@pytest.mark.parametrize(
    ("start", "stop", "stride"),
    [(0, None, 3), (4, 9, 1), (5, 100, 2), (3, 3, 1), (40, None, 1)],
)
def test_start_stop_stride_are_slices(request, source, start, stop, stride):
    path = request.getfixturevalue(source)
    whole = list(read_frames(path))
    part = list(read_frames(path, start=start, stop=stop, stride=stride))
    expected = whole[start:stop:stride]
    assert len(part) == len(expected)
    for a, b in zip(part, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_capture_is_released_at_the_end(video_file, captures):
    assert len(list(read_frames(video_file))) == 12
    assert (captures.opened, captures.released) == (1, 1)


def test_capture_is_released_when_the_consumer_stops_early(
    video_file, captures
):
    frames = read_frames(video_file)
    next(frames)
    assert captures.released == 0
    frames.close()
    assert captures.released == 1


def test_capture_is_released_when_dropped(video_file, captures):
    for _ in read_frames(video_file):
        break
    assert captures.released == captures.opened == 1


def test_info_of_file_and_folder(video_file, frame_folder):
    info = video_info(video_file)
    assert (info.frames, info.height, info.width) == (12, 24, 32)
    assert info.fps == pytest.approx(12.5)
    info = video_info(frame_folder)
    assert (info.frames, info.height, info.width) == (12, 24, 32)
    assert info.fps is None


def test_find_videos(tmp_path, frames):
    for name in ["10.avi", "2.avi"]:
        write_video(tmp_path / name, frames, fps=5)
    write_image(tmp_path / "3" / "1.png", frames[0])
    write_image(tmp_path / "3_gt" / "1.png", frames[0])
    write_image(tmp_path / "cover.png", frames[0])
    (tmp_path / "._2.avi").write_bytes(b"\0")
    (tmp_path / "notes.txt").write_text("x")
    names = [p.name for p in find_videos(tmp_path)]
    assert names == ["2.avi", "3", "10.avi"]
    assert find_videos(tmp_path / "2.avi") == [tmp_path / "2.avi"]
    assert find_videos(tmp_path / "3") == [tmp_path / "3"]
    assert is_video(tmp_path / "3")
    assert not is_video(tmp_path)
    assert not is_video(tmp_path / "notes.txt")
    with pytest.raises(VideoError, match=r"notes\.txt: not a video\. Give"):
        find_videos(tmp_path / "notes.txt")


def test_mac_twins_are_no_frames(frame_folder):
    (frame_folder / "._1.png").write_bytes(b"\0\5\x16\7")
    assert len(list(read_frames(frame_folder))) == 12


def test_resize_by_area_and_linear():
    rng = np.random.default_rng(0)
    frame = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
    rgb = frame[..., ::-1]
    small = prepare_frame(frame, image_size=(4, 4), channels=3)
    means = rgb.reshape(4, 2, 4, 2, 3).mean((1, 3))
    assert np.abs(small - means).max() <= 0.5
    large = prepare_frame(frame, image_size=(16, 12), channels=3)
    linear = cv2.resize(rgb, (12, 16), interpolation=cv2.INTER_LINEAR)
    np.testing.assert_array_equal(large, linear)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shape", [(6, 8), (6, 8, 1), (6, 8, 3)])
def test_prepare_frame_shapes(shape, channels):
    frame = np.full(shape, 77, np.uint8)
    out = prepare_frame(frame, image_size=(3, 5), channels=channels)
    assert out.shape == (3, 5, channels)
    assert (out == 77).all()
    assert out.flags.c_contiguous


def test_reading_uses_prepare_frame(video_file):
    capture = cv2.VideoCapture(str(video_file))
    _, bgr = capture.read()
    capture.release()
    got = next(read_frames(video_file, image_size=(10, 14), channels=1))
    expected = prepare_frame(bgr, image_size=(10, 14), channels=1)
    np.testing.assert_array_equal(got, expected)


def test_even_sides_are_made_for_odd_frames(tmp_path):
    frames = [np.full((15, 17), 90, np.uint8)] * 2
    info = video_info(write_video(tmp_path / "v.mp4", frames, fps=5))
    assert (info.height, info.width) == (16, 18)


def test_image_round_trip(tmp_path):
    rng = np.random.default_rng(0)
    colour = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    for name in ["a.png", "b.tif"]:
        path = write_image(tmp_path / name, colour)
        np.testing.assert_array_equal(read_image(path), colour)
        write_image(path, colour[..., :1])
        np.testing.assert_array_equal(read_image(path), colour[..., 0])


# Bad input


def _png(path, array):
    path.parent.mkdir(exist_ok=True)
    assert cv2.imwrite(str(path), array)
    return path


def test_missing_path_is_refused_at_once(tmp_path):
    for call in [read_frames, video_info, find_videos]:
        with pytest.raises(VideoError, match=r"gone\.avi: no such file"):
            call(tmp_path / "gone.avi")


def test_empty_file(tmp_path):
    (tmp_path / "z.mp4").write_bytes(b"")
    with pytest.raises(VideoError, match=r"z\.mp4: the file is empty"):
        next(read_frames(tmp_path / "z.mp4"))


def test_file_that_is_no_video(tmp_path, capfd):
    (tmp_path / "bad.mp4").write_bytes(b"not a video" * 99)
    with pytest.raises(VideoError, match=r"bad\.mp4: cannot be opened"):
        next(read_frames(tmp_path / "bad.mp4"))
    assert capfd.readouterr().err == ""


def test_truncated_mp4_has_no_index(tmp_path, frames):
    path = write_video(tmp_path / "v.mp4", frames, fps=5)
    path.write_bytes(path.read_bytes()[:-900])
    with pytest.raises(VideoError, match=r"v\.mp4: cannot be opened"):
        next(read_frames(path))


def test_truncated_avi_warns_and_ends(truncated_file, caplog):
    with caplog.at_level(logging.WARNING):
        count = len(list(read_frames(truncated_file)))
    assert 0 < count < 11
    assert f"claims 12 frames, {count} can be decoded" in caplog.text
    caplog.clear()
    list(read_frames(truncated_file, stop=3))
    assert not caplog.records


def test_damaged_frames_are_stood_for_by_the_one_before(
    video_file, damaged_file, caplog
):
    whole = list(read_frames(video_file))
    told = []
    with caplog.at_level(logging.WARNING):
        found = list(
            read_frames(damaged_file, on_damage=lambda *d: told.append(d))
        )
    numbers = [0, 1, 2, 3, 4, 4, 4, 7, 8, 9, 10, 11]
    for number, frame in zip(numbers, found, strict=True):
        np.testing.assert_array_equal(frame, whole[number])
    assert told == [(2, 5)]
    assert "2 damaged frames, the first is number 5" in caplog.text


@pytest.mark.parametrize(
    ("part", "numbers"),
    [
        ({"start": 5}, [7, 7, 7, 8, 9, 10, 11]),  # nothing is before it
        ({"stop": 6}, [0, 1, 2, 3, 4, 4]),
        ({"start": 1, "stride": 5}, [1, 1, 11]),
        ({"stride": 2}, [0, 2, 4, 4, 8, 10]),
        ({"start": 8}, [8, 9, 10, 11]),
    ],
)
def test_parts_of_a_damaged_video_have_the_right_frames(
    video_file, damaged_file, part, numbers
):
    whole = list(read_frames(video_file))
    found = list(read_frames(damaged_file, **part))
    for number, frame in zip(numbers, found, strict=True):
        np.testing.assert_array_equal(frame, whole[number])


def test_header_without_frames(tmp_path, frames):
    path = write_video(tmp_path / "v.avi", frames, fps=5)
    data = path.read_bytes()
    path.write_bytes(data[: data.index(b"movi") + 4])
    with pytest.raises(VideoError, match=r"v\.avi: (not one|cannot be)"):
        next(read_frames(path))


def test_folder_without_images(tmp_path):
    with pytest.raises(VideoError, match="no images in this folder"):
        next(read_frames(tmp_path))
    with pytest.raises(DataError, match="no video and no frames in it"):
        find_videos(tmp_path)


def test_sixteen_bit_is_refused(tmp_path):
    _png(tmp_path / "v" / "1.png", np.zeros((8, 8), np.uint16))
    with pytest.raises(VideoError, match=r"1\.png: 16-bit .*Convert.* 8 bit"):
        next(read_frames(tmp_path / "v"))


def test_alpha_is_refused(tmp_path):
    _png(tmp_path / "v" / "1.png", np.zeros((8, 8, 4), np.uint8))
    with pytest.raises(VideoError, match=r"1\.png: image with an alpha"):
        next(read_frames(tmp_path / "v"))


def test_float_tiff_is_refused(tmp_path):
    _png(tmp_path / "v" / "1.tif", np.zeros((8, 8), np.float32))
    with pytest.raises(VideoError, match=r"1\.tif: 32-bit image \(float32\)"):
        next(read_frames(tmp_path / "v"))


def test_change_of_size_is_refused(frame_folder):
    _png(frame_folder / "7.png", np.zeros((9, 9, 3), np.uint8))
    for size in [None, (8, 8)]:
        frames = read_frames(frame_folder, image_size=size)
        with pytest.raises(
            VideoError, match=r"7\.png has 9 x 9 .*before it 24 x 32"
        ):
            list(frames)


@pytest.mark.parametrize(("content", "word"), [(b"", "empty"), (b"x", "dam")])
def test_damaged_image(frame_folder, content, word):
    (frame_folder / "7.png").write_bytes(content)
    with pytest.raises(VideoError, match=rf"7\.png: {word}"):
        list(read_frames(frame_folder))


def test_an_image_that_is_not_there(tmp_path):
    with pytest.raises(VideoError, match=r"1\.png: cannot be read .No such"):
        read_image(tmp_path / "1.png")


def test_an_image_whose_header_claims_gigabytes(frame_folder):
    content = bytearray((frame_folder / "7.png").read_bytes())
    content[16:24] = struct.pack(">II", 50_000, 50_000)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    (frame_folder / "7.png").write_bytes(content)
    with pytest.raises(VideoError, match=r"7\.png: damaged image"):
        list(read_frames(frame_folder))


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (np.zeros((4, 4, 3)), "64-bit image"),
        (np.zeros((4, 4, 2), np.uint8), "2 channels"),
        (np.zeros((4,), np.uint8), "not an image"),
        (np.zeros((0, 4), np.uint8), "not an image"),
    ],
)
def test_prepare_frame_refuses(frame, message):
    with pytest.raises(VideoError, match=f"frame: .*{message}"):
        prepare_frame(frame, image_size=None, channels=3)


def test_arguments_are_checked_before_reading(video_file):
    with pytest.raises(ValueError, match="channels must be 1"):
        read_frames(video_file, channels=2)
    with pytest.raises(ValueError, match="image_size must be"):
        read_frames(video_file, image_size=(0, 4))
    with pytest.raises(ValueError, match="stride >= 1"):
        read_frames(video_file, stride=0)


def test_writing_refuses_and_leaves_nothing(tmp_path, frames):
    with pytest.raises(ValueError, match=r"\.mp4 or \.avi"):
        write_video(tmp_path / "v.gif", frames, fps=5)
    with pytest.raises(ValueError, match="no frame"):
        write_video(tmp_path / "v.avi", [], fps=5)
    with pytest.raises(VideoError, match="one size"):
        write_video(tmp_path / "v.avi", [frames[0], frames[0][:8]], fps=5)
    with pytest.raises(ValueError, match="suffix"):
        write_image(tmp_path / "v.xyz", frames[0])
    with pytest.raises(VideoError, match="64-bit"):
        write_image(tmp_path / "v.png", frames[0] / 255.0)
    with pytest.raises(DataError, match=r"cannot encode this image as \.webp"):
        write_image(tmp_path / "v.webp", np.zeros((1, 20_000), np.uint8))
    with pytest.raises(DataError, match=r"v\.mp4: OpenCV cannot write this"):
        write_video(tmp_path / "v.mp4", frames, fps=1e9)
    assert list(tmp_path.iterdir()) == []


def test_module_needs_neither_keras_nor_tensorflow():
    code = (
        "import sys, keras_cdae.data.video;"
        "print([m for m in ('keras', 'tensorflow', 'torch', 'jax')"
        " if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_chatter_is_silenced_by_default():
    assert "OPENCV_FFMPEG_LOGLEVEL" in os.environ


@pytest.mark.realdata
def test_ped2_packed(real_data):
    path = real_data / "ped2" / "training" / "01.mp4"
    info = video_info(path)
    assert (info.frames, info.height, info.width) == (120, 240, 360)
    frames = np.stack(list(read_frames(path, channels=1)))
    assert frames.shape == (120, 240, 360, 1)
    assert frames.std() > 20
    counts = [
        sum(1 for _ in read_frames(p, channels=1, image_size=(8, 8)))
        for p in find_videos(real_data / "ped2" / "testing")
    ]
    assert (
        counts
        == [180, 180, 150, 180, 150, 180] + [180, 180, 120, 150] + [180] * 2
    )


@pytest.mark.realdata
def test_avenue_avi(real_data):
    (path,) = real_data.glob("avenue/**/testing_videos/21.avi")
    frames = np.stack(list(read_frames(path, image_size=(36, 64))))
    assert frames.shape == (76, 36, 64, 3)
    # A warm scene: a swap of red and blue would show.
    assert frames[..., 0].mean() != pytest.approx(frames[..., 2].mean(), abs=1)


def test_an_image_as_bytes(tmp_path):
    image = np.arange(48, dtype=np.uint8).reshape(4, 4, 3)
    data = encode_image(image, suffix=".png")
    path = tmp_path / "1.png"
    path.write_bytes(data)
    assert np.array_equal(read_image(path), image)
    assert encode_image(image).startswith(b"\xff\xd8")
    with pytest.raises(VideoError, match="image: 16-bit"):
        encode_image(image.astype(np.uint16))
