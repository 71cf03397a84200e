"""What a model costs on this machine: parameters, operations, seconds."""

import statistics
import time

import numpy as np

from keras_cdae.data.clips import CLIP_LENGTH
from keras_cdae.data.flow import with_flow
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.models.operations import count_operations

CLIPS = 32  # scored at a time
REPEATS = 3
PAIRS = 17  # frames whose motion target is timed


def cost(model: ClipScorer) -> dict[str, float]:
    """Return what a model costs, on this machine.

    Args:
        model: any model of the package.

    Returns:
        `parameters`; `operations`, the multiply-accumulates of a clip, see
        `count_operations`; `frames_per_second`, the median of three
        measurements of scoring 32 clips at a time, without decoding.
    """
    rng = np.random.default_rng(0)
    size = (CLIPS, *model.clip_shape)
    clips = rng.integers(0, 256, size, dtype=np.uint8)
    model.score(clips, batch_size=CLIPS)  # compiles
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        model.score(clips, batch_size=CLIPS)
        times.append(time.perf_counter() - started)
    return {
        "parameters": sum(
            int(np.prod(weight.shape)) for weight in model.trainable_weights
        ),
        "operations": count_operations(model),
        "frames_per_second": CLIPS / statistics.median(times),
    }


def target_seconds(frames: np.ndarray, flow: str | None = None) -> float:
    """Return how long the motion target of one frame takes, on this machine.

    Args:
        frames: uint8 (N, H, W, channels), real video: some kinds of flow stop
            when nothing moves any more. The first 17 are taken.
        flow: a name in `data.flow.FLOWS`; None: the differences of the four
            frames before to the last, in NumPy.

    Returns:
        The median over frames.
    """
    taken = np.array(frames[:PAIRS])
    times = []
    if flow is None:
        floats = taken.astype(np.float32) / 255.0
        for last in range(CLIP_LENGTH - 1, len(floats)):
            started = time.perf_counter()
            floats[last - CLIP_LENGTH + 1 : last] - floats[last]
            times.append(time.perf_counter() - started)
        return statistics.median(times)
    started = time.perf_counter()
    for number, _ in enumerate(with_flow(taken, flow)):
        if number:  # the first has none
            times.append(time.perf_counter() - started)
        started = time.perf_counter()
    return statistics.median(times)
