"""One seed, one machine, one backend: equal weights and equal scores."""

import keras
import numpy as np
import pytest

from keras_cdae.runs import train
from keras_cdae.scoring.scorer import score_frames


@pytest.mark.backend
@pytest.mark.slow
def test_one_seed_gives_one_model(settings, tmp_path):
    models = [train(settings, tmp_path / name) for name in ("a", "b")]
    first, second = (
        [keras.ops.convert_to_numpy(w) for w in m.weights] for m in models
    )
    assert len(first) > 10
    for ours, theirs in zip(first, second, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    frames = np.random.default_rng(3).integers(0, 255, (12, 32, 32, 3), "uint8")
    ours, theirs = (score_frames(m, frames) for m in models)
    np.testing.assert_array_equal(ours.score, theirs.score)
    np.testing.assert_array_equal(ours.z, theirs.z)
