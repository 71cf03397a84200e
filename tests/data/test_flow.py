"""Optical flow: which way things move, stored as two more channels."""

import builtins

import cv2
import numpy as np
import pytest

from keras_cdae.data.flow import (
    FLOWS,
    cache_flow,
    encode_flow,
    flow_field,
    with_flow,
)
from keras_cdae.data.frames import CachedVideo, cache_video
from keras_cdae.errors import MissingDependencyError


@pytest.fixture
def texture(rng):
    """A smooth random picture, (64, 64) uint8."""
    noise = rng.random((64, 64)).astype("float32")
    smooth = cv2.GaussianBlur(noise, (0, 0), 2)
    return cv2.normalize(smooth, None, 0, 255, cv2.NORM_MINMAX).astype("uint8")


@pytest.mark.parametrize("method", FLOWS)
def test_it_says_how_far_to_the_right_and_down(texture, method):
    moved = np.roll(texture, (1, 2), axis=(0, 1))  # one down, two right
    field = flow_field(texture, moved, method)
    assert (field.shape, field.dtype) == ((64, 64, 2), np.float32)
    inside = field[16:-16, 16:-16].mean(axis=(0, 1))
    np.testing.assert_allclose(inside, (2.0, 1.0), atol=0.25)


def test_an_unknown_method():
    with pytest.raises(ValueError, match="expected one of dis, tvl1"):
        flow_field(np.zeros((32, 32)), np.zeros((32, 32)), "flownet")


def test_it_is_stored_in_steps_of_the_picture_s_side():
    field = np.zeros((64, 128, 2), np.float32)
    field[0, 0] = (2.0, 1.0)  # as far as is told: 1/64 of each side
    field[0, 1] = (-9.0, -0.5)
    found = encode_flow(field)
    assert found.dtype == np.uint8
    assert found[0, 0].tolist() == [255, 255]
    assert found[0, 1].tolist() == [1, 64]
    assert found[1, 1].tolist() == [128, 128]


@pytest.mark.parametrize("channels", [1, 3])
def test_each_frame_has_the_flow_that_leads_to_it(texture, channels):
    frames = [np.roll(texture, shift, axis=1) for shift in (0, 0, 1)]
    video = np.repeat(np.stack(frames)[..., None], channels, axis=-1)
    found = np.stack(list(with_flow(video)))
    assert found.shape == (3, 64, 64, channels + 2)
    np.testing.assert_array_equal(found[..., :channels], video)
    right = found[:, 16:-16, 16:-16, channels].mean(axis=(1, 2))
    np.testing.assert_allclose(right, (128, 128, 255), atol=4)


def test_frames_of_floats_are_refused():
    with pytest.raises(ValueError, match="needs uint8 frames"):
        next(with_flow(np.zeros((1, 32, 32, 1), "float32")))


@pytest.fixture
def decoded(texture, tmp_path):
    folder = tmp_path / "walk"
    folder.mkdir()
    for number in range(3):
        picture = np.roll(texture, number, axis=1)
        assert cv2.imwrite(str(folder / f"{number}.png"), picture)
    return cache_video(
        folder, image_size=(32, 32), channels=1, cache_dir=tmp_path / "cache"
    )


def test_it_is_computed_once(decoded, monkeypatch):
    first = cache_flow(decoded)
    assert isinstance(first, CachedVideo)
    assert (first.name, first.shape) == ("walk", (3, 32, 32, 3))
    np.testing.assert_array_equal(
        first.frames, np.stack(list(with_flow(decoded.frames)))
    )
    monkeypatch.setattr("keras_cdae.data.flow.flow_field", None)
    assert cache_flow(decoded) == first


def test_scikit_image_is_named_where_it_is_missing(decoded, monkeypatch):
    real = builtins.__import__

    def without(name, *arguments, **options):
        if name.startswith("skimage"):
            raise ImportError(name)
        return real(name, *arguments, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingDependencyError, match=r"keras-cdae\[flow\]"):
        cache_flow(decoded, "tvl1")
