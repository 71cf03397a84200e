"""Train on more than one device: each batch is divided among copies.

Under jax by `keras.distribution.DataParallel`, under tensorflow by
`tf.distribute.MirroredStrategy`. Every device holds all weights and gets an
equal part of each batch; losses are means over the whole batch, and all copies
make the same step, so that training is that of one device up to rounding.
"""

import contextlib
from collections.abc import Iterator

import keras

from keras_cdae.backend import device_names, replicate
from keras_cdae.errors import DeviceError

PARALLEL = ("tensorflow", "jax")  # backends whose `fit` divides batches


@contextlib.contextmanager
def data_parallel(devices: int) -> Iterator[None]:
    """Let models that are made in the block train on several devices.

    Make, load and fit the model inside the block; it may be used and saved
    after it. A `DataParallel` distribution or a `MirroredStrategy` of your
    own does as well.

    Args:
        devices: how many, the first that the backend lists; 1 changes
            nothing.

    Raises:
        DeviceError: if there are fewer, or the backend cannot.

    Example:
        >>> with data_parallel(1):
        ...     keras.distribution.distribution() is None
        True
    """
    names = require_devices(devices)
    with contextlib.nullcontext() if devices == 1 else replicate(names):
        yield


def require_devices(devices: int) -> list[str]:
    """Return the names of the devices to train on.

    Args:
        devices: how many.

    Raises:
        DeviceError: if there are fewer, or the backend cannot.
    """
    if devices < 1:
        raise DeviceError(
            f"devices must be at least 1. Received: devices={devices!r}"
        )
    backend = keras.backend.backend()
    if devices > 1 and backend not in PARALLEL:
        raise DeviceError(
            f"Keras {keras.__version__} trains on one device under {backend}. "
            "Train under jax or tensorflow (weights and models load under "
            "every backend), or leave out devices. "
            f"Received: devices={devices}"
        )
    names = device_names()
    if devices > len(names):
        raise DeviceError(
            f"{backend} has {len(names)} of the {devices} devices: "
            f"{', '.join(names)}. Lower devices, or see that the others are "
            "visible to the backend (drivers, CUDA_VISIBLE_DEVICES)."
        )
    return names[:devices]
