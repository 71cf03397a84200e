"""The region of interest: the part of the picture that counts.

A clock in the corner, a tree in the wind, a street that is nobody's business:
what lies outside is black for the model, in training and wherever it scores.

A region is kept as COCO keeps a mask, as uncompressed run lengths: how many
pixels are outside, inside, outside ... down the columns, one after the other.
"""

import operator
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.data.finding import PathLike
from keras_cdae.data.images import prepare_frame, read_raw, resize_mask
from keras_cdae.errors import DataError

WHITE = 128  # from this brightness on
BETWEEN = (32, 223)  # what is neither black nor white
TOLERANCE = 0.05  # of the ratio of the sides


def read_roi(path: PathLike) -> np.ndarray:
    """Read a region of interest from a picture of the camera's view.

    Args:
        path: an image of any size: white counts, black does not.

    Returns:
        bool `(H, W)`, of the picture's size: what counts.

    Raises:
        VideoError: if the file cannot be read as an image.
        DataError: if nothing in it is white, or it is no picture in black and
            white.
    """
    grey = prepare_frame(read_raw(Path(path)), image_size=None, channels=1)
    low, high = BETWEEN
    if np.mean((grey > low) & (grey < high)) > TOLERANCE:
        raise DataError(
            f"{path}: is no picture in black and white. Paint all of it: white "
            "what counts, and black what does not."
        )
    roi = grey[..., 0] >= WHITE
    if not roi.any():
        raise DataError(
            f"{path}: nothing in it is white, so nothing would be watched. "
            "Paint white what counts, and black what does not."
        )
    return roi


def encode_roi(roi: np.ndarray) -> dict[str, Any]:
    """Return a region as plain data for JSON: COCO's run lengths.

    Args:
        roi: `(height, width)`; what is not 0 counts.

    Returns:
        `"size"`, `[height, width]`, and `"counts"`.

    Example:
        >>> encode_roi(np.array([[False, True], [True, True]]))
        {'size': [2, 2], 'counts': [1, 3]}
    """
    inside = np.asarray(roi, bool)
    pixels = inside.ravel(order="F")
    changes = np.flatnonzero(np.diff(pixels)) + 1
    bounds = np.concatenate([[0], changes, [pixels.size]])
    counts = np.diff(bounds).tolist()
    if pixels.size and pixels[0]:
        counts.insert(0, 0)  # the first run is of what is outside
    return {"size": list(inside.shape), "counts": counts}


def decode_roi(value: Mapping[str, Any]) -> np.ndarray:
    """Return the region that `encode_roi` described.

    Args:
        value: its `"size"` and `"counts"`.

    Returns:
        bool `(height, width)`.

    Raises:
        ValueError: if it is no such description.

    Example:
        >>> decode_roi({"size": [2, 2], "counts": [1, 3]}).tolist()
        [[False, True], [True, True]]
    """
    try:
        height, width = map(operator.index, value["size"])
        counts = [operator.index(count) for count in value["counts"]]
        if min(height, width) < 1 or min(counts) < 0:
            raise ValueError("sides and runs are lengths")
        if sum(counts) != height * width:
            raise ValueError("the runs do not fill the picture")
        runs = np.arange(len(counts)) % 2 == 1
        return np.repeat(runs, counts).reshape((height, width), order="F")
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ValueError(
            "A region of interest is {'size': [height, width], 'counts': "
            f"[...]}} with run lengths as COCO's. Received: {value!r:.80}"
        ) from error


def black_outside(frames: np.ndarray, roi: np.ndarray | None) -> np.ndarray:
    """Return frames as a model with a region of interest sees them.

    Args:
        frames: `(..., height, width, channels)`.
        roi: bool `(height, width)`; None: the frames are returned as they are.

    Returns:
        The same shape and type, 0 outside.

    Example:
        >>> frame = np.full((1, 2, 1), 9, "uint8")
        >>> black_outside(frame, np.array([[True, False]])).tolist()
        [[[9], [0]]]
    """
    if roi is None:
        return frames
    return np.where(roi[..., None], frames, frames.dtype.type(0))


def require_view(
    roi: np.ndarray, size: tuple[int, int], video: PathLike
) -> None:
    """Refuse a region that cannot be of a video's view.

    Args:
        roi: `(H, W)`, of any size.
        size: `(height, width)` of the video.
        video: its path, for the message.

    Raises:
        DataError: if the sides stand in another ratio.
    """
    height, width = roi.shape
    if abs(width * size[0] / (height * size[1]) - 1) > TOLERANCE:
        raise DataError(
            f"The region of interest has {width} x {height} pixels, and "
            f"{video} {size[1]} x {size[0]}: that is another shape of picture. "
            "Paint it over a frame of the video."
        )


def as_roi(value: Any, image_size: tuple[int, int]) -> np.ndarray | None:
    """Return a region of interest, checked, from all forms it may have.

    Args:
        value: an array `(H, W)` of any size over the same view, what
            `encode_roi` gives, or None: the whole picture.
        image_size: `(height, width)` of the model's frames.

    Returns:
        bool `(height, width)`: a pixel counts where all that it covers does,
        so that nothing outside is in it. None where everything counts.

    Raises:
        ValueError: if it is no such array, or nothing in it counts.

    Example:
        >>> roi = np.zeros((4, 4))
        >>> roi[:, 2:] = 1
        >>> as_roi(roi, (2, 2)).tolist()
        [[False, True], [False, True]]
    """
    if value is None:
        return None
    given = decode_roi(value) if isinstance(value, Mapping) else value
    inside = np.asarray(given) != 0
    if inside.ndim != 2 or not inside.size:
        raise ValueError(
            "roi must be an array (height, width) that is not 0 where the "
            "picture counts: see `keras_cdae.data.read_roi`. "
            f"Received: shape {inside.shape}"
        )
    roi = resize_mask(inside, image_size)
    if not roi.any():
        raise ValueError(
            f"roi must have a pixel that counts at {image_size[0]} x "
            f"{image_size[1]}. Received: {np.count_nonzero(inside)} of "
            f"{inside.size} pixels"
        )
    return None if roi.all() else roi
