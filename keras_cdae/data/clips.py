"""Which frames make clip k, and which frame a score belongs to: pure NumPy."""

import logging
from collections.abc import Sequence
from typing import Any, overload

import numpy as np

from keras_cdae.data.frames import CachedVideo
from keras_cdae.errors import DataError

logger = logging.getLogger(__name__)

CLIP_LENGTH = 5


def clip_count(num_frames: int, length: int = CLIP_LENGTH) -> int:
    """Return how many clips, and so scores, `num_frames` frames give.

    Example:
        >>> clip_count(180), clip_count(4)
        (176, 0)
    """
    return max(0, num_frames - length + 1)


def last_frame_index(k: int, length: int = CLIP_LENGTH) -> int:
    """Return the 0-based frame that score `k` belongs to.

    A clip is scored by how well it predicts its last frame.

    Example:
        >>> last_frame_index(0)
        4
    """
    return k + length - 1


def clip_view(frames: np.ndarray, length: int = CLIP_LENGTH) -> np.ndarray:
    """Return all clips of a video without copying a frame.

    Args:
        frames: (N, H, W, C), array or memmap.
        length: frames in a clip, T.

    Returns:
        A read-only view (N - T + 1, T, H, W, C); clip k starts at frame k.

    Raises:
        DataError: fewer than T frames.
    """
    if len(frames) < length:
        raise DataError(
            f"a clip needs {length} frames, this video has {len(frames)}."
        )
    view = np.lib.stride_tricks.sliding_window_view(frames, length, axis=0)
    return np.moveaxis(view, -1, 1)


def pad_scores(scores: np.ndarray, length: int = CLIP_LENGTH) -> np.ndarray:
    """Stretch N - T + 1 scores to a track of one value a frame.

    Args:
        scores: (N - T + 1,), score k belonging to frame k + T - 1.
        length: frames in a clip, T.

    Returns:
        (N,): the first T - 1 frames get the first score.

    Raises:
        ValueError: no score.

    Example:
        >>> pad_scores(np.array([7, 8]))
        array([7, 7, 7, 7, 7, 8])
    """
    scores = np.asarray(scores)
    if len(scores) == 0:
        raise ValueError("pad_scores expects at least one score. Received: 0")
    return np.concatenate([np.repeat(scores[:1], length - 1, axis=0), scores])


def align_labels(labels: np.ndarray, length: int = CLIP_LENGTH) -> np.ndarray:
    """Return the labels of the frames that have a score.

    Args:
        labels: (N,), one a frame.
        length: frames in a clip, T.

    Returns:
        (N - T + 1,): the first T - 1 labels are left out.
    """
    return np.asarray(labels)[length - 1 :]


def hold_out(
    items: Sequence[Any],
    share: float = 0.1,
    seed: int = 0,
    length: int = CLIP_LENGTH,
) -> tuple[list[Any], list[Any]]:
    """Set normal videos aside for calibration.

    Of several videos, whole ones are held out, at least one, because clips
    of one video resemble each other. Of a single video its last share of
    frames is held out, at least one clip; the two parts have no frame in
    common.

    Args:
        items: videos, (N, H, W, C) arrays or `CachedVideo`.
        share: share of the videos (or of the single one's frames), in (0, 1).
        seed: chooses the videos; the same seed, the same choice.
        length: frames in a clip: a shorter video is not held out.

    Returns:
        (train, held_out), both in the order of `items`.

    Raises:
        ValueError: `share` is not between 0 and 1.
        DataError: too little video to give both parts a clip.
    """
    if not 0 < share < 1:
        raise ValueError(f"share must lie in (0, 1). Received: {share=}")
    usable = [i for i, item in enumerate(items) if _length(item) >= length]
    if len(usable) > 1:
        count = round(share * len(usable))
        count = min(max(1, count), len(usable) - 1)
        rng = np.random.default_rng(seed)
        chosen = set(rng.permutation(usable)[:count].tolist())
        train = [x for i, x in enumerate(items) if i not in chosen]
        return train, [items[i] for i in sorted(chosen)]
    if not usable or _length(items[usable[0]]) < 2 * length:
        raise DataError(
            f"nothing can be held out for calibration: {len(usable)} of "
            f"{len(items)} videos have {length} frames or more. Give more or "
            f"longer normal video (at least {2 * length} frames)."
        )
    frames = _frames(items[usable[0]])
    cut = len(frames) - max(length, round(share * len(frames)))
    cut = max(cut, length)
    return [frames[:cut]], [frames[cut:]]


def _length(video: Any) -> int:
    return len(video)


def _frames(video: Any) -> np.ndarray:
    return video.frames if isinstance(video, CachedVideo) else video


