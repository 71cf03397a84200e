"""What lies outside the region of interest has no part in anything."""

import keras
import numpy as np
import pytest

from keras_cdae.baselines import MODELS
from keras_cdae.baselines.trivial import (
    frame_difference_maps,
    frame_difference_scores,
)
from tests.conftest import to_numpy

CAMERA = {"image_size": (32, 32), "channels": 1}


@pytest.fixture
def roi():
    """All but the upper eight rows, where a clock runs, and a corner."""
    roi = np.ones((32, 32), bool)
    roi[:8] = False
    roi[8:10, :3] = False  # within locations that are partly inside
    return roi


@pytest.fixture
def with_clock(tiny_clips, roi, rng):
    noise = rng.random(tiny_clips.shape).astype("float32")
    return np.where(roi[..., None], tiny_clips, noise)


def test_nothing_outside_moves_a_score(make_model, tiny_clips, roi, with_clock):
    model = make_model(roi=roi)
    plain = make_model()
    model.set_weights(plain.get_weights())
    for name, values in model.score(tiny_clips).items():
        np.testing.assert_array_equal(
            values, model.score(with_clock)[name], err_msg=name
        )
    before, after = (plain.score(c)["error"] for c in (tiny_clips, with_clock))
    assert (after > 1.2 * before).all()  # it would have


def test_nothing_outside_is_on_the_map(make_model, tiny_clips, roi):
    found = make_model(roi=roi).score(tiny_clips)["map"]
    assert found.shape == (12, 4, 4)
    assert (found[:, 0] == 0).all()
    assert (found[:, 1:] > 0).all()


def test_bytes_and_floats_agree(make_model, tiny_clips, roi):
    model = make_model(roi=roi)
    clips = (255 * np.clip(tiny_clips, 0, 1)).astype("uint8")
    np.testing.assert_allclose(
        model.score(clips)["score"],
        model.score(clips / np.float32(255))["score"],
        rtol=1e-5,
    )


def test_training_does_not_see_it(make_model, tiny_clips, roi, with_clock):
    weights = []
    for clips in (tiny_clips, with_clock):
        model = make_model(roi=roi)
        model.fit(clips, epochs=3, batch_size=4, verbose=0)
        weights.append(model.get_weights())
    for first, second in zip(*weights, strict=True):
        np.testing.assert_array_equal(first, second)


def test_it_is_kept(make_model, tiny_clips, roi, tmp_path):
    model = make_model(roi=roi)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    other = model.with_score(score_terms=["motion_error"])
    for copy in (loaded, other):
        np.testing.assert_array_equal(copy.roi, roi)
    np.testing.assert_allclose(
        loaded.score(tiny_clips)["score"],
        model.score(tiny_clips)["score"],
        rtol=1e-6,
    )
    assert make_model().get_config()["roi"] is None


def test_colour_and_a_wide_picture(make_model, rng):
    roi = np.ones((16, 48), bool)
    roi[:, 40:] = False
    model = make_model(image_size=(16, 48), channels=3, roi=roi)
    clips = rng.random((2, 5, 16, 48, 3)).astype("float32")
    black = clips * roi[..., None]
    for name, values in model.score(clips).items():
        np.testing.assert_array_equal(values, model.score(black)[name])
    np.testing.assert_array_equal(to_numpy(model._inside(clips)), black)
    assert (model.score(clips)["map"][:, :, 5:] == 0).all()


def test_a_mean_is_over_what_counts(make_model, tiny_clips, roi):
    """A share of motion is the same, however small the region is."""
    model = make_model(roi=roi)
    maps = model.score_maps(tiny_clips)
    found = model.score(tiny_clips)
    for name in ("error", "motion_power", "appearance_distance"):
        inside = maps[name][:, 1:].mean(axis=(1, 2))
        np.testing.assert_allclose(found[name], inside, rtol=1e-5)
    terms = ("error", "appearance_distance", "motion_distance")
    logs = sum(np.log(found[name] + 1e-12) for name in terms)
    np.testing.assert_allclose(found["score"], logs, rtol=1e-5)


def test_what_differs_outside_alone_is_normal(
    make_model, tiny_clips, roi, with_clock
):
    model = make_model(roi=roi)
    inside = with_clock.copy()
    inside[0, 0, 20, 20] += 0.5
    for clips, expected in ((with_clock, 12), (inside, 11)):
        normal = to_numpy(model._normal(clips, tiny_clips))
        assert normal.sum() == expected


def test_flow_is_of_whole_frames(roi):
    with pytest.raises(ValueError, match="takes no roi"):
        MODELS["flow-cdae"].from_preset("nano", roi=roi, **CAMERA)


BASELINES = [name for name in MODELS if name not in ("cdae", "flow-cdae")]


@pytest.mark.parametrize("name", BASELINES)
def test_baselines_have_it_too(name, roi, tiny_clips, with_clock):
    model = MODELS[name].from_preset("nano", roi=roi, **CAMERA)
    found = model.score(tiny_clips)
    for term, values in model.score(with_clock).items():
        np.testing.assert_array_equal(values, found[term], term)
    assert (found["map"][:, 0] == 0).all()
    inside = found["map"][:, 1:].mean(axis=(1, 2))
    np.testing.assert_allclose(found["error"], inside, rtol=1e-5)
    assert model.get_config()["roi"]["size"] == [32, 32]


def test_the_plain_difference_counts_there_alone(roi, rng):
    frames = rng.integers(0, 256, (9, 32, 32, 1), "uint8")
    black = frames * roi[..., None]
    np.testing.assert_allclose(
        frame_difference_scores(frames, roi=roi), frame_difference_scores(black)
    )
    np.testing.assert_allclose(
        frame_difference_maps(frames, (4, 4), roi=roi),
        frame_difference_maps(black, (4, 4)),
    )
