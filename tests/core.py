"""What every version must do: `tests/run` tries it under many of them."""

import json

import keras
import pytest

import keras_cdae
from keras_cdae.data.synthetic import make_synthetic
from keras_cdae_cli.main import run as keras_cdae_command


def test_every_public_name_loads():
    for name in keras_cdae.__all__:
        assert getattr(keras_cdae, name) is not None


@pytest.mark.parametrize("arguments", [["--help"], ["train", "--help"]])
def test_help(arguments, capsys):
    assert keras_cdae_command(arguments) == 0
    assert "Usage: keras-cdae" in capsys.readouterr().out


def test_command_line(tmp_path, capsys):
    video, output = str(tmp_path / "video"), str(tmp_path / "run")
    make_synthetic(video, train_videos=2, test_videos=2, frames=60)
    arguments = ["--dataset", "synthetic", "--data-dir", video, "--epochs", "2"]
    code = keras_cdae_command(
        ["train", *arguments, "--preset", "nano", "--output", output]
    )
    assert code == 0
    capsys.readouterr()
    assert keras_cdae_command(["eval", output, "--json", "--no-plots"]) == 0
    metrics = json.loads(capsys.readouterr().out)
    assert 0 <= metrics["auc_micro_raw"] <= 1
    config = json.loads((tmp_path / "run/config.json").read_text("utf-8"))
    environment = config["environment"]
    assert environment["backend"] == keras.backend.backend()
    assert environment["versions"]["keras"] == keras.__version__