class Clips(Sequence[np.ndarray]):
    """All clips of some videos as one sequence, read when asked for.

    Nothing is copied but the clips that are gathered, so that memmaps larger
    than memory work.

    Args:
        videos: uint8 arrays (N, H, W, C), or `CachedVideo`, of one size.
        length: frames in a clip, T.
        step: distance between the frames of a clip (1 in the paper).
        stride: distance between the starts of consecutive clips.

    Raises:
        DataError: videos of different sizes or types, or none that is long
            enough for a clip. Single short ones are left out, with a warning.
        ValueError: `length`, `step` or `stride` below 1.

    Attributes:
        shape: (T, H, W, C) of one clip.
        videos: the videos that are long enough.

    Example:
        >>> clips = Clips([np.zeros((7, 4, 4, 1), np.uint8)])
        >>> len(clips), clips.shape, clips.gather([2, 0]).shape
        (3, (5, 4, 4, 1), (2, 5, 4, 4, 1))
    """

    def __init__(
        self,
        videos: Sequence[np.ndarray | CachedVideo],
        *,
        length: int = CLIP_LENGTH,
        step: int = 1,
        stride: int = 1,
    ) -> None:
        for name, value in [
            ("length", length),
            ("step", step),
            ("stride", stride),
        ]:
            if value < 1:
                raise ValueError(f"{name} must be >= 1. Received: {value}")
        self.length = length
        self.step = step
        self.stride = stride
        span = (length - 1) * step + 1
        self.videos = [v for v in videos if _length(v) >= span]
        short = [v for v in videos if _length(v) < span]
        if not self.videos:
            raise DataError(
                f"none of {len(videos)} videos has the {span} frames that a "
                "clip needs. Give longer videos."
            )
        if short:
            paths = [str(v.path) for v in short if isinstance(v, CachedVideo)]
            logger.warning(
                "%d of %d videos have fewer than %d frames and are left out%s",
                len(short),
                len(videos),
                span,
                f": {', '.join(paths)}" if paths else "",
            )
        self.shape = (length, *_common_shape(self.videos))
        counts = [(_length(v) - span) // stride + 1 for v in self.videos]
        self._ends = np.cumsum(counts)
        self._offsets = np.arange(length) * step

    def __len__(self) -> int:
        return int(self._ends[-1])

    @overload
    def __getitem__(self, index: int) -> np.ndarray: ...

    @overload
    def __getitem__(self, index: slice) -> Any: ...

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.gather(np.arange(len(self))[index])
        return self.gather([index])[0]

    def locate(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Return (n, 2): the video and the first frame of each clip."""
        indices = np.asarray(indices, dtype=np.int64).reshape(-1)
        size = len(self)
        if np.any((indices < -size) | (indices >= size)):
            raise IndexError(f"clip index out of range for {size} clips")
        indices = np.where(indices < 0, indices + size, indices)
        video = np.searchsorted(self._ends, indices, side="right")
        begins = np.concatenate([[0], self._ends[:-1]])
        start = (indices - begins[video]) * self.stride
        return np.stack([video, start], axis=-1)

    def gather(self, indices: Sequence[int] | np.ndarray) -> np.ndarray:
        """Copy some clips into one batch.

        Args:
            indices: n clip numbers, in any order, negative from the end.

        Returns:
            uint8 (n, T, H, W, C).

        Raises:
            IndexError: a number out of range.
        """
        places = self.locate(indices)
        batch = np.empty((len(places), *self.shape), np.uint8)
        # Video by video and forwards within each: disks read ahead.
        order = np.lexsort((places[:, 1], places[:, 0]))
        for video in np.unique(places[:, 0]):
            rows = order[places[order, 0] == video]
            frames = _frames(self.videos[video])
            batch[rows] = frames[places[rows, 1, None] + self._offsets]
        return batch

    def frames_of(self, video: int) -> np.ndarray:
        """Return the frames of one of `videos`, (N, H, W, C), uncopied."""
        return _frames(self.videos[video])

    def order(
        self, epoch: int = 0, seed: int = 0, shuffle: bool = True
    ) -> np.ndarray:
        """Return the order of clips in one epoch.

        Args:
            epoch: number of the epoch, from 0.
            seed: the run's seed.
            shuffle: `False` gives 0, 1, 2, ...

        Returns:
            A permutation (len(self),) that depends on `epoch` and `seed` alone.
        """
        if not shuffle:
            return np.arange(len(self))
        return np.random.default_rng([seed, epoch]).permutation(len(self))


def _common_shape(videos: Sequence[Any]) -> tuple[int, ...]:
    """(H, W, C), the same in all videos."""
    shapes = {tuple(v.shape) for v in videos}
    if any(len(shape) != 4 for shape in shapes):
        raise DataError(
            "videos must be (frames, height, width, channels). Received "
            f"shapes: {sorted(shapes)}"
        )
    types = {str(getattr(v, "dtype", "uint8")) for v in videos}
    if types != {"uint8"}:
        raise DataError(
            f"videos must be uint8, 0 to 255. Received: {sorted(types)}. "
            "Convert float frames with (255 * x).round().astype('uint8')."
        )
    sizes = {shape[1:] for shape in shapes}
    if len(sizes) > 1:
        raise DataError(
            f"videos of different sizes (H, W, C): {sorted(sizes)}. Read them "
            "with one image_size and one number of channels."
        )
    return sizes.pop()
