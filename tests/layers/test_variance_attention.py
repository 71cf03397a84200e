import keras
import numpy as np
import pytest
import reference
from conftest import to_numpy
from keras import ops

from keras_cdae.layers import VarianceAttention

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("deviation", ["squared", "absolute"])
@pytest.mark.parametrize(("dim", "pool"), [(None, 1), (6, 1), (3, 2)])
def test_equals_the_oracle(rng, deviation, dim, pool):
    x = rng.normal(size=(2, 6, 8, 5)).astype("float32")
    layer = VarianceAttention(dim, pool, deviation)
    output = layer(x)
    kernel = to_numpy(layer.embedding.kernel)[0, 0]
    options = {"deviation": deviation, "pool_size": pool}
    np.testing.assert_allclose(
        to_numpy(layer.attention_map(x)),
        reference.variance_attention(x, kernel, **options),
        atol=1e-5,
    )
    np.testing.assert_allclose(
        to_numpy(output), reference.attend(x, kernel, **options), atol=1e-5
    )


@pytest.mark.parametrize("pool", [1, 2])
def test_the_border_can_be_left_out(rng, pool):
    x = rng.normal(size=(2, 12, 16, 5)).astype("float32")
    x[:, :pool] *= 3  # what padding does
    inner = slice(2 * pool, -2 * pool)
    layer = VarianceAttention(pool_size=pool, border=2)
    found = to_numpy(layer.attention_map(x))
    inside = VarianceAttention(pool_size=pool)
    inside.build((2, 8, 8, 5))
    inside.set_weights(layer.get_weights())
    expected = to_numpy(inside.attention_map(x[:, inner, inner]))
    mirrored = np.pad(
        expected, ((0, 0), (2, 2), (2, 2), (0, 0)), mode="symmetric"
    )
    norm = np.sqrt(np.square(mirrored).sum((1, 2, 3), keepdims=True))
    np.testing.assert_allclose(found, mirrored / norm, atol=1e-5)


def test_layers_from_before_there_was_a_border_are_as_they_were():
    config = VarianceAttention().get_config()
    assert config.pop("border") == 0
    assert VarianceAttention.from_config(config).border == 0


def test_a_border_that_does_not_fit():
    with pytest.raises(ValueError, match="at least three times border=2"):
        VarianceAttention(border=2)(ops.zeros((1, 5, 8, 3)))


def test_map_has_norm_one_over_locations(rng):
    layer = VarianceAttention()
    x = rng.normal(size=(3, 7, 5, 4)).astype("float32")
    attention = to_numpy(layer.attention_map(x))
    assert attention.shape == (3, 7, 5, 1)
    assert (attention >= 0).all()
    norms = np.linalg.norm(attention.reshape(3, -1), axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-6)


def test_attention_amplifies_and_never_silences(rng):
    x = rng.random((2, 6, 6, 4)).astype("float32") + 0.1
    ratio = to_numpy(VarianceAttention()(x)) / x
    assert ratio.min() >= 1.0
    assert ratio.max() <= np.e + 1e-5


def test_large_activations_stay_finite():
    x = np.zeros((1, 4, 4, 3), "float32")
    x[0, 1, 2] = (3e3, -3e3, 0.0)
    output = to_numpy(VarianceAttention()(x))
    assert np.isfinite(output).all()


def test_gradients_are_finite_and_not_zero(rng):
    model = keras.Sequential([VarianceAttention(), keras.layers.Flatten()])
    x = rng.normal(size=(4, 4, 4, 3)).astype("float32")
    target = rng.normal(size=(4, 48)).astype("float32")
    model.compile("sgd", "mse", jit_compile=False)
    model.build(x.shape)
    before = to_numpy(model.weights[0]).copy()
    model.fit(x, target, epochs=1, verbose=0)
    after = to_numpy(model.weights[0])
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 0


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision(rng, policy):
    layer = VarianceAttention(pool_size=2, dtype=policy)
    x = rng.normal(size=(2, 4, 4, 6)).astype("float32")
    output = layer(x)
    assert keras.backend.standardize_dtype(output.dtype) == policy[6:]
    attention = to_numpy(layer.attention_map(x))
    assert attention.dtype == "float32"
    np.testing.assert_allclose((attention**2).sum((1, 2, 3)), 1.0, atol=1e-5)


def test_config_and_saving_round_trip(rng, tmp_path):
    layer = VarianceAttention(6, 2, "absolute", name="attention")
    again = VarianceAttention.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    x = rng.normal(size=(1, 4, 4, 3)).astype("float32")
    inputs = keras.Input((4, 4, 3))
    model = keras.Model(inputs, layer(inputs))
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(to_numpy(loaded(x)), to_numpy(model(x)))
    assert tuple(model.output_shape) == (None, 4, 4, 3)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embedding_dim": 0}, "embedding_dim=0"),
        ({"pool_size": 0}, "pool_size=0"),
        ({"deviation": "cubed"}, "deviation='cubed'"),
        ({"border": -1}, "border=-1"),
    ],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        VarianceAttention(**arguments)


def test_sides_must_be_multiples_of_the_pool():
    with pytest.raises(ValueError, match="multiples of pool_size=2"):
        VarianceAttention(pool_size=2)(ops.zeros((1, 5, 4, 3)))


def test_flat_input_is_refused():
    with pytest.raises(ValueError, match="batch, height, width, channels"):
        VarianceAttention()(ops.zeros((2, 8)))


def test_sides_that_build_did_not_know(rng):
    inputs = keras.Input((None, None, 3))
    model = keras.Model(inputs, VarianceAttention(pool_size=2)(inputs))
    x = rng.random((1, 6, 4, 3)).astype("float32")
    assert tuple(model(x).shape) == (1, 6, 4, 3)
    with pytest.raises(ValueError, match="multiples of pool_size=2"):
        model(x[:, :5])


def test_features_of_integers_are_not_cut_down(rng):
    x = rng.integers(0, 9, (1, 4, 4, 3)).astype("uint8")
    layer = VarianceAttention()
    np.testing.assert_allclose(
        to_numpy(layer(x)), to_numpy(layer(x.astype("float32"))), rtol=1e-6
    )
