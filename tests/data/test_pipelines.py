import os
import platform
import subprocess
import sys

import numpy as np
import pytest

from keras_cdae.data.clips import Clips
from keras_cdae.data.pipelines import (
    ClipBatches,
    EpochCounter,
    clip_dataset,
    from_videos,
    training_batches,
)
from keras_cdae.data.video import write_video
from keras_cdae.errors import DataError, MissingDependencyError
from keras_cdae.models.cdae import CDAE

keras = pytest.importorskip("keras")


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    return Clips(
        [
            rng.integers(0, 256, (n, 4, 6, 1), dtype=np.uint8)
            for n in [15, 9, 12]
        ]
    )


@pytest.fixture
def no_tensorflow(monkeypatch):
    monkeypatch.setitem(sys.modules, "tensorflow", None)


def epoch_of(batches):
    return [np.asarray(batches[i]) for i in range(len(batches))]


def test_one_epoch_has_every_clip_once(clips):
    batches = epoch_of(ClipBatches(clips, batch_size=4, dtype="uint8"))
    assert [len(b) for b in batches] == [4] * 6
    seen = np.concatenate(batches)
    expected = clips.gather(clips.order(0, seed=0))
    np.testing.assert_array_equal(seen, expected)


def test_float_batches_lie_between_0_and_1(clips):
    floats = ClipBatches(clips, shuffle=False)[0]
    bytes_ = ClipBatches(clips, shuffle=False, dtype="uint8")[0]
    assert floats.dtype == np.float32
    assert bytes_.dtype == np.uint8
    assert 0 <= floats.min() < 0.1 < 0.9 < floats.max() <= 1
    np.testing.assert_array_equal(np.round(floats * 255), bytes_)
    np.testing.assert_array_equal(bytes_, clips[:8])


def test_remainder(clips):
    assert len(clips) == 24
    assert [len(b) for b in epoch_of(ClipBatches(clips, batch_size=10))] == [
        10,
        10,
        4,
    ]
    dropped = ClipBatches(clips, batch_size=10, drop_remainder=True)
    assert [len(b) for b in epoch_of(dropped)] == [10, 10]
    with pytest.raises(DataError, match="24 clips do not fill one batch"):
        ClipBatches(clips, batch_size=25, drop_remainder=True)
    with pytest.raises(IndexError, match="batch 2 of 2"):
        dropped[2]


def test_epochs_advance_and_can_be_set(clips):
    batches = ClipBatches(clips, seed=5)
    zero = epoch_of(batches)
    batches.on_epoch_end()
    one = epoch_of(batches)
    assert batches.epoch == 1
    assert not np.array_equal(zero[0], one[0])
    resumed = ClipBatches(clips, seed=5)
    resumed.set_epoch(1)
    np.testing.assert_array_equal(epoch_of(resumed), one)


@pytest.mark.parametrize("arguments", [{"batch_size": 0}, {"dtype": "int8"}])
def test_bad_arguments(clips, arguments):
    name = next(iter(arguments))
    with pytest.raises(ValueError, match=f"{name} must be"):
        ClipBatches(clips, **arguments)


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
@pytest.mark.parametrize("drop", [False, True])
def test_tf_data_gives_the_same_batches(clips, dtype, drop):
    pytest.importorskip("tensorflow")
    options = {
        "batch_size": 7,
        "seed": 3,
        "dtype": dtype,
        "drop_remainder": drop,
    }
    ours = ClipBatches(clips, **options)
    dataset = clip_dataset(clips, **options)
    assert int(dataset.cardinality()) == len(ours)
    for _ in range(2):
        theirs = [b.numpy() for b in dataset]
        assert len(theirs) == len(ours)
        for a, b in zip(epoch_of(ours), theirs, strict=True):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)
        ours.on_epoch_end()


def test_tf_data_shapes_are_static(clips):
    pytest.importorskip("tensorflow")
    spec = clip_dataset(clips, batch_size=8).element_spec
    assert spec.shape.as_list() == [8, 5, 4, 6, 1]
    spec = clip_dataset(clips, batch_size=7).element_spec
    assert spec.shape.as_list() == [None, 5, 4, 6, 1]
    spec = clip_dataset(clips, batch_size=7, drop_remainder=True).element_spec
    assert spec.shape.as_list() == [7, 5, 4, 6, 1]


