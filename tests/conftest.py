"""Fixtures for all tests."""

import importlib.util
import os
import socket
import sys
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
# As keras_cdae.data.video does, if tests import cv2 before it.
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# On a shared core torch's OpenMP threads would spin while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")
# The command turns it on. It pays after some hundred steps, which no test has.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))  # for `import reference`

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_configure():
    """Let tensorflow run graphs as they are, as `tests/run` lets jax.

    Optimizing them takes a sixth of the time, for programs that run for a
    moment. Commands that tests start as processes optimize theirs.
    """
    backend = os.environ.get("KERAS_BACKEND", "tensorflow")
    if backend == "tensorflow" and importlib.util.find_spec("tensorflow"):
        import tensorflow as tf

        tf.config.optimizer.set_experimental_options(
            {"disable_meta_optimizer": True}
        )


@pytest.fixture
def rng():
    """A generator with a fixed seed."""
    return np.random.default_rng(0)


@pytest.fixture(scope="session")
def shared_data():
    """The folder with the real video; skips loudly without it."""
    if not SHARED.is_dir():
        pytest.skip(f"REAL DATA ABSENT: no folder {SHARED}")
    return SHARED


@pytest.fixture
def free_port():
    """A port of this machine that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def tiny_clips(rng):
    """Twelve clips of a square that moves over noise, (12, 5, 32, 32, 1)."""
    clips = 0.1 * rng.random((12, 5, 32, 32, 1))
    for i, (y, x) in enumerate(rng.integers(2, 12, (12, 2))):
        for t in range(5):
            clips[i, t, y : y + 8, x + 2 * t : x + 2 * t + 8] += 0.7
    return clips.astype("float32")


@pytest.fixture
def make_model():
    """Return a function that makes tiny models from a seed."""
    import keras

    from keras_cdae.models import CDAE
    from keras_cdae.models.fusion import EQUATION_14

    def make(seed=0, **overrides):
        keras.utils.set_random_seed(seed)
        settings = {
            "image_size": (32, 32),
            "channels": 1,
            "num_clusters": 4,
            "score_terms": EQUATION_14,
            **overrides,
        }
        return CDAE.from_preset("nano", **settings)

    return make


@pytest.fixture
def trained(make_model, tiny_clips):
    """A model that went through all three stages in three epochs."""
    model = make_model()
    model.fit(tiny_clips, epochs=3, batch_size=4, verbose=0)
    return model


def to_numpy(value):
    """Return a tensor as an array."""
    import keras

    return keras.ops.convert_to_numpy(value)
