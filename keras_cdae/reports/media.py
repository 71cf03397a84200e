"""Small H.264 clips and low-resolution maps that fit into a page."""

import math
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_cdae.data.clips import clip_view
from keras_cdae.data.flow import with_flow
from keras_cdae.data.h264 import H264Writer
from keras_cdae.data.images import encode_image, resize_map
from keras_cdae.data.video import VideoInfo, read_frames
from keras_cdae.errors import VideoError
from keras_cdae.reports.overlay import heat_overlay
from keras_cdae.scoring.scorer import BATCH_SIZE, score_blocks

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE

MAX_FRAMES = 900  # of a clip: a minute and a half at 10 frames a second
MAX_WIDTH = 480
STILL_WIDTH = 320
MAX_GRID = 16  # rows and columns of a map in the page
TINY = 1e-30  # under a logarithm
OUTSIDE = math.log(TINY) + 0.1  # logs below are of no heat: outside the roi
CRF = 27  # small, and people still look like people


@dataclass(frozen=True, eq=False)
class Clip:
    """Consecutive frames of a video, encoded.

    Attributes:
        start: the first frame.
        stop: the frame to stop before.
        fps: frames a second at which it plays.
        width: pixels.
        height: pixels.
        mp4: the content of the file.
    """

    start: int
    stop: int
    fps: float
    width: int
    height: int
    mp4: bytes


@dataclass(frozen=True, eq=False)
class Maps:
    """What a model saw in consecutive frames.

    Attributes:
        start: the first frame.
        logs: float32 array (frames, h, w), logs of the anomaly maps.
        score: array (frames,), the log-scores.
    """

    start: int
    logs: np.ndarray
    score: np.ndarray

    def at(self, frame: int) -> np.ndarray | None:
        """Return the map of a frame, (h, w); None where it has none."""
        place = frame - self.start
        return self.logs[place] if 0 <= place < len(self.logs) else None


def excerpt(
    frames: int, middle: int, *, limit: int = MAX_FRAMES
) -> tuple[int, int]:
    """Return start and stop of what is shown of a video around a frame.

    Args:
        frames: of the whole video.
        middle: the frame that must be in it.
        limit: the most frames that are shown.

    Example:
        >>> excerpt(180, 60), excerpt(5000, 4990, limit=100)
        ((0, 180), (4900, 5000))
    """
    length = min(frames, limit)
    start = min(max(0, middle - length // 2), frames - length)
    return start, start + length


def encode_clip(
    path: Path, info: VideoInfo, *, start: int, stop: int, fps: float
) -> Clip:
    """Encode an excerpt of a video for a browser, smaller where it is large.

    Args:
        path: a video file or a folder of frames.
        info: its size.
        start: the first frame.
        stop: the frame to stop before; the video may end earlier.
        fps: frames a second.

    Raises:
        VideoError: if it cannot be read.
        MissingDependencyError: if PyAV is not installed.
    """
    height, width = small_size(info, MAX_WIDTH)
    frames = read_frames(
        path, image_size=(height, width), start=start, stop=stop
    )
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "clip.mp4"
        with H264Writer(file, fps=fps, crf=CRF) as writer:
            for frame in frames:
                writer.write(frame)
        mp4, count = file.read_bytes(), writer.frames
    return Clip(start, start + count, fps, width, height, mp4)


def small_size(info: VideoInfo, limit: int) -> tuple[int, int]:
    """Return (height, width), even, no wider than `limit`."""
    scale = min(1.0, limit / info.width)
    height, width = (
        max(2, 2 * round(side * scale / 2))
        for side in (info.height, info.width)
    )
    return height, width


def see(
    model: "CDAE", path: Path, *, start: int, stop: int
) -> Iterator[tuple[np.ndarray, Maps]]:
    """Score an excerpt, and yield its clips with what was seen in them.

    Args:
        model: the model.
        path: the video.
        start: the first frame that is to have a map; the clip of a frame
            begins before it, so the first frames of a video have none.
        stop: the frame to stop before.

    Yields:
        Clips (count, T, height, width, channels), and their maps.
    """
    before = model.clip_length - 1
    first = max(0, start - before)
    frames = read_frames(
        path,
        image_size=model.image_size,
        channels=model.channels,
        start=first,
        stop=stop,
    )
    if model.flow is not None:
        frames = with_flow(frames, model.flow)
    clips = clip_view(np.stack(list(frames)), model.clip_length)
    batches = [
        clips[i : i + BATCH_SIZE] for i in range(0, len(clips), BATCH_SIZE)
    ]
    blocks = score_blocks(model, batches, batch_size=BATCH_SIZE)
    for batch, block in zip(batches, blocks, strict=True):
        logs = np.log(np.maximum(_small(block.map), TINY))
        yield (
            batch[..., : model.channels],
            Maps(first + int(block.frame[0]), logs, block.score),
        )


def join(parts: Sequence[Maps]) -> Maps:
    """Return consecutive maps as one."""
    return Maps(
        parts[0].start,
        np.concatenate([part.logs for part in parts]),
        np.concatenate([part.score for part in parts]),
    )


def map_scale(maps: Sequence[Maps]) -> tuple[float, float]:
    """Return the logs that are drawn as nothing and at full strength.

    One pair for all videos, so that a calm one looks calm: the third quartile
    of all places, which are mostly background, and nearly the highest.
    """
    values = np.concatenate([part.logs.reshape(-1) for part in maps])
    values = values[values > OUTSIDE]
    if not values.size:
        return OUTSIDE, 0.0
    low, high = np.quantile(values, (0.75, 0.9995))
    return float(low), float(max(high, low + 1e-6))


def quantize(maps: Maps, scale: tuple[float, float]) -> np.ndarray:
    """Return uint8 (frames, h, w): 0 at the low end of the scale, 255 high."""
    low, high = scale
    heat = np.clip((maps.logs - low) / (high - low), 0.0, 1.0)
    return np.rint(255 * heat).astype(np.uint8)


def still(
    path: Path,
    info: VideoInfo,
    frame: int,
    *,
    logs: np.ndarray | None = None,
    scale: tuple[float, float] | None = None,
) -> bytes:
    """Return one frame as a small JPEG, with its map over it where given.

    Args:
        path: the video.
        info: its size.
        frame: its number.
        logs: (h, w), the log of its map.
        scale: as `map_scale` gives it.

    Raises:
        VideoError: if the frame cannot be read.
    """
    size = small_size(info, STILL_WIDTH)
    frames = read_frames(path, image_size=size, start=frame, stop=frame + 1)
    image = next(iter(list(frames)), None)
    if image is None:
        raise VideoError(
            f"{path}: ends before frame {frame}, which the scores have. Give "
            "the video that was scored."
        )
    if logs is not None and scale is not None:
        image = heat_overlay(image, logs, low=scale[0], high=scale[1])
    return encode_image(image, suffix=".jpg")


def _small(maps: np.ndarray) -> np.ndarray:
    """Bring maps (count, h, w) to at most `MAX_GRID` rows and columns."""
    size = tuple(min(side, MAX_GRID) for side in maps.shape[1:])
    if size == maps.shape[1:]:
        return maps
    return np.stack([resize_map(one, size) for one in maps])
