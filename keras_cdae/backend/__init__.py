"""What differs between the Keras backends, and nothing else.

The module of each backend offers the same names: `AlternatingStep`, the mixin
that gives `CDAE` its `train_step` and `test_step`; `compile_forward`, which
compiles a function of a model's weights and one input; `convolve`, a better
convolution than Keras's, or None; `precise_matmul`, a product whose factors
are not rounded, where the backend lets one say so; and for more than one device
(see `backend.devices`) `device_names`, `replicate`, `replica_count` and
`loss_share`. The mathematics of a step is `CDAE.block_losses`, written once.
"""

import importlib

import keras

from keras_cdae.errors import MissingDependencyError

SUPPORTED = ("tensorflow", "jax", "torch")

if keras.backend.backend() not in SUPPORTED:
    raise MissingDependencyError(
        f"keras_cdae trains under the backends {', '.join(SUPPORTED)}; "
        f"Keras runs on {keras.backend.backend()!r}. Set KERAS_BACKEND to one "
        "of them before the first import of keras."
    )

_module = importlib.import_module(f"{__name__}.{keras.backend.backend()}")

AlternatingStep = _module.AlternatingStep
compile_forward = _module.compile_forward
convolve = _module.convolve  # for `layers.convolution`; may be None
device_names = _module.device_names
loss_share = _module.loss_share
precise_matmul = _module.precise_matmul
replica_count = _module.replica_count
replicate = _module.replicate

__all__ = [
    "AlternatingStep",
    "SUPPORTED",
    "compile_forward",
    "device_names",
    "loss_share",
    "precise_matmul",
    "replica_count",
    "replicate",
]
