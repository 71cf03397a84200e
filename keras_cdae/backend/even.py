"""Batches that a number of devices can divide without a rest."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from keras_cdae.errors import DeviceError
from keras_cdae.training.division import require_divisible


def even_batches(
    data: Any, devices: int, *, batch_size: int | None = None
) -> Any:
    """Return data whose every batch the devices divide into equal parts.

    A batch that does not come out even, such as the last of an epoch, gets
    each of its clips as often as it takes: its losses and gradients, which are
    means, stay what they are, and no device computes more clips than one
    device alone would. (Losses of validation, and a baseline's of training,
    weigh batches by their size, as Keras does, and so this one more.)

    Args:
        data: what `fit` takes: a `tf.data.Dataset`, a `PyDataset`, an array,
            a tuple of arrays, or None.
        devices: how many; with 1 the data are returned as they are.
        batch_size: clips a batch, for arrays; None: 32, as Keras has it.

    Raises:
        DeviceError: for a batch size that the devices do not divide, arrays
            that are no whole number of batches, or data of another kind.
    """
    if devices == 1 or data is None:
        return data
    if hasattr(data, "element_spec"):  # tf.data.Dataset
        return _even_dataset(data, devices)
    if isinstance(data, keras.utils.PyDataset):
        return EvenBatches(data, devices)
    first = data[0] if isinstance(data, (tuple, list)) and data else data
    if not hasattr(first, "shape"):
        raise DeviceError(
            "Several devices need a tf.data.Dataset, a keras.utils.PyDataset "
            f"or an array of clips. Received: {type(data).__name__}"
        )
    size = batch_size or 32
    require_divisible(size, devices)
    if len(first) % size:
        raise DeviceError(
            f"{len(first)} clips are no whole number of batches of {size}, "
            "which several devices need of an array. Choose another "
            "batch_size, leave out clips, or pass a tf.data.Dataset or a "
            "keras.utils.PyDataset, whose last batch may be smaller."
        )
    return data


class EvenBatches(keras.utils.PyDataset):
    """Another `PyDataset`, its batches made even.

    Args:
        data: the other one.
        devices: how many.
    """

    def __init__(self, data: keras.utils.PyDataset, devices: int) -> None:
        super().__init__(
            workers=data.workers,
            use_multiprocessing=data.use_multiprocessing,
            max_queue_size=data.max_queue_size,
        )
        self.data = data
        self.devices = devices

    def __len__(self) -> int:
        return len(self.data)

    @property
    def num_batches(self) -> int | None:
        """Batches an epoch; None where unknown."""
        return self.data.num_batches

    def __getitem__(self, index: int) -> Any:
        batch = self.data[index]
        count = len(keras.tree.flatten(batch)[0])
        times = self.devices // math.gcd(count, self.devices)
        if times == 1:
            return batch
        return keras.tree.map_structure(
            lambda x: np.repeat(np.asarray(x), times, axis=0), batch
        )

    def on_epoch_begin(self) -> None:
        """Pass it on."""
        self.data.on_epoch_begin()

    def on_epoch_end(self) -> None:
        """Pass it on."""
        self.data.on_epoch_end()


def _even_dataset(data: Any, devices: int) -> Any:
    import tensorflow as tf

    sizes = {spec.shape[0] for spec in tf.nest.flatten(data.element_spec)}
    for size in sizes - {None}:
        require_divisible(size, devices)
    if None not in sizes:
        return data

    def repeat(times: Any) -> Callable[[Any], Any]:
        return lambda x: tf.repeat(x, times, axis=0)

    def even(*batch: Any) -> Any:
        count = tf.shape(tf.nest.flatten(batch)[0])[0]
        factors = tf.range(1, devices + 1)
        fits = tf.equal(count * factors % devices, 0)
        times = factors[tf.argmax(tf.cast(fits, tf.int32))]
        made = tf.nest.map_structure(repeat(times), batch)
        return made if len(made) > 1 else made[0]

    return data.map(even, num_parallel_calls=tf.data.AUTOTUNE)
