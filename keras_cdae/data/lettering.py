"""Words in a picture: the one place that draws text on frames."""

import cv2
import numpy as np

_FONT = cv2.FONT_HERSHEY_SIMPLEX


def write_words(
    image: np.ndarray,
    words: str,
    place: tuple[int, int],
    *,
    height: int,
    colour: tuple[int, int, int] = (255, 255, 255),
) -> int:
    """Draw a line of ASCII text into a picture, in place.

    Args:
        image: uint8 (H, W, 3) RGB, C-contiguous; it is changed.
        words: the text.
        place: (row, column) of its lower left corner, in pixels.
        height: of a capital letter, in pixels.
        colour: RGB.

    Returns:
        The column behind the text.

    Example:
        >>> image = np.zeros((20, 60, 3), np.uint8)
        >>> write_words(image, "z 4.2", (15, 2), height=8) > 20, image.max() > 0
        (True, np.True_)
    """
    row, column = place
    scale = cv2.getFontScaleFromHeight(_FONT, height, 1)
    cv2.putText(
        image, words, (column, row), _FONT, scale, colour, 1, cv2.LINE_AA
    )
    (width, _), _ = cv2.getTextSize(words, _FONT, scale, 1)
    return column + width
