"""Single images and frames: read, write, prepare for a model, stretch.

This and `video`, besides the edge runtime, are all that imports OpenCV. They
need NumPy and OpenCV alone, so that a small device can use them.
"""

from pathlib import Path

import cv2
import numpy as np

from keras_cdae.data.finding import IMAGE_SUFFIXES, PathLike
from keras_cdae.errors import DataError, VideoError
from keras_cdae.files import atomic_path

# Part of every cache key: a change of method must not meet old frames.
RESIZE_METHOD = "area-down-linear-up"


def read_raw(path: Path) -> np.ndarray:
    """One image as stored: (H, W) or (H, W, 3) BGR, uint8."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise VideoError(
            f"{path}: cannot be read ({error.strerror}). Check the path and "
            "its permissions."
        ) from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise VideoError(
            f"{path}: {'empty' if not data.size else 'damaged'} image. "
            "Copy or extract it again."
        )
    problem = frame_problem(image)
    if problem:
        raise VideoError(f"{path}: {problem}")
    return image


def frame_problem(frame: np.ndarray) -> str | None:
    """What keeps a frame from being used, with the next step."""
    if frame.dtype != np.uint8:
        return (
            f"{frame.dtype.itemsize * 8}-bit image ({frame.dtype}). Convert it "
            "to 8 bit: how to scale it is a choice that is not made here."
        )
    if frame.ndim == 3 and frame.shape[2] == 4:
        return "image with an alpha channel. Convert it to RGB or grey."
    if frame.ndim == 3 and frame.shape[2] not in (1, 3):
        return f"image with {frame.shape[2]} channels. Convert it to RGB."
    if frame.ndim not in (2, 3) or frame.size == 0:
        return f"not an image: shape {frame.shape}. Give (H, W) or (H, W, 3)."
    return None


def check_target(image_size: tuple[int, int] | None, channels: int) -> None:
    """Refuse a size or a number of channels that no frame can be brought to.

    Raises:
        ValueError: `image_size` or `channels` is out of range.
    """
    if channels not in (1, 3):
        raise ValueError(
            f"channels must be 1 (grey) or 3 (RGB). Received: {channels=}"
        )
    if image_size is not None and (
        len(image_size) != 2 or any(int(side) < 1 for side in image_size)
    ):
        raise ValueError(
            "image_size must be (height, width), both positive, or None. "
            f"Received: {image_size=}"
        )


def prepare_frame(
    frame: np.ndarray, *, image_size: tuple[int, int] | None, channels: int
) -> np.ndarray:
    """Turn one frame as OpenCV gives it into what the model reads.

    Training, scoring and the edge runtime all pass here, so that their
    numbers agree: colour conversion first, then the resize, by area when
    neither side grows and linear otherwise.

    Args:
        frame: uint8 (H, W, 3) BGR, or grey (H, W) or (H, W, 1).
        image_size: (height, width), or `None` to keep the size.
        channels: 3 for RGB, 1 for luma.

    Returns:
        uint8 (height, width, channels), C-contiguous.

    Raises:
        VideoError: the frame is not 8-bit, has alpha, or is no image.
        ValueError: `image_size` or `channels` is out of range.

    Example:
        >>> prepare_frame(
        ...     np.zeros((8, 8, 3), np.uint8), image_size=(4, 6), channels=1
        ... ).shape
        (4, 6, 1)
    """
    check_target(image_size, channels)
    problem = frame_problem(frame)
    if problem:
        raise VideoError(f"frame: {problem}")
    grey = frame.ndim == 2 or frame.shape[2] == 1
    if grey:
        frame = frame.reshape(frame.shape[:2])
        if channels == 3:
            frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)
    elif channels == 3:
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    else:
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    if image_size is not None and frame.shape[:2] != tuple(image_size):
        frame = resize(frame, image_size)
    return np.ascontiguousarray(frame).reshape(*frame.shape[:2], channels)


def resize_mask(mask: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Bring a mask to a frame's size as `prepare_frame` brings a picture.

    Args:
        mask: bool (H, W).
        image_size: (height, width).

    Returns:
        bool (height, width): True where all that a pixel is made of is.

    Example:
        >>> resize_mask(np.eye(4, dtype=bool), (2, 2)).any()
        np.False_
    """
    return resize(mask.astype(np.float32), image_size) > 1.0 - 1e-4


def resize(image: np.ndarray, image_size: tuple[int, int]) -> np.ndarray:
    """Resize by area when neither side grows, linear otherwise."""
    height, width = image_size
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(image, (width, height), interpolation=method)


def resize_map(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Stretch a low-resolution map over a frame, linear in between.

    Args:
        values: (h, w), such as the model's anomaly map.
        size: (height, width) of the frame.

    Returns:
        float32 (height, width).

    Example:
        >>> resize_map(np.eye(2), (4, 4)).shape
        (4, 4)
    """
    height, width = size
    values = np.ascontiguousarray(values, np.float32)
    return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)


def read_image(path: PathLike) -> np.ndarray:
    """Read one 8-bit image.

    Args:
        path: an image file.

    Returns:
        uint8 (H, W, 3) RGB, or (H, W) where the file is grey.

    Raises:
        VideoError: missing, damaged, 16-bit or with alpha.
    """
    image = read_raw(Path(path))
    if image.ndim == 2 or image.shape[2] == 1:
        return image.reshape(image.shape[:2])
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_image(path: PathLike, image: np.ndarray) -> Path:
    """Write one image, whole or not at all.

    Args:
        path: the target; its suffix names the format (.png, .tif, .jpg, ...).
        image: uint8 (H, W, 3) RGB, or grey (H, W) or (H, W, 1).

    Returns:
        The path written.

    Raises:
        ValueError: an unknown suffix.
        VideoError: an array that is no 8-bit image.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(
            f"write_image expects a suffix among {sorted(IMAGE_SUFFIXES)}. "
            f"Received: path={str(path)!r}"
        )
    data = encode_image(image, suffix=path.suffix.lower())
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return path


def encode_image(image: np.ndarray, *, suffix: str = ".jpg") -> bytes:
    """Return one image as the content of a file.

    Args:
        image: uint8 (H, W, 3) RGB, or grey (H, W) or (H, W, 1).
        suffix: names the format (.png, .tif, .jpg, ...).

    Raises:
        VideoError: an array that is no 8-bit image.
        DataError: a format that OpenCV cannot write here.
    """
    ok, data = cv2.imencode(suffix, to_bgr(image))
    if not ok:
        raise DataError(f"OpenCV cannot encode this image as {suffix}.")
    return data.tobytes()


def to_bgr(image: np.ndarray) -> np.ndarray:
    """Return an image as OpenCV writes it: (H, W, 3) BGR, or grey (H, W).

    Raises:
        VideoError: an array that is no 8-bit image.
    """
    problem = frame_problem(image)
    if problem:
        raise VideoError(f"image: {problem}")
    if image.ndim == 3 and image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(image.reshape(image.shape[:2]))
