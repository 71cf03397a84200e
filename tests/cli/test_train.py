"""`keras-cdae train`: what a run leaves, and what it refuses."""

import csv
import json
import os
import re
import shutil
import signal

import pytest

from keras_cdae_cli import progress


def test_a_run_leaves_its_files(trained):
    names = {"config.json", "history.csv", "model.keras", "timing.json"}
    found = {path.name for path in trained.iterdir()}
    assert names <= found
    assert not any(name.startswith(".") for name in found)
    assert "checkpoint" not in found


def test_the_configuration_has_all_that_decides(trained, camera):
    config = json.loads((trained / "config.json").read_text())
    assert config["settings"] == {
        "dataset": "synthetic",
        "data_dir": str(camera),
        "preset": "nano",
        "epochs": 2,
        "batch_size": 8,
        "seed": 3,
        "image_size": [32, 32],
        "channels": 3,
        "clip_step": 4,
        "hold_out": 0.1,
        "pretrain_epochs": None,
        "dtype": "float32",
        "overrides": {},
        "pseudo_anomalies": 0.0,
        "augment": [],
        "model": "cdae",
        "devices": 1,
        "roi": None,
    }
    assert config["environment"]["backend"] in ("tensorflow", "jax", "torch")
    assert {"keras", "numpy"} <= set(config["environment"]["versions"])


def test_a_training_that_knows_its_videos_by_heart(
    invoke, options, tmp_path, monkeypatch
):
    monkeypatch.setattr("keras_cdae.runs.gap.LARGE", 0.0)
    result = invoke("train", *options, "--epochs", 1, "--output", tmp_path)
    assert result.code == 0, result.err
    assert "Warning: Held-out video is reconstructed " in result.err


def test_arguments_of_the_model_are_set_and_kept(
    invoke, options, tmp_path, trained
):
    import keras_cdae

    run = tmp_path / "run"
    words = ["--set", "skips=none", "--set", "num_clusters=3"]
    again = [*options, "--epochs", 1, "--output", run]
    result = invoke("train", *again, *words)
    assert result.code == 0, result.err
    model = keras_cdae.load(run)
    assert (model.skips, model.num_clusters) == ("none", 3)
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["overrides"] == {
        "skips": "none",
        "num_clusters": 3,
    }


@pytest.mark.parametrize(
    ("argument", "words"),
    [
        ("motion_skips=false", "expected one of alpha, attention"),
        ("width=-1", "No cdae can be made with width=-1"),
        ("width", "'width': give NAME=VALUE, such as width=16."),
        ("width=", "give NAME=VALUE"),
    ],
)
def test_wrong_arguments_are_usage_errors(invoke, options, argument, words):
    assert words in invoke("train", *options, "--set", argument).usage


@pytest.mark.parametrize("value", ["flip,blur", "", ",", "auto,blur"])
def test_unknown_kinds_of_augmentation_are_named(invoke, options, value):
    result = invoke("train", *options, "--augment", value)
    assert (
        f"'{value}': give auto, or some of flip, crop, brightness"
        in result.usage
    )


def test_clips_are_changed_where_held_out_video_asks_for_it(
    invoke, options, tmp_path, monkeypatch
):
    monkeypatch.setattr("keras_cdae.runs.gap.LARGE", 0.0)
    words = ["--augment", "crop,auto", "--epochs", 2, "--output", tmp_path]
    result = invoke("train", *options, *words)
    assert result.code == 0, result.err
    line = "these are changed from here on (crop)."
    assert "After 1 of 2 epochs held-out video " in result.err
    assert line in " ".join(result.err.split())
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["settings"]["augment"] == ["auto", "crop"]
    assert "(--augment)" not in result.err


def test_flow_cannot_be_augmented(invoke, options):
    words = ["--model", "flow-cdae", "--augment", "crop"]
    assert (
        "flow-cdae takes no augment" in invoke("train", *options, *words).usage
    )


@pytest.mark.parametrize("model", ["flow-cdae", "memae"])
def test_logs_are_of_cdae_alone(invoke, options, model):
    result = invoke("train", *options, "--model", model, "--tensorboard")
    assert "tensorboard logs are of the model cdae alone" in result.usage


