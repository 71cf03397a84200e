"""The memory, against its definition in plain NumPy."""

import keras
import numpy as np
import pytest

from keras_cdae.baselines import Memory


def reference(codes, items, threshold):
    products = codes @ items.T
    weights = np.exp(products - products.max(axis=-1, keepdims=True))
    weights /= weights.sum(axis=-1, keepdims=True)
    above = weights - threshold / len(items)
    weights = np.maximum(above, 0) * weights / (np.abs(above) + 1e-12)
    weights /= weights.sum(axis=-1, keepdims=True) + 1e-12
    entropy = -(weights * np.log(weights + 1e-12)).sum(axis=-1)
    return weights @ items, entropy, weights


@pytest.mark.backend
@pytest.mark.parametrize("threshold", [0.0, 1.0, 2.5])
def test_it_follows_its_definition(rng, threshold):
    codes = rng.normal(size=(2, 3, 4, 6)).astype("float32")
    layer = Memory(9, threshold)
    layer.build(codes.shape)
    items = rng.normal(size=(9, 6)).astype("float32")
    layer.items.assign(items)
    mixed, entropy = map(keras.ops.convert_to_numpy, layer(codes))
    expected, expected_entropy, weights = reference(codes, items, threshold)
    np.testing.assert_allclose(mixed, expected, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(entropy, expected_entropy, rtol=1e-4, atol=1e-5)
    assert (weights == 0).any() == (threshold > 0)


def test_shapes_and_configuration():
    layer = Memory(5, 2.0, name="memory")
    again = Memory.from_config(layer.get_config())
    assert (again.slots, again.threshold) == (5, 2.0)
    assert layer.compute_output_shape((2, 3, 4)) == ((2, 3, 4), (2, 3))
    assert layer.multiply_accumulates((2, 3, 4)) == 2 * 5 * 2 * 3 * 4


@pytest.mark.parametrize(
    "settings", [{"slots": 0}, {"threshold": -1}], ids=["slots", "threshold"]
)
def test_arguments_out_of_range(settings):
    with pytest.raises(ValueError, match=f"Received: {next(iter(settings))}="):
        Memory(**settings)
