"""TFLite (LiteRT): batch 1, built-in operators only."""

import hashlib
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.export.graph import float_operations, quiet, score_graph
from keras_cdae.export.halves import halve_filters
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runtime.metadata import FILE_NAME

# What int8 quantises, where `float_operations` lets it. All else stays in
# floats: 256 levels cannot hold the squared distances, nor the attention's
# softmax, nor the error; and what lies between two convolutions loses more by
# being rounded once more than is gained in time.
INT8_OPERATOR = "CONV_2D"


def write(
    model: ClipScorer,
    path: Path,
    *,
    quantize: str,
    clips: np.ndarray | None,
    offset: float = 0.0,
    lean: bool = False,
) -> None:
    """Write the scorer as a flatbuffer.

    Args:
        model: it computes in float32, under the tensorflow backend.
        path: the target.
        quantize: what the table of formats offers.
        clips: representative clips, uint8 (count, T, H, W, C), for int8.
        offset: subtracted from the score.
        lean: leave out what neither score nor map needs.
    """
    import tensorflow as tf

    with quiet("The TFLite converter"):
        module, _ = score_graph(model, batch=1, offset=offset, lean=lean)
        function = module.score.get_concrete_function()

        def new_converter() -> Any:
            converter = tf.lite.TFLiteConverter.from_concrete_functions(
                [function], module
            )
            builtins = tf.lite.OpsSet.TFLITE_BUILTINS
            converter.target_spec.supported_ops = [builtins]
            return converter

        converter = new_converter()
        if quantize in ("dynamic", "int8"):
            converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if quantize == "int8":
            assert clips is not None  # checked by export
            in_floats = _float_tensors(model, new_converter().convert())
            flatbuffer = _mixed(converter, clips, in_floats)
        else:
            flatbuffer = converter.convert()
        if quantize == "float16":
            flatbuffer = halve_filters(flatbuffer)
    path.write_bytes(flatbuffer)


def embed(path: Path, metadata: dict[str, Any]) -> None:
    """Append the metadata as a zip archive, as TFLite metadata does.

    The archive's comment is the SHA-256 of the flatbuffer before it.
    """
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FILE_NAME, json.dumps(metadata, indent=2))
        archive.comment = digest.encode("ascii")


def _float_tensors(model: ClipScorer, flatbuffer: bytes) -> list[str]:
    """Return the names of all that is not to be quantised."""
    from ai_edge_litert.interpreter import Interpreter

    details = Interpreter(model_content=flatbuffer).get_tensor_details()
    in_floats = float_operations(model)
    return [t["name"] for t in details if in_floats.search(t["name"])]


def _mixed(converter: Any, clips: np.ndarray, in_floats: list[str]) -> bytes:
    """Quantise by representative clips, but not what stays in floats."""
    import tensorflow as tf
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    def representative() -> Iterator[list[np.ndarray]]:
        for clip in clips:
            yield [clip[np.newaxis]]

    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS_INT8,
        tf.lite.OpsSet.TFLITE_BUILTINS,
    ]
    known = {name for name in vars(BuiltinOperator) if name.isupper()}
    debugger = tf.lite.experimental.QuantizationDebugger(
        converter=converter,
        debug_dataset=representative,
        debug_options=tf.lite.experimental.QuantizationDebugOptions(
            denylisted_ops=sorted(known - {INT8_OPERATOR}),
            denylisted_nodes=in_floats,
        ),
    )
    return debugger.get_nondebug_quantized_model()
