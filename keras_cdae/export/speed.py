"""Frames a second of a model in each format.

Every measurement is a process of its own, pinned to as many cores as it has
threads, so that no other library's threads help. Keras is imported only in
those that measure it.
"""

import dataclasses
import importlib.util
import itertools
import json
import os
import statistics
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.data.finding import PathLike
from keras_cdae.data.video import read_frames
from keras_cdae.errors import CDAEError, VideoError
from keras_cdae.runtime.edge import EdgeScorer
from keras_cdae.runtime.metadata import SUFFIXES

FRAMES = 200
REPEATS = 5
KERAS_BATCH = 32
BACKENDS = ("tensorflow", "jax", "torch")


@dataclasses.dataclass(frozen=True)
class Speed:
    """One measurement, the median of several.

    Attributes:
        name: format and quantisation, or Keras and its backend.
        threads: cores and threads.
        end_to_end: frames a second, with decoding and resizing.
        core_ms: milliseconds of processor time a frame, of all threads, with
            decoding and resizing. Other programs change it less than the
            rates.
        inference: clips a second, of the model alone.
        latency_ms: milliseconds for one call of the model.
        batch: clips a call.
    """

    name: str
    threads: int
    end_to_end: float
    core_ms: float
    inference: float
    latency_ms: float
    batch: int


def installed_backends() -> list[str]:
    """Return the Keras backends that are installed."""
    return [
        backend
        for backend in BACKENDS
        if importlib.util.find_spec(backend) is not None
    ]


def measure_file(
    path: Path,
    video: PathLike,
    *,
    name: str,
    threads: int,
    backend: str = "tensorflow",
    frames: int = FRAMES,
    repeats: int = REPEATS,
) -> Speed:
    """Measure one file in a process of its own.

    Args:
        path: a `.tflite`, `.onnx` or `.keras` file, or a SavedModel folder.
        video: the video to score.
        name: name of the row.
        threads: cores and threads.
        backend: of Keras, for a `.keras` file.
        frames: scores to measure over; fewer if the video ends.
        repeats: runs to take the median of.

    Raises:
        CDAEError: if the process fails; the message holds its last line.
    """
    job = {
        "path": str(path),
        "video": str(video),
        "threads": threads,
        "frames": frames,
        "repeats": repeats,
    }
    environment = {
        **os.environ,
        "KERAS_BACKEND": backend,
        "OMP_NUM_THREADS": str(threads),
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-m", __name__, json.dumps(job)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = done.stderr.strip().splitlines()[-1:]
        raise CDAEError(f"{path}: cannot be measured: {' '.join(last)}")
    values = json.loads(done.stdout.strip().splitlines()[-1])
    return Speed(name=name, threads=threads, **values)


def pin(threads: int) -> None:
    """Keep this process on its first `threads` cores, where that is known."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:threads])


def run_job(job: dict[str, Any]) -> dict[str, float]:
    """Measure in this process what a job asks for."""
    path, video = Path(job["path"]), Path(job["video"])
    threads, frames = int(job["threads"]), int(job["frames"])
    pin(threads)
    batch = 1
    if path.suffix in SUFFIXES:
        end_to_end, call, batch = _edge(path, video, threads, frames)
    elif path.is_dir():
        end_to_end, call, batch = _saved_model(path, video, frames)
    else:
        end_to_end, call, batch = _keras(path, video, frames)
    end_to_end()  # compiles, fills caches
    rates, costs = [], []
    for _ in range(job["repeats"]):
        started, spent = time.perf_counter(), time.process_time()
        count = end_to_end()
        rates.append(count / (time.perf_counter() - started))
        costs.append(1000 * (time.process_time() - spent) / count)
    seconds = _median_seconds(call, max(3, 100 // batch))
    return {
        "end_to_end": statistics.median(rates),
        "core_ms": statistics.median(costs),
        "inference": batch / seconds,
        "latency_ms": 1000 * seconds,
        "batch": batch,
    }


Measured = tuple[Callable[[], int], Callable[[], Any], int]


def _edge(path: Path, video: Path, threads: int, frames: int) -> Measured:
    scorer = EdgeScorer(path, threads=threads)
    clip = _first_clip(
        video, scorer.image_size, scorer.channels, scorer.clip_length
    )
    run = scorer._run
    assert run is not None  # open until closed

    def end_to_end() -> int:
        scores = itertools.islice(scorer.score_video(video), frames)
        return sum(1 for _ in scores)

    return end_to_end, lambda: run(clip), 1


def _saved_model(path: Path, video: Path, frames: int) -> Measured:
    from keras_cdae.export.saved_model import open_saved_model
    from keras_cdae.runtime.metadata import read_metadata

    expected = read_metadata(path)["input"]
    size = (expected["height"], expected["width"])
    channels, length = expected["channels"], expected["clip_length"]
    run = open_saved_model(path)

    def end_to_end() -> int:
        source = read_frames(video, image_size=size, channels=channels)
        clips = itertools.islice(_clips(source, length), frames)
        return sum(1 for clip in clips if run(clip))

    clip = _first_clip(video, size, channels, length)
    return end_to_end, lambda: run(clip), 1


def _keras(path: Path, video: Path, frames: int) -> Measured:
    from keras_cdae.runs.loader import load
    from keras_cdae.scoring.scorer import score_frames

    model = load(path)
    height, width = model.image_size

    def end_to_end() -> int:
        source = read_frames(
            video, image_size=(height, width), channels=model.channels
        )
        some = itertools.islice(source, frames + model.clip_length - 1)
        held = np.stack(list(some))
        return len(score_frames(model, held, batch_size=KERAS_BATCH))

    clip = _first_clip(
        video, (height, width), model.channels, model.clip_length
    )
    batch = np.repeat(clip, KERAS_BATCH, axis=0)
    return (
        end_to_end,
        lambda: model.score(batch, batch_size=KERAS_BATCH),
        KERAS_BATCH,
    )


def _clips(frames: Iterator[np.ndarray], length: int) -> Iterator[np.ndarray]:
    recent: deque[np.ndarray] = deque(maxlen=length)
    for frame in frames:
        recent.append(frame)
        if len(recent) == length:
            yield np.stack(recent)[np.newaxis]


def _first_clip(
    video: Path, size: tuple[int, int], channels: int, length: int
) -> np.ndarray:
    frames = read_frames(video, image_size=size, channels=channels)
    clip = next(_clips(frames, length), None)
    if clip is None:
        raise VideoError(
            f"{video}: too short: a score needs {length} frames. Give a "
            "longer video."
        )
    return clip


def _median_seconds(call: Callable[[], Any], times: int) -> float:
    call()
    seconds = []
    for _ in range(times):
        started = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)


def main(arguments: Sequence[str]) -> None:
    """Print the measurement of the job in the first argument."""
    values = run_job(json.loads(arguments[0]))
    sys.stdout.write(json.dumps(values) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
