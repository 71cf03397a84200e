"""Batches are made even without a change of their means."""

import keras
import numpy as np
import pytest

from keras_cdae.backend.even import EvenBatches, even_batches
from keras_cdae.data import ClipBatches, Clips, clip_dataset
from keras_cdae.errors import DeviceError
from keras_cdae.training.division import require_divisible


@pytest.fixture
def clips(rng):
    """Seven clips of five frames."""
    return Clips([rng.integers(0, 255, (11, 8, 8, 1), np.uint8)])


def test_one_device_takes_the_data_as_they_are(clips):
    data = ClipBatches(clips, batch_size=3)
    assert even_batches(data, 1) is data
    assert even_batches(None, 4) is None


@pytest.mark.parametrize("paired", [None, 0.5])
@pytest.mark.parametrize("devices", [2, 3, 4])
def test_batches_come_out_even(clips, devices, paired):
    options = {"batch_size": 4, "dtype": "uint8", "pseudo_anomalies": paired}
    plain = ClipBatches(clips, **options)
    even = even_batches(plain, devices)
    assert isinstance(even, EvenBatches)
    assert len(even) == even.num_batches == 2
    for index in range(2):
        before = keras.tree.flatten(plain[index])
        after = keras.tree.flatten(even[index])
        assert len(before) == len(after) == (1 if paired is None else 2)
        for old, new in zip(before, after, strict=True):
            assert len(new) % devices == 0
            assert len(new) // devices <= len(old)
            times = len(new) // len(old)
            np.testing.assert_array_equal(new[::times], old)
            np.testing.assert_allclose(new.mean(0), old.mean(0))


def test_order_of_an_epoch_is_passed_on(clips):
    plain = ClipBatches(clips, batch_size=4)
    even = even_batches(plain, 2)
    even.on_epoch_begin()
    even.on_epoch_end()
    assert plain.epoch == 1


@pytest.mark.parametrize("paired", [None, 0.5])
def test_tf_data_gives_the_same(clips, paired):
    pytest.importorskip("tensorflow")
    options = {"batch_size": 4, "dtype": "uint8", "pseudo_anomalies": paired}
    made = list(even_batches(clip_dataset(clips, **options), 2))
    wanted = EvenBatches(ClipBatches(clips, **options), 2)
    assert len(made) == len(wanted)
    for index, batch in enumerate(made):
        for mine, theirs in zip(
            keras.tree.flatten(batch),
            keras.tree.flatten(wanted[index]),
            strict=True,
        ):
            np.testing.assert_array_equal(mine, theirs)


def test_static_batches_are_checked_at_once(clips):
    pytest.importorskip("tensorflow")
    data = clip_dataset(clips, batch_size=3, drop_remainder=True)
    assert even_batches(data, 3) is data
    with pytest.raises(DeviceError, match="2 devices do not divide a batch"):
        even_batches(data, 2)


def test_arrays_are_whole_batches():
    clips = np.zeros((8, 5, 8, 8, 1), "uint8")
    assert even_batches(clips, 2, batch_size=4) is clips
    with pytest.raises(DeviceError, match="8 clips are no whole number"):
        even_batches(clips, 2, batch_size=6)
    with pytest.raises(DeviceError, match="multiple, such as 2 or 4"):
        even_batches((clips, clips), 2, batch_size=3)


def test_other_data_are_refused():
    with pytest.raises(DeviceError, match="Received: generator"):
        even_batches((i for i in range(3)), 2)


@pytest.mark.parametrize(
    ("size", "devices", "near"), [(7, 2, "6 or 8"), (3, 4, "4")]
)
def test_message_names_sizes_that_are_possible(size, devices, near):
    with pytest.raises(DeviceError, match=f"multiple, such as {near}\\."):
        require_divisible(size, devices)
    require_divisible(2 * devices, devices)
