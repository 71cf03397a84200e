"""What the edge runtime says about one frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Score:
    """The score of one clip; it belongs to the clip's last frame.

    Args:
        frame: 0-based number of the frame since the start or `reset`.
        score: log-score, `log(1 / s)` of Eq. 14 or what the model has
            instead, higher = more anomalous.
        z: standardised score; None where the model is uncalibrated.
        p: share of normal clips that score as high; None likewise.
        alarm: whether the score is above the threshold; None likewise.
        terms: logs of the terms that a score is made of, by name.
        map: float32 array (h, w), the low-resolution anomaly map.
    """

    frame: int
    score: float
    z: float | None
    p: float | None
    alarm: bool | None
    terms: Mapping[str, float]
    map: np.ndarray = field(repr=False)
