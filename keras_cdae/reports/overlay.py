"""A heat map laid over a frame, as an array: no figure, no file."""

import numpy as np

from keras_cdae.data.images import resize_map

# Corners of OpenCV's and matplotlib's `inferno`, interpolated between: no
# plotting library is needed where frames are drawn by the thousand.
STOPS = np.array(
    [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]],
    np.float32,
)


def heat_overlay(
    frame: np.ndarray,
    heat_map: np.ndarray,
    *,
    low: float,
    high: float,
    strength: float = 0.6,
) -> np.ndarray:
    """Blend a map over a frame: transparent at `low`, bright at `high`.

    The scale is given, not taken from the map, so that a calm frame looks
    calm: use one pair for a whole video, such as the median and the peak of
    normal video.

    Args:
        frame: uint8 (H, W, 3) RGB, or grey (H, W) or (H, W, 1).
        heat_map: (h, w), any resolution, higher = more anomalous.
        low: value that is shown as nothing.
        high: value that is shown at full strength.
        strength: opacity there, in [0, 1].

    Returns:
        uint8 (H, W, 3) RGB.

    Raises:
        ValueError: if `high` is not above `low`, or a shape is wrong.

    Example:
        >>> frame = np.full((8, 8), 100, np.uint8)
        >>> heat_overlay(frame, np.zeros((2, 2)), low=0, high=1)[0, 0].tolist()
        [100, 100, 100]
    """
    if not high > low:
        raise ValueError(
            f"high must be above low. Received: low={low}, high={high}"
        )
    if heat_map.ndim != 2:
        raise ValueError(
            f"heat_map must be (h, w). Received: shape {heat_map.shape}"
        )
    picture = frame.reshape(*frame.shape[:2], -1).astype(np.float32)
    heat = resize_map(heat_map, picture.shape[:2])
    heat = np.clip((heat - low) / (high - low), 0.0, 1.0)
    places = heat * (len(STOPS) - 1)
    below = np.minimum(places.astype(np.int64), len(STOPS) - 2)
    part = (places - below)[..., None]
    color = STOPS[below] * (1 - part) + STOPS[below + 1] * part
    opacity = strength * heat[..., None]
    return np.rint(picture * (1 - opacity) + color * opacity).astype(np.uint8)
