"""Trivial scores: what a detector must beat before it has learned anything.

Each gives one score for every clip of a video, higher = more anomalous; score
k belongs to frame `k + clip_length - 1`, as a model's would. Frames may be a
memory map: they are read in chunks.
"""

from collections.abc import Callable

import numpy as np

# Working memory of one chunk, counted in float32 frames.
_CHUNK_BYTES = 32 * 2**20


def frame_difference_scores(
    frames: np.ndarray,
    *,
    clip_length: int = 5,
    roi: np.ndarray | None = None,
) -> np.ndarray:
    """Mean squared difference of the first frames of a clip to its last.

    This is the energy of the motion target, `mean(x_diff ** 2)`: exactly the
    squared error (Eq. 6) of a motion decoder that outputs nothing.

    Args:
        frames: uint8 array (N, H, W, C) or (N, H, W), one video.
        clip_length: frames in a clip.
        roi: bool (H, W): what counts; None: everything.

    Returns:
        Float64 array (N - clip_length + 1,), frames taken in [0, 1].

    Raises:
        ValueError: if `frames` is not uint8 of 3 or 4 dimensions, or shorter
            than one clip.
    """
    return _over_clips(frames, clip_length, _mean_map, roi)


def frame_difference_block_scores(
    frames: np.ndarray, block: int = 20, *, clip_length: int = 5
) -> np.ndarray:
    """As `frame_difference_scores`, but of the strongest square of pixels.

    One moving person fills few pixels: the mean over the frame drowns it. The
    square slides over the frame by one pixel and never leaves it.

    Args:
        frames: uint8 array (N, H, W, C) or (N, H, W), one video.
        block: side of the square, in pixels.
        clip_length: frames in a clip.

    Returns:
        Float64 array (N - clip_length + 1,), frames taken in [0, 1].

    Raises:
        ValueError: as `frame_difference_scores`, and if `block` is not
            between 1 and the smaller side of a frame.
    """
    _check_frames(frames, clip_length)
    if not 1 <= block <= min(frames.shape[1:3]):
        raise ValueError(
            "`block` must be between 1 and the smaller side of a frame, "
            f"{min(frames.shape[1:3])} pixels. Received: block={block!r}"
        )

    def strongest(energy: np.ndarray) -> np.ndarray:
        return _box_mean(energy, block).max(axis=(1, 2))

    return _over_clips(frames, clip_length, strongest)


def frame_difference_maps(
    frames: np.ndarray,
    size: tuple[int, ...],
    *,
    clip_length: int = 5,
    roi: np.ndarray | None = None,
) -> np.ndarray:
    """As `frame_difference_scores`, but the mean of every cell of a grid.

    Args:
        frames: uint8 array (N, H, W, C) or (N, H, W), one video.
        size: (h, w) of the grid; H and W are multiples of it.
        clip_length: frames in a clip.
        roi: bool (H, W): what counts; None: everything.

    Returns:
        Float32 array (N - clip_length + 1, h, w), frames taken in [0, 1].

    Raises:
        ValueError: as `frame_difference_scores`, and if the frames cannot be
            divided so.
    """
    _check_frames(frames, clip_length)
    if any(
        pixels % cells
        for pixels, cells in zip(frames.shape[1:3], size, strict=True)
    ):
        raise ValueError(
            f"`size` must divide the frames' {tuple(frames.shape[1:3])}. "
            f"Received: size={size!r}"
        )
    height, width = size
    down, across = frames.shape[1] // height, frames.shape[2] // width

    def cells(energy: np.ndarray) -> np.ndarray:
        blocks = energy.reshape(-1, height, down, width, across)
        return blocks.mean(axis=(2, 4))

    return _over_clips(frames, clip_length, cells, roi)


def frame_index_scores(num_frames: int, *, clip_length: int = 5) -> np.ndarray:
    """The number of the frame itself: "it gets worse towards the end".

    Many test videos begin normal and end abnormal, so this is far from 0.5.

    Args:
        num_frames: N, frames in the video.
        clip_length: frames in a clip.

    Returns:
        Float64 array (N - clip_length + 1,): clip_length - 1, ..., N - 1.

    Raises:
        ValueError: if the video is shorter than one clip.
    """
    _check_length(num_frames, clip_length)
    return np.arange(clip_length - 1, num_frames, dtype=np.float64)


def _mean_map(energy: np.ndarray) -> np.ndarray:
    return energy.mean(axis=(1, 2), dtype=np.float64)


def _over_clips(
    frames: np.ndarray,
    clip_length: int,
    reduce: Callable[[np.ndarray], np.ndarray],
    roi: np.ndarray | None = None,
) -> np.ndarray:
    """Apply `reduce` to the energy maps (n, H, W) of all clips, in chunks."""
    _check_frames(frames, clip_length)
    clips = len(frames) - clip_length + 1
    size = max(1, _CHUNK_BYTES // (4 * int(np.prod(frames.shape[1:]))))
    parts = []
    for start in range(0, clips, size):
        count = min(size, clips - start)
        chunk = frames[start : start + count + clip_length - 1]
        energy = _energy(chunk, count)
        parts.append(reduce(energy if roi is None else energy * roi))
    return np.concatenate(parts)


def _energy(chunk: np.ndarray, clips: int) -> np.ndarray:
    """Mean over the earlier frames and channels of x_diff ** 2, (n, H, W)."""
    video = np.asarray(chunk, np.float32) / 255.0
    video = video.reshape(*video.shape[:3], -1)  # (n + T - 1, H, W, C)
    earlier = len(video) - clips
    last = video[earlier:]
    total = np.zeros(last.shape[:3], np.float32)
    for step in range(earlier):
        difference = video[step : step + clips] - last
        total += np.einsum("nhwc,nhwc->nhw", difference, difference)
    return total / (earlier * last.shape[3])


def _box_mean(energy: np.ndarray, block: int) -> np.ndarray:
    """Means of all squares that lie inside, (n, H - block + 1, ...)."""
    padded = np.pad(energy, ((0, 0), (1, 0), (1, 0)))
    # Sums from the corner, in double precision: they are subtracted below.
    corner = padded.cumsum(axis=1, dtype=np.float64).cumsum(axis=2)
    rows = corner[:, block:] - corner[:, :-block]
    return (rows[:, :, block:] - rows[:, :, :-block]) / block**2


def _check_frames(frames: np.ndarray, clip_length: int) -> None:
    if frames.dtype != np.uint8 or frames.ndim not in (3, 4):
        raise ValueError(
            "`frames` must be uint8 of shape (N, H, W, C) or (N, H, W). "
            f"Received: {frames.dtype} of shape {frames.shape}"
        )
    _check_length(len(frames), clip_length)


def _check_length(num_frames: int, clip_length: int) -> None:
    if clip_length < 2:
        raise ValueError(
            "`clip_length` must be at least 2 frames. "
            f"Received: clip_length={clip_length!r}"
        )
    if num_frames < clip_length:
        raise ValueError(
            f"A video must have at least {clip_length} frames, one clip. "
            f"Received: {num_frames} frames"
        )
