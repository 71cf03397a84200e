"""How well scores find anomalies: the frame-level AUC family, EER and AP.

Scores are higher = more anomalous, labels 1 = anomalous, one 1-D array a
video. A metric that the data cannot define (one class only) is `None`.
"""

from keras_cdae.metrics.frame import (
    equal_error_rate,
    frame_metrics,
    macro_auc,
    micro_auc,
    per_video_min_max,
    smooth,
)

__all__ = [
    "equal_error_rate",
    "frame_metrics",
    "macro_auc",
    "micro_auc",
    "per_video_min_max",
    "smooth",
]
