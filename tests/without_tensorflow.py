"""Run by `tests/run` in an environment that has torch and no tensorflow."""

import importlib.util

import keras
import numpy as np
import pytest

import keras_cdae
from keras_cdae.data import ClipBatches, Clips, clip_dataset
from keras_cdae.data.synthetic import make_synthetic
from keras_cdae.errors import MissingDependencyError
from keras_cdae_cli.main import run as keras_cdae_command


def test_tensorflow_is_absent():
    assert importlib.util.find_spec("tensorflow") is None
    assert keras.backend.backend() == "torch"


def test_training_scoring_and_loading(tmp_path):
    frames = np.random.default_rng(0).integers(0, 255, (24, 32, 32, 1))
    batches = ClipBatches(Clips([frames.astype("uint8")]), batch_size=4)
    model = keras_cdae.CDAE.from_preset("nano", (32, 32), 1, num_clusters=4)
    history = model.fit(batches, epochs=3, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    assert model.clusters_ready
    model.save(tmp_path / "model.keras")
    loaded = keras_cdae.load(tmp_path / "model.keras")
    scores = keras_cdae.scoring.score_frames(loaded, frames.astype("uint8"))
    assert len(scores) == 20
    assert scores.score.std() > 0


def test_tf_data_says_what_to_install():
    clips = Clips([np.zeros((9, 8, 8, 1), "uint8")])
    with pytest.raises(MissingDependencyError, match="pip install tensorflow"):
        clip_dataset(clips)


def test_missing_backend_names_the_command(tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "tensorflow")
    make_synthetic(tmp_path, train_videos=2, test_videos=1, frames=60)
    code = keras_cdae_command(
        ["train", "--dataset", "synthetic", "--data-dir", str(tmp_path)]
    )
    assert code == 1
    assert "pip install tensorflow" in capsys.readouterr().err
