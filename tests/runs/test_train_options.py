"""What a training leaves, by its options."""

import dataclasses
import json

import numpy as np
import pytest

import keras_cdae
from keras_cdae.runs import train


def test_a_mixed_training_leaves_a_model_in_float32(settings, tmp_path):
    mixed = dataclasses.replace(settings, dtype="mixed_bfloat16", epochs=3)
    train(mixed, tmp_path / "run")
    model = keras_cdae.load(tmp_path / "run")
    assert model.dtype_policy.name == "float32"
    assert {v.dtype for v in model.trainable_weights} == {"float32"}
    clips = np.random.default_rng(0).integers(0, 255, (2, 5, 32, 32, 3))
    assert np.isfinite(model.score(clips.astype("uint8"))["z"]).all()


def test_pseudo_anomalies_change_the_training_and_are_kept(settings, tmp_path):
    odd = dataclasses.replace(settings, pseudo_anomalies=0.5, epochs=3)
    plain = dataclasses.replace(settings, epochs=3)
    first = train(odd, tmp_path / "odd")
    again = train(odd, tmp_path / "again")
    other = train(plain, tmp_path / "plain")
    weights = [
        np.concatenate([w.ravel() for w in m.get_weights()])
        for m in (first, again, other)
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()
    stored = json.loads((tmp_path / "odd" / "config.json").read_text())
    assert stored["settings"]["pseudo_anomalies"] == 0.5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"pseudo_anomalies": 1.5}, "must lie in"),
        (
            {"pseudo_anomalies": 0.2, "model": "conv2d_ae"},
            "for the model cdae alone",
        ),
    ],
)
def test_settings_that_cannot_be(settings, arguments, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(settings, **arguments)
