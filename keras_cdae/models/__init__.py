"""The model and its presets."""

from keras_cdae.models.autoencoder import Decoder, Encoder
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.models.operations import count_operations
from keras_cdae.models.presets import PRESETS, Preset

__all__ = [
    "CDAE",
    "ClipScorer",
    "Decoder",
    "Encoder",
    "PRESETS",
    "Preset",
    "count_operations",
]