def test_the_history_has_a_row_an_epoch(trained):
    with (trained / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["epoch"] for row in rows] == ["0", "1"]
    assert float(rows[1]["loss"]) < float(rows[0]["loss"])
    assert {"val_loss", "motion_explained"} <= set(rows[0])


def test_the_model_is_calibrated(trained):
    import keras_cdae

    model = keras_cdae.load(trained)
    assert model.calibration is not None
    assert "held-out training videos" in model.calibration.source


def test_a_run_from_one_folder_is_evaluated_from_another(
    invoke, options, camera, tmp_path, monkeypatch
):
    monkeypatch.chdir(camera.parent)
    relative = [camera.name if word == camera else word for word in options]
    result = invoke("train", *relative, "--cache-dir", tmp_path / "cache")
    assert (result.code, result.out) == (0, "")
    run = "runs/synthetic-nano-seed0"
    lines = result.err.splitlines()
    assert lines[0] == "Decoding: 2 done."
    # A line an epoch, where there is no terminal.
    assert re.fullmatch(
        r"Epoch 1/2 pretraining  loss 0\.\d+ \(held-out 0\.\d+\), motion "
        r"explained -?\d+ % \(held-out -?\d+ %\), .* left",
        lines[1],
    )
    assert lines[2].startswith("Epoch 2/2 alternation  loss 0.")
    assert lines[2].endswith(", 0 s left")
    assert re.fullmatch(
        r"Trained 2 epochs in \d+ s without validation: \d+\.\d clips a "
        r"second\.",
        lines[3],
    )
    assert lines[4:] == [f"Wrote {run}. Next: keras-cdae eval {run}"]
    monkeypatch.chdir(tmp_path)
    result = invoke("eval", camera.parent / run, "--no-plots")
    assert result.code == 0, result.err


def test_a_run_is_not_overwritten(invoke, options, trained):
    before = (trained / "model.keras").read_bytes()
    result = invoke("train", *options, "--output", trained)
    assert result.code == 1
    assert f"{trained}: holds a run already" in result.error
    for option in ("--resume", "--overwrite", "--output"):
        assert option in result.error
    assert (trained / "model.keras").read_bytes() == before


def test_a_finished_run_is_not_resumed(invoke, trained):
    result = invoke("train", "--resume", "--output", trained)
    assert result.code == 1
    assert f"{trained}: this run is finished" in result.error
    assert f"keras-cdae eval {trained}" in result.error


def test_nothing_to_resume(invoke, tmp_path):
    result = invoke("train", "--resume", "--output", tmp_path / "run")
    assert result.code == 1
    assert f"{tmp_path / 'run'}: not a run folder" in result.error


def test_a_foreign_configuration(invoke, tmp_path):
    (tmp_path / "config.json").write_text('{"settings": {"epochs": 0}}')
    result = invoke("train", "--resume", "--output", tmp_path)
    assert result.code == 1
    assert f"{tmp_path / 'config.json'}: not a configuration" in result.error
    assert "--overwrite" in result.error


@pytest.fixture(scope="module")
def stopped(invoke, options, tmp_path_factory):
    """A run that Ctrl-C stopped in its second epoch, and what was said."""
    make = progress.training_bar

    def stopping_bar():
        bar = make()
        begin = bar.on_epoch_begin

        def on_epoch_begin(epoch, logs=None):
            begin(epoch, logs)
            if epoch == 1:
                os.kill(os.getpid(), signal.SIGINT)

        bar.on_epoch_begin = on_epoch_begin
        return bar

    run = tmp_path_factory.mktemp("stopped") / "run"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(progress, "training_bar", stopping_bar)
        return run, invoke("train", *options, "--output", run)


@pytest.fixture
def interrupted(stopped, tmp_path):
    """A copy of a run that was interrupted."""
    return shutil.copytree(stopped[0], tmp_path / "run")


