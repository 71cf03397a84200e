"""The graph that every format is made from: the whole scorer, frozen."""

import contextlib
import math
import os
import re
import tempfile
import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np

from keras_cdae.errors import CDAEError, ExportError
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runtime.interpreters import INPUT


def float_operations(model: ClipScorer) -> re.Pattern[str]:
    """Return what finds, by their names, the operations that int8 leaves be.

    The encoders: normal codes lie so close to their centroids that rounding in
    an encoder moves the distances by as much as an event does. And the last
    convolution of each decoder: 256 levels of what it may give are coarse
    beside the errors that it is for. Of a model without codes: none.

    Args:
        model: any model of the package.
    """
    if not isinstance(model, CDAE):
        return re.compile("(?!)")
    encoders = (model.appearance_encoder, model.motion_encoder)
    decoders = (model.appearance_decoder, model.motion_decoder)
    return re.compile(
        "|".join(
            [re.escape(each.name) for each in encoders]
            # A second trace numbers the scopes: motion_decoder_1/output_1.
            + [
                rf"{re.escape(each.name)}(_\d+)?/"
                rf"{re.escape(each.output_layer.name)}(_\d+)?/"
                for each in decoders
            ]
        )
    )


def spare_outputs(model: ClipScorer) -> tuple[str, ...]:
    """Return the outputs that are costly, and that no score or map needs.

    The error of both reconstructions takes the whole appearance decoder. A
    model whose score is made of other terms decodes appearance for nothing
    else.

    Args:
        model: any model of the package.
    """
    if isinstance(model, CDAE) and "error" not in model.score_terms:
        return ("error",)
    return ()


def score_graph(
    model: ClipScorer,
    *,
    batch: int | None,
    offset: float = 0.0,
    lean: bool = False,
) -> tuple[Any, Any]:
    """Return a `tf.Module` and its function `score`, weights as constants.

    Args:
        model: it computes in float32, under the tensorflow backend.
        batch: clips a call; None: any number.
        offset: subtracted from the score, before `z` is made of it.
        lean: leave out the `spare_outputs`, and what computes them.

    Returns:
        The module, whose `score` takes `clips`, uint8 (batch, T, H, W, C), and
        returns the outputs by name; and the signature of `score`.
    """
    import tensorflow as tf
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    shape = (batch, model.clip_length, *model.image_size, model.channels)
    signature = [tf.TensorSpec(shape, tf.uint8, name=INPUT)]

    row = math.prod(shape[2:])
    left_out = spare_outputs(model) if lean else ()

    def outputs(clips: Any) -> dict[str, Any]:
        # Scaled as long rows: onnxruntime multiplies one last axis at a time,
        # which is forty times slower where that is a single channel of grey.
        rows = tf.reshape(clips, (batch or -1, model.clip_length, row))
        floats = tf.cast(rows, tf.float32) / 255.0
        tensors = model.score_tensors(
            tf.reshape(floats, (batch or -1, *shape[1:]))
        )
        for name in left_out:
            del tensors[name]
        if offset:
            tensors["score"] = tensors["score"] - np.float32(offset)
        if model.calibration is not None:
            location = np.float32(model.calibration.location["score"])
            scale = np.float32(model.calibration.scale["score"])
            tensors["z"] = (tensors["score"] - location) / scale
        return tensors

    traced = tf.function(
        outputs, input_signature=signature, autograph=False
    ).get_concrete_function()
    names = sorted(traced.structured_outputs)  # the order of flat outputs
    frozen = convert_variables_to_constants_v2(traced)

    def score(clips: Any) -> dict[str, Any]:
        return dict(zip(names, frozen(clips), strict=True))

    module = tf.Module()
    module.score = tf.function(
        score, input_signature=signature, autograph=False
    )
    return module, signature


@contextlib.contextmanager
def quiet(what: str) -> Iterator[None]:
    """Hold back a converter's chatter; show its end where it fails.

    The converters write to file descriptor 2, past Python's logging.
    """
    with tempfile.TemporaryFile() as log:
        saved = os.dup(2)
        os.dup2(log.fileno(), 2)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except CDAEError:
            raise
        except Exception as error:
            log.seek(0)
            lines = log.read().decode(errors="replace").splitlines()[-5:]
            raise ExportError(
                f"{what} failed: {error}. Its last words: {' '.join(lines)}"
            ) from error
        finally:
            os.dup2(saved, 2)
            os.close(saved)
