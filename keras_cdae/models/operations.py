"""Count what a model computes for one clip."""

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import keras
import numpy as np

from keras_cdae.layers.deep_kmeans import DeepKMeans
from keras_cdae.models.clip_scorer import ClipScorer

Shape = Sequence[int]


def count_operations(model: ClipScorer) -> int:
    """Return the multiply-accumulates of scoring one clip.

    One clip is scored, and every call of a layer counted by the shapes that it
    meets. Counted are products of weights with features: convolutions, also
    transposed, 3-D and recurrent, dense layers, distances to centroids, and
    what a layer's own `multiply_accumulates(shape)` says, as that of a memory.
    Not counted: biases, activations, pooling, resizing, the error itself.

    Args:
        model: any model of the package.

    Raises:
        TypeError: if a layer with weights is of a kind that has no rule.

    Example:
        >>> from keras_cdae import CDAE
        >>> model = CDAE.from_preset("nano", image_size=(32, 32), channels=1)
        >>> count_operations(model) > 10**6
        True
    """
    total = 0
    layers = list(_counted(model))

    def watch(layer: keras.Layer, method: str) -> Callable[..., Any]:
        original = getattr(layer, method)

        def call(x: Any, *args: Any, **kwargs: Any) -> Any:
            nonlocal total
            outputs = original(x, *args, **kwargs)
            total += _operations(layer, tuple(x.shape), outputs)
            return outputs

        return call

    for layer, method in layers:
        object.__setattr__(layer, method, watch(layer, method))
    try:
        model.score_tensors(np.zeros((1, *model.clip_shape), "uint8"))
    finally:
        for layer, method in layers:
            object.__delattr__(layer, method)
    return total


def _counted(layer: keras.Layer) -> Iterator[tuple[keras.Layer, str]]:
    """Yield the layers that have a rule, and the method that is called."""
    if isinstance(layer, DeepKMeans):
        yield layer, "_squared_distances"
        return
    if hasattr(layer, "multiply_accumulates") or isinstance(
        layer, tuple(RULES)
    ):
        yield layer, "call"
        return
    inner = list(layer._flatten_layers(include_self=False, recursive=False))
    if not inner and layer.trainable_weights:
        raise TypeError(
            f"No rule to count the operations of {layer.name}, a "
            f"{type(layer).__name__}: give it multiply_accumulates(shape)."
        )
    for each in inner:
        if not isinstance(each, keras.metrics.Metric):
            yield from _counted(each)


def _operations(layer: keras.Layer, inputs: Shape, outputs: Any) -> int:
    if isinstance(layer, DeepKMeans):
        return math.prod(inputs) * layer.num_clusters
    if hasattr(layer, "multiply_accumulates"):
        return int(layer.multiply_accumulates(inputs))
    rule = next(r for kind, r in RULES.items() if isinstance(layer, kind))
    return rule(layer, inputs, tuple(outputs.shape))


def _convolution(layer: Any, inputs: Shape, outputs: Shape) -> int:
    """Every output place meets the kernel once."""
    return math.prod(outputs[:-1]) * math.prod(layer.kernel.shape)


def _transposed(layer: Any, inputs: Shape, outputs: Shape) -> int:
    """Every input place meets the kernel once."""
    return math.prod(inputs[:-1]) * math.prod(layer.kernel.shape)


def _recurrent(layer: Any, inputs: Shape, outputs: Shape) -> int:
    """At every step, both kernels at every place of the state."""
    steps, places = inputs[1], math.prod(outputs[-3:-1])
    kernels = math.prod(layer.cell.kernel.shape) + math.prod(
        layer.cell.recurrent_kernel.shape
    )
    return inputs[0] * steps * places * kernels


RULES: dict[type, Callable[[Any, Shape, Shape], int]] = {
    # Transposed ones first: they are convolutions to Keras, too.
    keras.layers.Conv2DTranspose: _transposed,
    keras.layers.Conv3DTranspose: _transposed,
    keras.layers.Conv2D: _convolution,
    keras.layers.Conv3D: _convolution,
    keras.layers.ConvLSTM2D: _recurrent,
    keras.layers.Dense: _convolution,
}