def test_an_interruption_keeps_the_last_epoch(stopped):
    run, result = stopped
    assert (result.code, result.out) == (130, "")
    assert [line for line in result.err.splitlines() if line][-2:] == [
        "Stopped. Every finished epoch is kept; to go on: keras-cdae train "
        f"--resume --output {run}",
        "Interrupted.",
    ]
    kept = [path.name for path in (run / "checkpoint").iterdir()]
    assert kept == ["epoch-0001.weights.h5"]
    assert not (run / "model.keras").exists()


def test_an_interrupted_run_is_told_from_a_foreign_folder(invoke, interrupted):
    result = invoke("eval", interrupted)
    assert result.code == 1
    assert "the training was interrupted" in result.error
    assert f"keras-cdae train --resume --output {interrupted}" in result.error


def test_resume_refuses_other_settings(invoke, options, interrupted):
    words = ["--resume", "--output", interrupted]
    result = invoke("train", *words, "--epochs", 3, "--seed", 1)
    assert result.code == 1
    assert "epochs was 2 and is 3; seed was 0 and is 1" in result.error
    assert "--overwrite" in result.error


def test_resume_refuses_another_backend(invoke, interrupted):
    config = json.loads((interrupted / "config.json").read_text())
    here = config["environment"]["backend"]
    config["environment"]["backend"] = "mxnet"
    (interrupted / "config.json").write_text(json.dumps(config))
    result = invoke(
        "train", "--resume", "--output", interrupted, "--backend", here
    )
    assert result.code == 1
    assert f"backend was mxnet and is {here}" in result.error


def test_an_augmented_training_goes_on(invoke, interrupted):
    path = interrupted / "config.json"
    config = json.loads(path.read_text())
    config["settings"]["augment"] = ["flip", "brightness"]
    path.write_text(json.dumps(config))
    words = ["train", "--resume", "--output", interrupted]
    error = invoke(*words, "--augment", "crop").error
    assert "augment was ['flip', 'brightness'] and is ['crop']" in error
    result = invoke(*words, "--augment", "brightness, flip,brightness")
    assert result.code == 0, result.err
    assert json.loads(path.read_text()) == config


def test_resume_needs_the_folder_alone(invoke, interrupted):
    result = invoke("train", "--resume", "--output", interrupted)
    assert result.code == 0, result.err
    assert "Epoch 2/2" in result.err
    assert "Epoch 1/2" not in result.err
    assert (interrupted / "model.keras").is_file()
    assert not (interrupted / "checkpoint").exists()
    rows = (interrupted / "history.csv").read_text().splitlines()
    assert [row.split(",")[0] for row in rows] == ["epoch", "0", "1"]


def test_a_damaged_checkpoint(invoke, interrupted):
    file = interrupted / "checkpoint" / "epoch-0001.weights.h5"
    file.write_bytes(file.read_bytes()[:1000])
    result = invoke("train", "--resume", "--output", interrupted)
    assert result.code == 1
    assert f"{file}: cannot be loaded" in result.error
    assert "--overwrite" in result.error


def test_overwrite_takes_away_what_belongs_to_the_old_model(
    invoke, options, interrupted
):
    for name in ("metrics.json", "scores.csv", "worst.png", "notes.txt"):
        (interrupted / name).write_text("old")
    result = invoke("train", *options, "--output", interrupted, "--overwrite")
    assert result.code == 0, result.err
    assert {path.name for path in interrupted.iterdir()} == {
        "config.json",
        "history.csv",
        "model.keras",
        "notes.txt",
        "timing.json",
    }


def test_overwrite_keeps_a_run_if_the_data_are_bad(
    invoke, options, interrupted, tmp_path
):
    bad = tmp_path / "bad"
    (bad / "train").mkdir(parents=True)
    (bad / "train" / "01.mp4").write_bytes(b"no video")
    arguments = [
        "--dataset",
        "folder",
        "--data-dir",
        bad,
        "--output",
        interrupted,
    ]
    result = invoke("train", *arguments, "--overwrite")
    assert result.code == 1
    assert (interrupted / "checkpoint" / "epoch-0001.weights.h5").is_file()
    assert '"synthetic"' in (interrupted / "config.json").read_text()
