"""The convolution of the networks against Keras's own."""

import keras
import numpy as np
import pytest
from conftest import to_numpy

from keras_cdae.layers.convolution import Convolution

pytestmark = pytest.mark.backend


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("size", "kernel", "strides"),
    [
        ((8, 8), 3, 1),
        ((8, 8), 3, 2),  # more zeros after than before
        ((7, 8), 3, 2),  # and as many, on the other axis
        ((9, 5), 1, 2),
        ((9, 5), 4, 3),
        ((1, 1), 3, 1),
    ],
)
def test_it_is_that_of_keras(size, kernel, strides, channels, bias, rng):
    ours = Convolution(5, kernel, strides=strides, use_bias=bias)
    theirs = keras.layers.Conv2D(
        5,
        kernel,
        strides=strides,
        padding="same",
        use_bias=bias,
        data_format="channels_last",
    )
    x = rng.normal(size=(2, *size, channels)).astype("float32")
    ours.build(x.shape)
    theirs.build(x.shape)
    weights = [rng.normal(size=w.shape) for w in ours.weights]
    ours.set_weights(weights)
    theirs.set_weights(weights)
    expected = to_numpy(theirs(x))
    np.testing.assert_allclose(to_numpy(ours(x)), expected, atol=1e-5)
    assert tuple(ours.compute_output_shape(x.shape)) == expected.shape


def test_a_symbolic_input_has_a_shape():
    x = keras.Input((None, None, 3))
    assert Convolution(4, strides=2)(x).shape == (None, None, None, 4)


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="of torch alone")
def test_torch_is_given_the_features_as_they_lie(monkeypatch, rng):
    from keras_cdae.backend import torch as module

    seen = []

    def conv2d(features, *arguments):
        seen.append(features.data_ptr())
        return original(features, *arguments)

    original = module.functional.conv2d
    monkeypatch.setattr(module.functional, "conv2d", conv2d)
    x = keras.ops.convert_to_tensor(rng.random((2, 8, 8, 3)), "float32")
    Convolution(4)(x)
    assert seen == [x.data_ptr()]
