"""How well anomalies are found: in time, in the picture, as events.

- frames: the AUC family, EER and AP (`frame_metrics`);
- pixels: UCSD's criterion (`pixel_auc`);
- regions and tracks: RBDC and TBDC (`region_metrics`);
- events: found segments against true intervals (`event_metrics`).

Scores are higher = more anomalous, labels 1 = anomalous, one array a video. A
metric that the data cannot define (one class only) is `None`.
"""

from keras_cdae.metrics.events import event_metrics, intervals
from keras_cdae.metrics.frame import (
    equal_error_rate,
    frame_metrics,
    macro_auc,
    micro_auc,
    per_video_min_max,
    smooth,
)
from keras_cdae.metrics.pixel import pixel_auc, pixel_scores
from keras_cdae.metrics.region import region_curve, region_metrics
from keras_cdae.metrics.tracks import Region, draw_regions, mask_regions

__all__ = [
    "Region",
    "draw_regions",
    "equal_error_rate",
    "event_metrics",
    "frame_metrics",
    "intervals",
    "macro_auc",
    "mask_regions",
    "micro_auc",
    "per_video_min_max",
    "pixel_auc",
    "pixel_scores",
    "region_curve",
    "region_metrics",
    "smooth",
]
