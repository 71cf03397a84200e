"""A run that was stopped goes on to the weights of one that was not."""

import csv
import dataclasses
import os
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest

import keras_cdae
from keras_cdae.data.augmentation import AUGMENTATIONS
from keras_cdae.runs import RunSettings, train
from keras_cdae.runs.checkpoint import checkpoints


def state(model):
    """Weights, then the optimizer's variables."""
    variables = [*model.weights, *model.optimizer.variables]
    return {
        f"{i} {v.path}": keras.ops.convert_to_numpy(v)
        for i, v in enumerate(variables)
    }


def assert_equal_runs(run, whole):
    """Bit for bit: both models, as they lie in their folders."""
    ours = state(keras_cdae.load(run))
    theirs = state(keras_cdae.load(whole))
    assert len(ours) == len(theirs) > 100
    for ours_of, theirs_of in zip(ours.items(), theirs.items(), strict=True):
        np.testing.assert_array_equal(
            ours_of[1], theirs_of[1], err_msg=ours_of[0]
        )
    # The loss that is logged differs in its last digit even between two runs
    # that nothing stopped; weights do not.
    for ours_of, theirs_of in zip(history(run), history(whole), strict=True):
        assert ours_of == pytest.approx(
            theirs_of,
            rel=1e-4,
            abs=1e-7,
            nan_ok=True,  # centroids before k-means
        )


def history(run):
    with (run / "history.csv").open(newline="") as stream:
        return [
            {name: float(value) for name, value in row.items()}
            for row in csv.DictReader(stream)
        ]


@pytest.fixture
def settings(settings):
    """Of clips that are changed anew each epoch."""
    return dataclasses.replace(
        settings, augment=AUGMENTATIONS, pseudo_anomalies=0.3
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Return the folder of an uninterrupted run, trained once."""
    folder = tmp_path_factory.mktemp("whole") / "run"

    def make(settings):
        if not folder.exists():
            train(settings, folder)
        return folder

    return make


class Stop(keras.callbacks.Callback):
    """Stop in the middle of an epoch."""

    def __init__(self, epoch):
        super().__init__()
        self.stop_in = epoch
        self.epoch = 0

    def on_epoch_begin(self, epoch, logs=None):
        self.epoch = epoch

    def on_train_batch_end(self, batch, logs=None):
        if self.epoch == self.stop_in and batch == 0:
            raise KeyboardInterrupt


@pytest.mark.backend
@pytest.mark.slow
def test_stopped_in_both_stages(settings, whole, tmp_path):
    run = tmp_path / "run"
    for epoch in (1, 3):  # before k-means and after it
        with pytest.raises(KeyboardInterrupt):
            train(settings, run, resume=epoch > 1, callbacks=[Stop(epoch)])
        assert [n for n, _ in checkpoints(run / "checkpoint")] == [epoch]
    train(settings, run, resume=True)
    assert_equal_runs(run, whole(settings))


@pytest.mark.backend
def test_stopped_after_the_last_epoch(settings, whole, tmp_path, monkeypatch):
    run = tmp_path / "run"
    with monkeypatch.context() as patch:
        module = sys.modules["keras_cdae.runs.trainer"]
        patch.setattr(module, "calibrate", interrupt)
        with pytest.raises(KeyboardInterrupt):
            train(settings, run)
    assert [n for n, _ in checkpoints(run / "checkpoint")] == [4]
    model = train(settings, run, resume=True)
    assert model.calibration is not None
    assert_equal_runs(run, whole(settings))


def interrupt(*_, **__):
    raise KeyboardInterrupt


@pytest.mark.slow
def test_stopped_after_held_out_video_asked_for_other_clips(
    settings, tmp_path, monkeypatch
):
    monkeypatch.setattr("keras_cdae.runs.gap.LARGE", 0.0)
    auto = dataclasses.replace(settings, augment="auto")
    train(auto, tmp_path / "whole")
    run = tmp_path / "run"
    for epoch in (1, 3):
        with pytest.raises(KeyboardInterrupt):
            train(auto, run, resume=epoch > 1, callbacks=[Stop(epoch)])
    train(auto, run, resume=True)
    assert_equal_runs(run, tmp_path / "whole")


def test_stopped_before_the_first_epoch(settings, tmp_path):
    run = tmp_path / "run"
    with pytest.raises(KeyboardInterrupt):
        train(settings, run, callbacks=[Stop(0)])
    assert checkpoints(run / "checkpoint") == []
    (run / "checkpoint").mkdir(exist_ok=True)
    (run / "checkpoint" / ".epoch-0001.weights-x.h5").write_bytes(b"half")
    with pytest.raises(KeyboardInterrupt):
        train(settings, run, resume=True, callbacks=[Stop(1)])
    assert [n for n, _ in checkpoints(run / "checkpoint")] == [1]


# Killed

EPOCHS, PRETRAINING = 10, 5
OPTIONS = [
    *("--dataset", "synthetic", "--preset", "nano", "--image-size", "32"),
    *("--epochs", str(EPOCHS), "--pretrain-epochs", str(PRETRAINING)),
    *("--batch-size", "2", "--clip-step", "2", "--seed", "5"),
]


def begin(*arguments):
    """Start the command in a process of its own."""
    code = "from keras_cdae_cli.main import main; main()"
    return subprocess.Popen(
        [sys.executable, "-c", code, "train", *map(str, arguments)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_after(process, run, epochs):
    """Kill once so many epochs are in a checkpoint; return how many are."""
    patience = time.monotonic() + 200
    done = 0
    while done < epochs:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < patience
        time.sleep(0.01)
        done = max((n for n, _ in checkpoints(run / "checkpoint")), default=0)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait(60) == -signal.SIGKILL
    process.stderr.close()
    return max(n for n, _ in checkpoints(run / "checkpoint"))


@pytest.mark.backend
@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs SIGKILL")
@pytest.mark.skipif(
    keras.backend.backend() != "torch",
    reason="of torch alone, whose processes are at work soonest",
)
def test_killed_in_both_stages(camera, tmp_path):
    run, whole = tmp_path / "run", tmp_path / "whole"
    first = begin(*OPTIONS, "--data-dir", camera, "--output", run)
    assert 1 <= kill_after(first, run, 1) < PRETRAINING
    second = begin("--resume", "--output", run)
    assert PRETRAINING < kill_after(second, run, PRETRAINING + 1) < EPOCHS
    settings = RunSettings.read(run)
    train(settings, run, resume=True)
    train(settings, whole)
    assert_equal_runs(run, whole)
    assert [row["epoch"] for row in history(run)] == list(range(EPOCHS))
    assert not list(run.rglob(".*"))
