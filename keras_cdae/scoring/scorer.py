"""Scores of whole videos: one pass, in batches, in constant memory."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_cdae.data.clips import clip_count, clip_view
from keras_cdae.data.video import PathLike, read_frames
from keras_cdae.errors import VideoError
from keras_cdae.scoring.calibration import TERMS
from keras_cdae.scoring.scores import VideoScores

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE

BATCH_SIZE = 32


def score_frames(
    model: "CDAE",
    frames: np.ndarray,
    *,
    name: str = "video",
    batch_size: int = BATCH_SIZE,
) -> VideoScores:
    """Score every clip of a video that is in memory or memory-mapped.

    Args:
        model: the model; calibrated, if `z` and `p` are wanted.
        frames: `(N, height, width, channels)`, uint8 or float in [0, 1], of
            the model's size.
        name: name of the video.
        batch_size: clips at a time.

    Returns:
        `N - T + 1` scores; score k belongs to frame `k + T - 1`.

    Raises:
        VideoError: if there are fewer than T frames.
    """
    length = model.clip_length
    count = clip_count(len(frames), length)
    if not count:
        raise _too_short(name, len(frames), length)
    clips = clip_view(frames, length)
    batches = (clips[i : i + batch_size] for i in range(0, count, batch_size))
    return _score_batches(model, batches, name, batch_size)


def score_video(
    model: "CDAE",
    path: PathLike,
    *,
    name: str | None = None,
    batch_size: int = BATCH_SIZE,
) -> VideoScores:
    """Score a video file or a folder of frames, decoding it once.

    Args:
        model: the model; calibrated, if `z` and `p` are wanted.
        path: the video; its frames are resized to the model's size.
        name: name of the video. None: the file's, without suffix.
        batch_size: clips at a time. Memory does not grow with the video.

    Returns:
        `N - T + 1` scores for N frames; score k belongs to frame `k + T - 1`.

    Raises:
        VideoError: if the video cannot be read or has fewer than T frames.

    Example:
        ```python
        model = keras_cdae.load("run/")
        scores = keras_cdae.scoring.score_video(model, "camera.mp4")
        scores.frame[scores.score.argmax()]
        ```
    """
    frames = read_frames(
        path, image_size=model.image_size, channels=model.channels
    )
    blocks = _blocks(frames, batch_size, model.clip_length)
    batches = (clip_view(block, model.clip_length) for block in blocks)
    title = Path(path).stem if name is None else name
    return _score_batches(model, batches, title, batch_size)


def score_videos(
    model: "CDAE", paths: Iterable[PathLike], *, batch_size: int = BATCH_SIZE
) -> Iterator[VideoScores]:
    """Score several videos, one after the other; see `score_video`.

    Args:
        model: the model; calibrated, if `z` and `p` are wanted.
        paths: the videos.
        batch_size: clips at a time.

    Yields:
        The scores of each video, as soon as it is done.

    Raises:
        VideoError: if a video cannot be read or has fewer than T frames.
    """
    for path in paths:
        yield score_video(model, path, batch_size=batch_size)


def _blocks(
    frames: Iterable[np.ndarray], batch_size: int, length: int
) -> Iterator[np.ndarray]:
    """Yield blocks of frames that overlap by `length - 1`.

    Every block but the last holds `batch_size` clips. A video too short for a
    clip gives no block.
    """
    buffer: list[np.ndarray] = []
    for frame in frames:
        buffer.append(frame)
        if len(buffer) == batch_size + length - 1:
            yield np.stack(buffer)
            buffer = buffer[batch_size:]
    if len(buffer) >= length:
        yield np.stack(buffer)


def _score_batches(
    model: "CDAE",
    batches: Iterable[np.ndarray],
    name: str,
    batch_size: int,
) -> VideoScores:
    """Score batches of consecutive clips."""
    parts: list[dict[str, np.ndarray]] = []
    done, peak, peak_clip, peak_map = 0, -np.inf, 0, None
    for clips in batches:
        count = len(clips)
        if count < batch_size and done:  # one shape, so one compiled graph
            fill = np.repeat(clips[-1:], batch_size - count, axis=0)
            clips = np.concatenate([clips, fill])
        result = model.score(clips, batch_size=batch_size)
        result = {k: v[:count] for k, v in result.items()}
        maps = result.pop("map")
        highest = int(result["score"].argmax())
        if result["score"][highest] > peak:
            peak = result["score"][highest]
            peak_clip, peak_map = done + highest, maps[highest]
        parts.append(result)
        done += count
    if not done:
        raise _too_short(name, None, model.clip_length)
    columns = {k: np.concatenate([p[k] for p in parts]) for k in parts[0]}
    offset = model.clip_length - 1
    return VideoScores(
        name=name,
        frame=np.arange(done) + offset,
        score=columns["score"],
        z=columns.get("z"),
        p=columns.get("p"),
        terms={
            term: np.log(np.maximum(columns[term], 1e-12))
            for term in TERMS
            if term != "score"
        },
        peak_map=peak_map,
        peak_frame=peak_clip + offset,
    )


def _too_short(name: str, frames: int | None, length: int) -> VideoError:
    held = "" if frames is None else f", this one has {frames}"
    return VideoError(
        f"{name}: too short: a score needs {length} frames{held}. Leave the "
        "video out, or give a longer one."
    )
