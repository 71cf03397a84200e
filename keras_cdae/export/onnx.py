"""ONNX, through tf2onnx: any batch."""

import json
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.export.graph import float_operations, quiet, score_graph
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runtime.interpreters import INPUT
from keras_cdae.runtime.metadata import KEY

OPSET = 17


def write(
    model: ClipScorer,
    path: Path,
    *,
    quantize: str,
    clips: np.ndarray | None,
    offset: float = 0.0,
    lean: bool = False,
) -> None:
    """Write the scorer as an ONNX file; arguments as in `tflite.write`."""
    import tf2onnx

    with quiet("tf2onnx"):
        module, signature = score_graph(
            model, batch=None, offset=offset, lean=lean
        )
        tf2onnx.convert.from_function(
            module.score,
            input_signature=signature,
            opset=OPSET,
            output_path=str(path),
        )
        if quantize == "int8":
            assert clips is not None  # checked by export
            _quantize(path, clips, float_operations(model))


def embed(path: Path, metadata: dict[str, Any]) -> None:
    """Put the metadata into a property of the file."""
    import onnx

    model = onnx.load(str(path))
    onnx.helper.set_model_props(model, {KEY: json.dumps(metadata)})
    onnx.save(model, str(path))


def _quantize(
    path: Path, clips: np.ndarray, in_floats: re.Pattern[str]
) -> None:
    """Quantise convolutions by representative clips, but not `in_floats`."""
    import onnx
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Reader(quantization.CalibrationDataReader):
        def __init__(self) -> None:
            self.clips: Iterator[np.ndarray] = iter(clips)

        def get_next(self) -> dict[str, np.ndarray] | None:
            clip = next(self.clips, None)
            return None if clip is None else {INPUT: clip[np.newaxis]}

    with tempfile.TemporaryDirectory() as folder:
        prepared = str(Path(folder) / "prepared.onnx")
        quant_pre_process(str(path), prepared, skip_symbolic_shape=True)
        graph = onnx.load(prepared).graph
        weights = {each.name for each in graph.initializer}
        quantization.quantize_static(
            prepared,
            str(path),
            Reader(),
            quant_format=quantization.QuantFormat.QDQ,
            op_types_to_quantize=["Conv"],
            nodes_to_exclude=[
                node.name
                for node in graph.node
                # tf2onnx renames some; what their weights were called stays.
                if any(
                    in_floats.search(name)
                    for name in (node.name, *weights.intersection(node.input))
                )
            ],
            per_channel=True,
            activation_type=quantization.QuantType.QUInt8,
            weight_type=quantization.QuantType.QInt8,
        )
