"""Optical flow between the frames of a video, as two more channels.

The paper's other motion target (its section 4.8 and Fig. 6). A frame with flow
is uint8 `(height, width, channels + 2)`: the picture, and how far each place
moved since the frame before, to the right and down. Stored so, flow is cached,
cut into clips and batched like any picture.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any

import cv2
import numpy as np

from keras_cdae.data.frames import CachedVideo, cache_derived
from keras_cdae.errors import MissingDependencyError

FLOW_CHANNELS = 2
REACH = 1 / 64  # of the picture's side: the longest flow a frame that is told
ZERO, STEPS = 128, 127  # uint8 of no flow; steps from there to REACH
VERSION = 1  # of what is cached


def flow_field(
    before: np.ndarray, after: np.ndarray, method: str = "dis"
) -> np.ndarray:
    """Return where each place of one picture is in the next.

    Args:
        before: uint8 (H, W), grey.
        after: uint8 (H, W).
        method: a name in `FLOWS`: `"dis"` (dense inverse search, OpenCV), or
            `"tvl1"` (scikit-image).

    Returns:
        float32 (H, W, 2): pixels to the right, and down.

    Raises:
        ValueError: for an unknown method.
        MissingDependencyError: for `"tvl1"` without scikit-image.

    Example:
        >>> still = np.random.default_rng(0).integers(0, 255, (32, 32), "uint8")
        >>> flow_field(still, still).shape
        (32, 32, 2)
    """
    if method not in FLOWS:
        raise ValueError(
            f"Unknown optical flow: expected one of {', '.join(FLOWS)}. "
            f"Received: method={method!r}"
        )
    return FLOWS[method](before, after)


def _dis(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    search: Any = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    return search.calc(before, after, None)


def _tvl1(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    down, right = require_tvl1()(before, after, dtype=np.float32)
    return np.stack([right, down], axis=-1)


FLOWS: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = (
    MappingProxyType({"dis": _dis, "tvl1": _tvl1})
)


def require_tvl1() -> Callable[..., Any]:
    """Return scikit-image's TV-L1.

    Raises:
        MissingDependencyError: if scikit-image is not installed.
    """
    try:
        from skimage.registration import optical_flow_tvl1
    except ImportError as error:
        raise MissingDependencyError(
            "TV-L1 optical flow needs scikit-image: pip install "
            "'keras-cdae[flow]'"
        ) from error
    return optical_flow_tvl1


def encode_flow(field: np.ndarray) -> np.ndarray:
    """Return a field as uint8, 128 for no flow; longer ones are cut.

    Args:
        field: float (H, W, 2), in pixels.

    Returns:
        uint8 (H, W, 2), in steps of `REACH / STEPS` of each side.
    """
    height, width = field.shape[:2]
    share = field / (REACH * np.array([width, height], np.float32))
    steps = np.rint(STEPS * np.clip(share, -1.0, 1.0))
    return (ZERO + steps).astype(np.uint8)


def with_flow(
    frames: Iterable[np.ndarray], method: str = "dis"
) -> Iterator[np.ndarray]:
    """Put beside each frame the flow that leads to it.

    Args:
        frames: uint8 (H, W, channels), one video, in order.
        method: a name in `FLOWS`.

    Yields:
        uint8 (H, W, channels + 2); the first has no flow.

    Example:
        >>> video = np.zeros((3, 32, 32, 1), np.uint8)
        >>> [frame.shape for frame in with_flow(video)][0]
        (32, 32, 3)
    """
    before: np.ndarray | None = None
    for frame in frames:
        grey = _grey(frame)
        field = flow_field(grey if before is None else before, grey, method)
        yield np.concatenate([frame, encode_flow(field)], axis=-1)
        before = grey


def cache_flow(video: CachedVideo, method: str = "dis") -> CachedVideo:
    """Compute the flow of a decoded video once; keep it beside its frames.

    Args:
        video: of `cache_video`.
        method: a name in `FLOWS`.

    Returns:
        The video with two more channels.

    Raises:
        DataError: if the cache cannot be written.
    """
    if method == "tvl1":
        require_tvl1()
    return cache_derived(
        video,
        f"{method}{VERSION}",
        lambda frames: with_flow(frames, method),
    )


def _grey(frame: np.ndarray) -> np.ndarray:
    if frame.dtype != np.uint8:
        raise ValueError(
            "Optical flow needs uint8 frames, 0 to 255. "
            f"Received: frames of {frame.dtype}"
        )
    if frame.shape[-1] == 1:
        return np.ascontiguousarray(frame[..., 0])
    return cv2.cvtColor(np.ascontiguousarray(frame), cv2.COLOR_RGB2GRAY)
