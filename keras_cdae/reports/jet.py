"""The jet colours of the paper's Fig. 5, without a plotting library."""

import numpy as np

OPACITY = 0.5


def jet(values: np.ndarray) -> np.ndarray:
    """Colour values from blue (0) over green to red (1).

    Args:
        values: any shape; cut off at 0 and 1.

    Returns:
        Float32 (..., 3) RGB in [0, 1].

    Example:
        >>> jet(np.array([0.0, 0.5, 1.0])).tolist()
        [[0.0, 0.0, 0.5], [0.5, 1.0, 0.5], [0.5, 0.0, 0.0]]
    """
    places = np.clip(np.asarray(values, np.float32), 0.0, 1.0)[..., None]
    centres = np.array([3.0, 2.0, 1.0], np.float32)  # red, green, blue
    return np.clip(1.5 - np.abs(4.0 * places - centres), 0.0, 1.0)


def attention_overlay(grey: np.ndarray, attention: np.ndarray) -> np.ndarray:
    """Lay an attention map over a frame, scaled to its own range.

    Args:
        grey: (H, W) in [0, 1].
        attention: (H, W), any range; even all over, it is shown as blue.

    Returns:
        Float32 (H, W, 3) RGB in [0, 1].
    """
    low, high = float(attention.min()), float(attention.max())
    spread = max(high - low, 1e-12)
    color = jet((attention - low) / spread)
    return (1 - OPACITY) * grey[..., None].astype(np.float32) + OPACITY * color
