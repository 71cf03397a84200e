"""Multiply-accumulates, against counts by hand."""

import keras
import numpy as np
import pytest

from keras_cdae.baselines import (
    BaselineModel,
    ConvLSTMAutoencoder,
    FramePrediction,
    MemoryAutoencoder,
)
from keras_cdae.models.operations import count_operations


def test_the_u_net_by_hand():
    """Width 4 at 16 x 16, four grey frames in: places x kernel x in x out."""
    model = FramePrediction((16, 16), 1, width=4)
    down = 256 * 9 * (4 * 4 + 4 * 4) + 64 * 9 * (4 * 8 + 8 * 8)
    down += 16 * 9 * (8 * 16 + 16 * 16) + 4 * 9 * (16 * 32 + 32 * 32)
    # 2x2 transposed at stride 2: input places x 4 x in x out.
    up = 4 * 4 * 32 * 16 + 16 * 4 * 16 * 8 + 64 * 4 * 8 * 4
    up += 16 * 9 * (32 * 16 + 16 * 16) + 64 * 9 * (16 * 8 + 8 * 8)
    up += 256 * 9 * (8 * 4 + 4 * 4)
    assert count_operations(model) == down + up + 256 * 9 * 4 * 1


def test_three_dimensions_and_a_memory_by_hand():
    """Width 2 at 16 x 16, five frames, ten slots."""
    model = MemoryAutoencoder((16, 16), 1, width=2, slots=10)
    encoder = 27 * 5 * (64 * 1 * 2 + 16 * 2 * 4 + 4 * 4 * 8)
    decoder = 27 * 5 * (4 * 8 * 4 + 16 * 4 * 2 + 64 * 2 * 1)
    memory = 2 * 5 * 4 * 8 * 10
    assert count_operations(model) == encoder + memory + decoder


def test_recurrent_layers_by_hand():
    """Width 2 at 16 x 16: five frames, four gates, states of 2 x 2."""
    model = ConvLSTMAutoencoder((16, 16), 1, width=2)
    outside = 5 * (16 * 121 * 1 * 4 + 4 * 25 * 4 * 2)
    lstm = [(2, 2), (2, 1), (1, 2)]  # channels in, out
    inside = sum(
        5 * 4 * 9 * (4 * given * out + 4 * out * out) for given, out in lstm
    )
    assert count_operations(model) == 2 * outside + inside


def test_cdae_by_hand(make_model):
    """Its encoders, decoders and distances, layer by layer."""
    model = make_model(attention=None, skips="none")

    def encoder(channels):
        total, side, given = 32 * 32 * 9 * channels * 4, 32, 4
        for width in (8, 16, 32):
            side //= 2
            total += side**2 * 9 * (2 * given * width + width * width)
            given = width
        return total + side**2 * 9 * 32 * 32

    def decoder(channels):
        total, side, given = 0, 4, 32
        for width in (16, 8, 4):
            side *= 2
            total += side**2 * 9 * (2 * given // 4 * width + width * width)
            given = width
        return total + side**2 * 9 * 4 * channels

    distances = 2 * 16 * 32 * 4  # places x code x clusters
    expected = encoder(1) + encoder(4) + decoder(1) + decoder(4) + distances
    assert count_operations(model) == expected


def test_attention_adds_its_convolutions(make_model):
    difference = count_operations(make_model()) - count_operations(
        make_model(attention=None)
    )
    assert difference == 256 * 8 * 8 + 64 * 16 * 16 + 16 * 32 * 32


def test_counting_leaves_the_model_as_it_was(make_model, tiny_clips):
    model = make_model()
    before = model.score(tiny_clips)["score"]
    assert count_operations(model) == count_operations(model)
    np.testing.assert_array_equal(model.score(tiny_clips)["score"], before)
    assert "call" not in vars(model.motion_encoder.stem)


class Scale(keras.layers.Layer):
    """A layer with a weight and no rule."""

    def build(self, input_shape):
        self.scale = self.add_weight(shape=(), name="scale")

    def call(self, x):
        return x * self.scale


def test_a_layer_without_a_rule_is_not_passed_over():
    class Unknown(BaselineModel):
        def make_network(self):
            inputs = keras.Input((*self.image_size, 5))
            return keras.Model(inputs, Scale(name="odd")(inputs))

    with pytest.raises(TypeError, match="operations of odd, a Scale"):
        count_operations(Unknown((16, 16), 1))
