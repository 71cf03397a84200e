"""Scores of whole videos: one pass, in batches, in constant memory."""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from keras_cdae.data.clips import clip_count, clip_view
from keras_cdae.data.finding import PathLike
from keras_cdae.data.flow import with_flow
from keras_cdae.data.video import read_frames
from keras_cdae.errors import VideoError
from keras_cdae.scoring.calibration import TERMS
from keras_cdae.scoring.scores import VideoScores

if TYPE_CHECKING:
    from keras_cdae.models.clip_scorer import ClipScorer

BATCH_SIZE = 32
NO_MAP = np.empty((0, 0, 0), np.float32)


@dataclasses.dataclass(frozen=True, eq=False)
class ScoreBlock:
    """The scores of consecutive clips of one video, and their maps.

    Attributes:
        frame: int array (count,), the 0-based frame of each score.
        score: array (count,), log-score, higher = more anomalous.
        z: array (count,), standardised score; None when uncalibrated.
        p: array (count,), share of normal clips that score as high; None when
            uncalibrated.
        terms: arrays (count,) of the logs of the score's terms, by name.
        map: float32 array (count, h, w), the anomaly maps.
    """

    frame: np.ndarray
    score: np.ndarray
    z: np.ndarray | None
    p: np.ndarray | None
    terms: Mapping[str, np.ndarray]
    map: np.ndarray


EachBlock: TypeAlias = Callable[[ScoreBlock], None]


def score_frames(
    model: "ClipScorer",
    frames: np.ndarray,
    *,
    name: str = "video",
    batch_size: int = BATCH_SIZE,
    each: EachBlock | None = None,
) -> VideoScores:
    """Score every clip of a video that is in memory or memory-mapped.

    Args:
        model: the model; calibrated, if `z` and `p` are wanted.
        frames: `(N, height, width, channels)`, uint8 or float in [0, 1], of
            the model's size. Optical flow that the model reads may be there
            already, see `data.flow`.
        name: name of the video.
        batch_size: clips at a time.
        each: called with every `ScoreBlock`, for its maps.

    Returns:
        `N - T + 1` scores; score k belongs to frame `k + T - 1`.

    Raises:
        VideoError: if there are fewer than T frames.
    """
    length = model.clip_length
    if _lacks_flow(model, frames[:1]):
        return score_stream(
            model, frames, name=name, batch_size=batch_size, each=each
        )
    count = clip_count(len(frames), length)
    if not count:
        raise _too_short(name, len(frames), length)
    clips = clip_view(frames, length)
    batches = (clips[i : i + batch_size] for i in range(0, count, batch_size))
    return _collect(model, batches, name, batch_size, each)


def score_video(
    model: "ClipScorer",
    path: PathLike,
    *,
    name: str | None = None,
    batch_size: int = BATCH_SIZE,
    each: EachBlock | None = None,
) -> VideoScores:
    """Score a video file or a folder of frames, decoding it once.

    Args:
        model: the model; calibrated, if `z` and `p` are wanted.
        path: the video; its frames are resized to the model's size.
        name: name of the video. None: the file's, without suffix.
        batch_size: clips at a time. Memory does not grow with the video.
        each: called with every `ScoreBlock` as it is there, for its maps.

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
    title = Path(path).stem if name is None else name
    return score_stream(
        model, frames, name=title, batch_size=batch_size, each=each
    )


def score_stream(
    model: "ClipScorer",
    frames: Iterable[np.ndarray],
    *,
    name: str = "video",
    batch_size: int = BATCH_SIZE,
    each: EachBlock | None = None,
) -> VideoScores:
    """Score frames as they come, `batch_size` clips at a time.

    Args:
        model: the model; calibrated, if `z` and `p` are wanted.
        frames: `(height, width, channels)` each, uint8, of the model's size;
            taken no further ahead than a batch. Optical flow that the model
            reads is computed as they come.
        name: name of the video.
        batch_size: clips at a time.
        each: called with every `ScoreBlock` as it is there, for its maps.

    Returns:
        `N - T + 1` scores for N frames.

    Raises:
        VideoError: if there are fewer than T frames.
    """
    if model.flow is not None:
        frames = with_flow(frames, model.flow)
    blocks = _blocks(frames, batch_size, model.clip_length)
    batches = (clip_view(block, model.clip_length) for block in blocks)
    return _collect(model, batches, name, batch_size, each)


def _lacks_flow(model: "ClipScorer", frames: np.ndarray) -> bool:
    """Tell whether frames are pictures alone, and the model wants more."""
    return model.flow is not None and frames.shape[-1] == model.channels


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


def score_blocks(
    model: "ClipScorer", batches: Iterable[np.ndarray], *, batch_size: int
) -> Iterator[ScoreBlock]:
    """Score batches of consecutive clips of one video, one after the other.

    Args:
        model: the model.
        batches: clips `(count, T, height, width, channels)`, in order; all
            but the last hold `batch_size`.
        batch_size: clips at a time.

    Yields:
        The scores of each batch, as soon as they are there.
    """
    done = 0
    for clips in batches:
        count = len(clips)
        if count < batch_size and done:  # one shape, so one compiled graph
            fill = np.repeat(clips[-1:], batch_size - count, axis=0)
            clips = np.concatenate([clips, fill])
        result = model.score(clips, batch_size=batch_size)
        result = {k: v[:count] for k, v in result.items()}
        yield ScoreBlock(
            frame=np.arange(done, done + count) + model.clip_length - 1,
            score=result["score"],
            z=result.get("z"),
            p=result.get("p"),
            terms={
                term: np.log(np.maximum(result[term], 1e-12))
                for term in TERMS
                if term != "score" and term in result
            },
            map=result["map"],
        )
        done += count


def _collect(
    model: "ClipScorer",
    batches: Iterable[np.ndarray],
    name: str,
    batch_size: int,
    each: EachBlock | None,
) -> VideoScores:
    """Score a whole video, keeping one map: that of the highest score."""
    blocks: list[ScoreBlock] = []
    best: ScoreBlock | None = None
    place = 0
    for block in score_blocks(model, batches, batch_size=batch_size):
        if each is not None:
            each(block)
        highest = int(block.score.argmax())
        if best is None or block.score[highest] > best.score[place]:
            best, place = block, highest
        blocks.append(dataclasses.replace(block, map=NO_MAP))
    if best is None:
        raise _too_short(name, None, model.clip_length)
    calibrated = blocks[0].z is not None
    return VideoScores(
        name=name,
        frame=np.concatenate([block.frame for block in blocks]),
        score=np.concatenate([block.score for block in blocks]),
        z=np.concatenate([b.z for b in blocks]) if calibrated else None,
        p=np.concatenate([b.p for b in blocks]) if calibrated else None,
        terms={
            term: np.concatenate([block.terms[term] for block in blocks])
            for term in blocks[0].terms
        },
        peak_map=best.map[place],
        peak_frame=int(best.frame[place]),
    )


def _too_short(name: str, frames: int | None, length: int) -> VideoError:
    held = "" if frames is None else f", this one has {frames}"
    return VideoError(
        f"{name}: too short: a score needs {length} frames{held}. Leave the "
        "video out, or give a longer one."
    )
