"""What every baseline must do, whatever its network."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_cdae
from keras_cdae.baselines import MODELS, BaselineModel, MemoryAutoencoder
from keras_cdae.runs import calibrate
from keras_cdae.scoring import score_frames

BASELINES = {n: m for n, m in MODELS.items() if issubclass(m, BaselineModel)}
OUTPUTS = {
    "conv2d-ae": {"output": (2, 32, 32, 5)},
    "memae": {"output": (2, 5, 32, 32, 1), "entropy": (2, 5, 4, 4)},
    "convlstm-ae": {"output": (2, 5, 32, 32, 1)},
    "frame-prediction": {"output": (2, 32, 32, 1)},
    "plain-cdae": {"appearance": (2, 32, 32, 1), "motion": (2, 32, 32, 4)},
}


@pytest.fixture(params=list(BASELINES))
def name(request):
    return request.param


@pytest.fixture
def model(name):
    keras.utils.set_random_seed(0)
    return BASELINES[name].from_preset("nano", (32, 32), 1)


@pytest.fixture
def frames(rng):
    """A video of a bar that moves over noise, (20, 32, 32, 1) uint8."""
    frames = rng.integers(0, 40, (20, 32, 32, 1), dtype=np.uint8)
    for index, frame in enumerate(frames):
        frame[:, index : index + 6] += 150
    return frames


@pytest.mark.backend
def test_it_learns_scores_and_comes_back_from_its_file(
    name, model, tiny_clips, frames, tmp_path
):
    outputs = model(tiny_clips[:2])
    assert {k: tuple(v.shape) for k, v in outputs.items()} == OUTPUTS[name]

    history = model.fit(tiny_clips, epochs=6, batch_size=4, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    assert history["loss"][-1] < 0.99 * history["loss"][0]
    assert history["loss"][0] > 0

    calibrate(model, [frames], source="a test")
    scores = score_frames(model, frames)
    assert scores.score.shape == (16,)
    assert np.ptp(scores.score) > 1e-4
    assert set(scores.terms) == {"error"}
    assert scores.peak_map.shape == (4, 4)
    assert scores.z is not None

    model.save(tmp_path / "model.keras")
    loaded = keras_cdae.load(tmp_path / "model.keras")
    assert type(loaded) is type(model)
    assert loaded.calibration == model.calibration
    for ours, theirs in zip(model.weights, loaded.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
        )
    again = loaded.score(tiny_clips[:2])
    for key, values in model.score(tiny_clips[:2]).items():
        np.testing.assert_allclose(again[key], values, rtol=1e-5, atol=1e-7)
    assert len(loaded.optimizer.variables) == len(model.optimizer.variables)


def test_the_score_is_the_log_of_the_error(model, tiny_clips):
    """By the definition: target and output, all frames and pixels."""
    clips = tiny_clips[:3]
    result = model.score(clips)
    error = keras.ops.convert_to_numpy(model.error(clips))
    np.testing.assert_allclose(
        result["error"], error.mean(axis=(1, 2, 3)), rtol=1e-4
    )
    np.testing.assert_allclose(
        result["score"], np.log(result["error"]), rtol=1e-4
    )
    squares = error.mean(axis=3).reshape(3, 4, 8, 4, 8)
    np.testing.assert_allclose(
        result["map"], squares.mean(axis=(2, 4)), rtol=1e-4
    )


@pytest.mark.parametrize(
    ("name", "before"), [("conv2d-ae", 0), ("frame-prediction", 4)]
)
def test_a_model_without_an_output_has_the_error_of_black(
    name, before, tiny_clips
):
    model = BASELINES[name].from_preset("nano", (32, 32), 1)
    for weight in model.weights[-2:]:  # of the last layer
        weight.assign(0.0 * weight)
    expected = np.square(tiny_clips[:2, before:]).mean(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(
        model.score(tiny_clips[:2])["error"], expected, rtol=1e-5
    )


def test_bytes_score_as_floats_do(model, tiny_clips):
    clips = (255 * tiny_clips[:2].clip(0, 1)).astype("uint8")
    floats = clips.astype("float32") / 255
    np.testing.assert_allclose(
        model.score(clips)["score"], model.score(floats)["score"], rtol=1e-5
    )


def test_all_that_was_said_is_in_the_configuration(name):
    model = BASELINES[name](
        (16, 24), 3, clip_length=3, width=4, learning_rate=0.01, beta_2=0.9
    )
    config = model.get_config()
    again = type(model).from_config(config)
    assert again.get_config() == config
    assert config["image_size"] == (16, 24)
    assert config["clip_length"] == 3
    assert [w.shape for w in again.weights] == [w.shape for w in model.weights]


def test_colour_and_any_size_score(name):
    model = BASELINES[name].from_preset("nano", (16, 24), 3)
    clips = np.zeros((1, 5, 16, 24, 3), "uint8")
    assert model.score(clips)["map"].shape == (1, 2, 3)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"width": 0}, "Received: width=0"),
        ({"learning_rate": 0}, "Received: learning_rate=0"),
        ({"image_size": (30, 32)}, "multiples of 8"),
        ({"clip_length": 1}, "Received: clip_length=1"),
        ({"channels": 0}, "Received: channels=0"),
    ],
)
def test_arguments_out_of_range(settings, words):
    with pytest.raises(ValueError, match=words):
        MemoryAutoencoder(**settings)


def test_an_unknown_preset(name):
    with pytest.raises(ValueError, match=r"expected one of .*edge, nano"):
        BASELINES[name].from_preset("huge")


def test_the_loss_belongs_to_the_method():
    model = MemoryAutoencoder.from_preset("nano", (16, 16), 1)
    with pytest.raises(ValueError, match="MemoryAutoencoder has its own loss"):
        model.compile(loss="mse")


def test_clips_of_another_size(model):
    with pytest.raises(ValueError, match="Expected clips of shape"):
        model.score(np.zeros((1, 5, 40, 32, 1), "uint8"))


def test_a_loss_that_is_not_finite_ends_the_training(tiny_clips):
    model = MemoryAutoencoder.from_preset("nano", (32, 32), 1)
    with pytest.raises(keras_cdae.errors.NonFiniteError, match="epoch 1"):
        model.fit(np.nan * tiny_clips, batch_size=4, verbose=0)


@pytest.mark.parametrize(
    ("name", "expected"),
    [("edge", 299.1), ("nano", 19.4)],
)
def test_baselines_are_about_as_large_as_cdae(name, expected):
    from keras_cdae.models.operations import count_operations

    for kind, model in MODELS.items():
        made = model.from_preset(name, channels=1)
        millions = count_operations(made) / 1e6
        assert millions == pytest.approx(expected, rel=0.15), kind


@pytest.mark.parametrize("name", MODELS)
def test_output_shapes_without_a_call(name):
    model = MODELS[name].from_preset("nano", image_size=(32, 32))
    clips = np.zeros((2, *model.clip_shape), "float32")
    called = {k: tuple(v.shape) for k, v in model(clips).items()}
    assert model.compute_output_shape(clips.shape) == called
    open_batch = model.compute_output_shape((None, *model.clip_shape))
    assert open_batch == {k: (None, *v[1:]) for k, v in called.items()}
    with pytest.raises(ValueError, match="Expected clips of shape"):
        model.compute_output_shape((None, 3, 32, 32, 1))


@pytest.mark.parametrize("name", ["cdae", "memae"])
def test_a_functional_model_around_it(name):
    model = MODELS[name].from_preset("nano", image_size=(32, 32))
    inputs = keras.Input(model.clip_shape)
    outputs = model(inputs)
    around = keras.Model(inputs, outputs)
    clips = np.random.default_rng(0).random((2, *model.clip_shape), np.float32)
    ours = model(clips)
    for key, value in around(clips).items():
        np.testing.assert_allclose(
            ops.convert_to_numpy(value),
            ops.convert_to_numpy(ours[key]),
            atol=1e-6,
        )
