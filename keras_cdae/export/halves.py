"""16-bit filters in a TFLite file, and nothing else in 16 bits.

The converter's own float16 stores every constant so: also the centroids and
their squared norms, whose small differences are the distances, and the tiny
numbers that keep logarithms and roots finite, which become 0.

Nor are the smallest filters shortened: they are those of the first layers,
whose rounding goes through all that follow, and there is little to save.
"""

import itertools
import math
from typing import Any

import numpy as np

FILE_IDENTIFIER = b"TFL3"
# Of all values in filters, how many stay in 32 bits.
WHOLE = 0.15
DEQUANTIZE_VERSION = 3  # of the operator: the first to take 16-bit floats


def halve_filters(flatbuffer: bytes) -> bytes:
    """Store the larger filters of convolutions in 16 bits.

    The smallest stay in 32, as many as hold `WHOLE` of all values. An operator
    makes floats of each; interpreters run it once, when they load the file.

    Args:
        flatbuffer: a TFLite model of 32-bit floats, with one graph.

    Returns:
        The same model with shorter filters.
    """
    import flatbuffers
    from ai_edge_litert import schema_py_generated as schema

    model = schema.ModelT.InitFromObj(
        schema.Model.GetRootAsModel(flatbuffer, 0)
    )
    (graph,) = model.subgraphs
    filters = _filters(model, schema)
    operators = [_halve(model, index, schema) for index in filters]
    graph.operators = operators + graph.operators
    model.operatorCodes.append(_dequantize(schema))
    _forget_unused(model)
    builder = flatbuffers.Builder(len(flatbuffer))
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


def _filters(model: Any, schema: Any) -> list[int]:
    """Return the numbers of the tensors that are the larger filters."""
    convolution = schema.BuiltinOperator.CONV_2D
    (graph,) = model.subgraphs
    found = {
        int(operator.inputs[1])
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode == convolution
    }
    sizes = {i: math.prod(map(int, graph.tensors[i].shape)) for i in found}
    rising = sorted(found, key=lambda index: (sizes[index], index))
    so_far = itertools.accumulate(sizes[index] for index in rising)
    most = WHOLE * sum(sizes.values())
    return sorted(
        index
        for index, total in zip(rising, so_far, strict=True)
        if total > most
    )


def _halve(model: Any, index: int, schema: Any) -> Any:
    """Add a tensor's values in 16 bits; return what computes it of them."""
    graph = model.subgraphs[0]
    whole = graph.tensors[index]
    values = np.asarray(model.buffers[whole.buffer].data, np.uint8)
    buffer = schema.BufferT()
    buffer.data = values.view("<f4").astype("<f2").view(np.uint8)
    half = schema.TensorT()
    half.name = whole.name + b"/half"
    half.shape = whole.shape
    half.type = schema.TensorType.FLOAT16
    half.buffer = len(model.buffers)
    whole.buffer = len(model.buffers) + 1
    model.buffers += [buffer, schema.BufferT()]
    operator = schema.OperatorT()
    operator.opcodeIndex = len(model.operatorCodes)  # it comes last
    operator.inputs = np.asarray([len(graph.tensors)], np.int32)
    operator.outputs = np.asarray([index], np.int32)
    graph.tensors.append(half)
    return operator


def _dequantize(schema: Any) -> Any:
    code = schema.OperatorCodeT()
    code.builtinCode = schema.BuiltinOperator.DEQUANTIZE
    code.deprecatedBuiltinCode = code.builtinCode
    code.version = DEQUANTIZE_VERSION
    return code


def _forget_unused(model: Any) -> None:
    """Empty the buffers that neither a tensor nor metadata name."""
    used = {tensor.buffer for tensor in model.subgraphs[0].tensors}
    used |= {entry.buffer for entry in model.metadata or ()}
    for index, buffer in enumerate(model.buffers):
        if index not in used:
            buffer.data = None
