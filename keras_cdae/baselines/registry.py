"""Every model that can be trained, by the name that settings give it."""

from collections.abc import Mapping
from types import MappingProxyType

from keras_cdae.baselines.base import BaselineModel
from keras_cdae.baselines.conv2d_ae import Conv2DAutoencoder
from keras_cdae.baselines.convlstm_ae import ConvLSTMAutoencoder
from keras_cdae.baselines.flow_cdae import FlowCDAE
from keras_cdae.baselines.frame_prediction import FramePrediction
from keras_cdae.baselines.memae import MemoryAutoencoder
from keras_cdae.baselines.plain_cdae import PlainCDAE
from keras_cdae.models.cdae import CDAE

MODELS: Mapping[str, type[CDAE] | type[BaselineModel]] = MappingProxyType(
    {
        "cdae": CDAE,
        "conv2d-ae": Conv2DAutoencoder,
        "memae": MemoryAutoencoder,
        "convlstm-ae": ConvLSTMAutoencoder,
        "frame-prediction": FramePrediction,
        "plain-cdae": PlainCDAE,
        "flow-cdae": FlowCDAE,
    }
)
