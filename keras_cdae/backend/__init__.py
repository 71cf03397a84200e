"""Gradient plumbing of the active Keras backend, and nothing else.

Every module here offers the same two names: `AlternatingStep`, the mixin that
gives `CDAE` its `train_step` and `test_step`, and `compile_forward`, which
compiles a function of a model's weights and one input. The mathematics of a
step is `CDAE.block_losses`, written once.
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

__all__ = ["AlternatingStep", "SUPPORTED", "compile_forward"]
