"""Checkpoints appear whole, and what else lies there is no checkpoint."""

import keras
import numpy as np
import pytest

from keras_cdae.errors import RunFolderError
from keras_cdae.runs.checkpoint import Checkpoint, checkpoints, restore


def make_model(units=3):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(units)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    model.optimizer.build(model.trainable_variables)  # as CDAE does
    return model


def fit(model, folder, epochs, **kwargs):
    x = np.arange(8, dtype="float32").reshape(4, 2)
    y = np.ones((4, 3), "float32")
    callbacks = [Checkpoint(folder)]
    model.fit(
        x, y, epochs=epochs, verbose=0, shuffle=False, callbacks=callbacks,
        **kwargs,
    )  # fmt: skip


def state(model):
    variables = [*model.weights, *model.optimizer.variables]
    return [keras.ops.convert_to_numpy(v) for v in variables]


def test_the_newest_alone_is_kept(tmp_path):
    fit(make_model(), tmp_path / "a", epochs=3)
    ((epochs, path),) = checkpoints(tmp_path / "a")
    assert (epochs, path.name) == (3, "epoch-0003.weights.h5")
    assert [p.name for p in (tmp_path / "a").iterdir()] == [path.name]


def test_restore_brings_back_weights_and_optimizer(tmp_path):
    model = make_model()
    fit(model, tmp_path, epochs=2)
    other = make_model()
    assert restore(other, tmp_path) == 2
    for ours, theirs in zip(state(model), state(other), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_nothing_to_restore(tmp_path):
    model = make_model()
    before = state(model)
    assert restore(model, tmp_path / "none") == 0
    assert restore(model, tmp_path) == 0
    for ours, theirs in zip(before, state(model), strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_what_a_kill_leaves_is_no_checkpoint(tmp_path):
    model = make_model()
    fit(model, tmp_path, epochs=1)
    for name in (  # both temporary names of a write, and a stranger's
        ".epoch-0002.weights-a1b2c3.h5",
        ".epoch-0002.weights-a1b2c3.weights.h5",
        "epoch-0002.weights.h5.part",
        "epoch-0002.h5",
    ):
        (tmp_path / name).write_bytes(b"half of a file")
    assert [epochs for epochs, _ in checkpoints(tmp_path)] == [1]
    assert restore(make_model(), tmp_path) == 1


def test_two_checkpoints_are_told_by_their_numbers(tmp_path):
    fit(make_model(), tmp_path, epochs=2)
    (tmp_path / "epoch-0001.weights.h5").write_bytes(b"not removed in time")
    assert restore(make_model(), tmp_path) == 2


def test_a_write_that_fails_leaves_the_older_one(tmp_path, monkeypatch):
    model = make_model()
    fit(model, tmp_path, epochs=1)

    def fail(path):
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(model, "save_weights", fail)
    with pytest.raises(OSError, match="No space left"):
        fit(model, tmp_path, epochs=2, initial_epoch=1)
    assert [p.name for p in tmp_path.iterdir()] == ["epoch-0001.weights.h5"]


@pytest.mark.parametrize("damage", ["cut", "other model"])
def test_a_checkpoint_that_does_not_fit(tmp_path, damage):
    fit(make_model(), tmp_path, epochs=1)
    ((_, path),) = checkpoints(tmp_path)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:500])
    model = make_model(units=3 if damage == "cut" else 5)
    with pytest.raises(
        RunFolderError, match=r"0001\.weights\.h5: cannot be load"
    ):
        restore(model, tmp_path)
