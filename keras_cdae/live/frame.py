"""One frame of a live source."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class LiveFrame:
    """One frame of a live source.

    Attributes:
        index: 0-based number among all frames that the camera gave.
        run: number of the unbroken row of frames that it belongs to: no clip
            reaches from one run into another.
        time: when it was due, in seconds of the monotonic clock.
        wall: the same in seconds since 1970.
        image: uint8 (H, W, 3) BGR.
    """

    index: int
    run: int
    time: float
    wall: float
    image: np.ndarray