def test_tf_data_epoch_can_be_set(clips):
    pytest.importorskip("tensorflow")
    counter = EpochCounter()
    dataset = clip_dataset(clips, dtype="uint8", epoch=counter)
    assert dataset.epoch_counter is counter
    counter.set_epoch(6)
    seen = np.concatenate([b.numpy() for b in dataset])
    np.testing.assert_array_equal(seen, clips.gather(clips.order(6)))
    assert counter.epoch == 7


@pytest.mark.backend
@pytest.mark.parametrize("prefer", ["tf.data", "pydataset"])
def test_fit_takes_them_and_epochs_follow(prefer, monkeypatch):
    if prefer == "tf.data":
        pytest.importorskip("tensorflow")
    epochs_seen = []
    real = Clips.order

    def order(self, epoch=0, seed=0, shuffle=True):
        epochs_seen.append(epoch)
        return real(self, epoch, seed, shuffle)

    monkeypatch.setattr(Clips, "order", order)
    frames = np.random.default_rng(0).integers(0, 256, (20, 16, 16, 1))
    clips = Clips([frames.astype(np.uint8)])
    batches = training_batches(clips, prefer=prefer)
    model = CDAE.from_preset("nano", image_size=(16, 16), channels=1)
    history = model.fit(
        batches, epochs=5, initial_epoch=3, shuffle=False, verbose=0
    )
    assert len(history.history["loss"]) == 2
    assert np.isfinite(history.history["loss"]).all()
    wanted = [e for e in epochs_seen if e >= 3]
    assert wanted[:1] == [3]
    assert 4 in wanted


@pytest.mark.backend
def test_worker_threads_keep_the_order(clips):
    model = keras.Sequential([keras.layers.GlobalAveragePooling3D()])
    # Keras 3.15 on JAX mixes up the order while it builds a model in predict.
    model.build((None, *clips.shape))
    batches = ClipBatches(clips, shuffle=False, workers=3)
    seen = model.predict(batches, verbose=0)[:, 0]
    expected = clips[:].mean((1, 2, 3, 4)) / 255
    np.testing.assert_allclose(seen, expected, rtol=1e-5)


def test_auto_prefers_tf_data_where_there_is_tensorflow(clips, monkeypatch):
    pytest.importorskip("tensorflow")
    batches = training_batches(clips)
    assert not isinstance(batches, ClipBatches)
    assert isinstance(batches.epoch_counter, EpochCounter)
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    assert isinstance(training_batches(clips), ClipBatches)
    with pytest.raises(ValueError, match="prefer must be"):
        training_batches(clips, prefer="torch")


def test_without_tensorflow_the_message_has_the_way_out(clips, no_tensorflow):
    with pytest.raises(
        MissingDependencyError, match=r"pip install tensorflow.*ClipBatches"
    ):
        clip_dataset(clips)


def test_from_videos(tmp_path, frames, cache_dir):
    pytest.importorskip("tensorflow")
    for name in ["1.avi", "2.avi"]:
        write_video(tmp_path / "train" / name, frames, fps=5)
    dataset = from_videos(
        tmp_path / "train", image_size=(8, 12), channels=1, batch_size=4
    )
    batches = [b.numpy() for b in dataset]
    assert [b.shape for b in batches] == [(4, 5, 8, 12, 1)] * 4
    one = from_videos(
        [tmp_path / "train" / "1.avi", str(tmp_path / "train" / "2.avi")],
        image_size=(8, 12),
        channels=1,
        batch_size=4,
    )
    for a, b in zip(batches, one, strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="of the GNU C library"
)
def test_memory_is_not_given_back_at_every_turn():
    """As after `from_generator`, which sets a threshold for the process."""
    script = """
import resource
import numpy as np
from keras_cdae.data import Clips, clip_dataset
list(clip_dataset(Clips([np.zeros((40, 8, 8, 1), "uint8")])))
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(3):
    np.ones(2**17)  # 1 MiB
before = faults()
for _ in range(100):
    np.ones(2**17)
print(faults() - before)
"""
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "KERAS_BACKEND": "tensorflow"},
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert int(done.stdout) < 100 * 10  # 100 * 256 if every block is new


def test_no_thread_tunes_the_pipeline():
    """It sleeps up to a minute, and the end of an epoch waits for it."""
    pytest.importorskip("tensorflow")
    dataset = clip_dataset(Clips([np.zeros((8, 4, 4, 1), np.uint8)]))
    assert dataset.options().autotune.enabled is False
