import numpy as np
import pytest

from keras_cdae.data import as_roi, decode_roi, encode_roi, read_roi
from keras_cdae.data.images import prepare_frame, write_image
from keras_cdae.data.roi import require_view
from keras_cdae.errors import DataError, VideoError


@pytest.fixture
def corner():
    """All but a clock in the upper right corner."""
    roi = np.ones((24, 40), bool)
    roi[:6, 24:] = False
    return roi


def test_run_lengths_are_coco_s(corner):
    # 24 columns of 24 that count, then 16 of 6 outside and 18 inside.
    described = encode_roi(corner)
    assert described["size"] == [24, 40]
    assert described["counts"] == [0, 576] + [6, 18] * 16
    np.testing.assert_array_equal(decode_roi(described), corner)


def test_any_region_comes_back(rng):
    for share in (0.0, 0.01, 0.5, 0.99, 1.0):
        roi = rng.random((7, 5)) < share
        np.testing.assert_array_equal(decode_roi(encode_roi(roi)), roi)


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"size": [2, 2]},
        {"size": [2, 2], "counts": [1, 2]},
        {"size": [2, 2], "counts": [-1, 5]},
        {"size": [2, 2], "counts": "1 3"},
        {"size": 4, "counts": [4]},
        {"size": [2, 2], "counts": [[4]]},
        {"size": [2, 2], "counts": [0, 10**13]},
        {"size": [2, 2], "counts": [1.9, 2.1]},
        {"size": [-2, -2], "counts": [4]},
        {"size": [0, 5], "counts": []},
        {"size": "22", "counts": [4]},
    ],
)
def test_what_is_no_description(value):
    with pytest.raises(ValueError, match="run lengths as COCO's"):
        decode_roi(value)


def test_a_picture_of_any_size(corner, tmp_path):
    path = write_image(tmp_path / "roi.png", 255 * corner.astype("uint8"))
    np.testing.assert_array_equal(read_roi(path), corner)
    half = as_roi(read_roi(path), (12, 20))
    np.testing.assert_array_equal(half, corner[::2, ::2])


def test_colour_counts_by_its_brightness(tmp_path):
    picture = np.zeros((8, 8, 3), "uint8")
    picture[:4] = 255
    picture[4:, :4] = (255, 255, 0)
    roi = read_roi(write_image(tmp_path / "roi.png", picture))
    assert roi[:4].all()
    assert roi[4:, :4].all()
    assert not roi[4:, 4:].any()


def test_a_thin_line_outside_is_outside_at_any_size():
    roi = np.ones((1080, 1920), bool)
    roi[20:24, 40:440] = False
    small = as_roi(roi, (128, 128))
    assert not small[2, 3:29].any()
    assert small.mean() > 0.99


def test_no_pixel_has_a_part_of_what_is_outside(rng):
    roi = np.ones((108, 192), bool)
    roi[10:31, 7:101] = False
    frames = rng.integers(0, 256, (2, 108, 192, 3), "uint8")
    frames[1][roi] = frames[0][roi]
    inside = as_roi(roi, (32, 32))
    first, second = (
        prepare_frame(frame, image_size=(32, 32), channels=1)[..., 0]
        for frame in frames
    )
    np.testing.assert_array_equal(first[inside], second[inside])
    assert (first != second).any()


def test_everything_is_no_region():
    assert as_roi(None, (8, 8)) is None
    assert as_roi(np.ones((3, 3)), (8, 8)) is None


def test_what_cannot_be_a_region(tmp_path):
    black = write_image(tmp_path / "roi.png", np.zeros((8, 8), "uint8"))
    with pytest.raises(DataError, match=r"roi\.png: nothing in it is white"):
        read_roi(black)
    (tmp_path / "roi.txt").write_text("all of it")
    with pytest.raises(VideoError, match="damaged image"):
        read_roi(tmp_path / "roi.txt")
    with pytest.raises(ValueError, match="see `keras_cdae"):
        as_roi(np.ones((2, 2, 3)), (8, 8))
    speck = np.zeros((64, 64))
    speck[0, 0] = 1
    with pytest.raises(ValueError, match=r"counts at 8 x 8\. Received: 1 of 4"):
        as_roi(speck, (8, 8))


def test_a_region_of_another_view():
    roi = np.ones((240, 360), bool)
    require_view(roi, (240, 360), "a.mp4")
    require_view(roi, (480, 720), "a.mp4")
    message = r"has 360 x 240 pixels, and a\.mp4 240 x 360: that is another"
    with pytest.raises(DataError, match=message):
        require_view(roi, (360, 240), "a.mp4")
