"""The layers of the method, usable in any Keras model."""

from keras_cdae.layers.blocks import DownBlock, UpBlock
from keras_cdae.layers.deep_kmeans import DeepKMeans
from keras_cdae.layers.variance_attention import VarianceAttention

__all__ = ["DeepKMeans", "DownBlock", "UpBlock", "VarianceAttention"]
