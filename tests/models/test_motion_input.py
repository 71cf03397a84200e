"""What the motion encoder is given."""

import keras
import numpy as np
import pytest

from keras_cdae import CDAE
from keras_cdae.models.motion_input import motion_input


def seen(stack, frames=4):
    found = motion_input(
        keras.ops.convert_to_tensor(stack), frames, kind="changes"
    )
    return keras.ops.convert_to_numpy(found)


@pytest.mark.parametrize("channels", [1, 3])
def test_changes_are_amplified_about_a_faint_picture(channels):
    """Against NumPy, which keeps frames and channels apart."""
    stack = np.random.default_rng(0).random((2, 8, 16, 4 * channels), "float32")
    frames = stack.reshape(2, 8, 16, 4, channels)
    mean = frames.mean(axis=3, keepdims=True)
    wanted = 10.0 * (frames - mean) + 0.2 * (mean - 0.5)
    np.testing.assert_allclose(
        seen(stack), wanted.reshape(stack.shape), atol=1e-5
    )


def test_frames_are_left_as_they_are():
    stack = np.random.default_rng(0).random((2, 8, 8, 4), "float32")
    assert motion_input(stack, 4, kind="frames") is stack


def test_brightness_that_frames_share_hardly_counts():
    stack = np.random.default_rng(0).random((1, 8, 8, 4), "float32")
    np.testing.assert_allclose(seen(stack + 0.3), seen(stack) + 0.06, atol=1e-5)


def test_features_of_the_stem_do_not_hang_on_brightness():
    """As frames, noise about a grey leaves most always zero or always linear.

    That is what kept the motion decoder from learning for epochs.
    """
    noise = np.random.default_rng(0).normal(0.5, 0.02, (8, 5, 64, 64, 3))
    clips = noise.astype("float32")
    shares = {}
    for kind in ("frames", "changes"):
        keras.utils.set_random_seed(0)
        model = CDAE((64, 64), width=8, motion_input=kind)
        stack = model._motion_input(model._split(clips)[1])
        features = keras.ops.convert_to_numpy(model.motion_encoder.stem(stack))
        lives = (features > 0).mean(axis=(0, 1, 2))
        # Neither always nor never above zero, where the ReLU bends.
        shares[kind] = ((lives > 0.1) & (lives < 0.9)).mean()
    assert shares["changes"] == 1.0
    assert shares["frames"] < 0.5


@pytest.mark.parametrize("preset", ["edge", "nano"])
def test_small_presets_see_changes(preset):
    assert CDAE.from_preset(preset, (32, 32)).motion_input == "changes"


def test_the_paper_preset_sees_frames():
    assert CDAE.from_preset("paper", (32, 32)).motion_input == "frames"
