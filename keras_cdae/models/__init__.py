"""The model and its presets."""

from keras_cdae.models.autoencoder import Decoder, Encoder
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.presets import PRESETS, Preset

__all__ = ["CDAE", "Decoder", "Encoder", "PRESETS", "Preset"]
