"""What speed.py measures, each in a process of its own."""

import importlib.util
import math
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

STAGES = ("pretraining", "alternation")
CLOCKS = {"wall": time.perf_counter, "processor": time.process_time}
LOOP = 5  # times as many steps in an epoch as are timed by themselves
WARM_UP = 2  # steps that compile, and are not counted
SCORED = 64  # clips, after as many as compile
PIPELINE_SECONDS = 5.0
VIDEO_BYTES = 100 * 2**20  # of each of two: more than a processor caches


def measure_pipeline(
    preset: str, batch_size: int, steps: int
) -> dict[str, Any]:
    """Return the clips a second of both kinds of batches."""
    del steps
    from keras_cdae.data import ClipBatches, Clips, clip_dataset
    from keras_cdae.models.presets import preset as find_preset

    settings = find_preset(preset).model
    rates: dict[str, Any] = {"tf.data": None}
    with tempfile.TemporaryDirectory() as folder:
        videos = [
            random_video(Path(folder), settings, seed) for seed in range(2)
        ]
        clips = Clips(videos)
        options: Any = {"batch_size": batch_size, "dtype": "uint8"}  # as train
        batches = ClipBatches(clips, **options)
        rates["ClipBatches"] = rate(
            lambda: (batches[i] for i in range(len(batches)))
        )
        if importlib.util.find_spec("tensorflow"):
            dataset = clip_dataset(clips, **options)
            rates["tf.data"] = rate(lambda: dataset)
    return {"clips_per_second": rates, "peak_memory_mb": peak_memory()}


def measure_model(preset: str, batch_size: int, steps: int) -> dict[str, Any]:
    """Return seconds a training step, frames a second of scoring, memory."""
    import keras

    from keras_cdae import CDAE
    from keras_cdae.scoring import score_frames

    model = CDAE.from_preset(preset)
    shape = (model.clip_length, *model.image_size, model.channels)
    batch = np.random.default_rng(0).integers(
        0, 256, (batch_size, *shape), np.uint8
    )
    seconds = {}
    network: dict[str, dict[str, float]] = {}
    for stage in STAGES:
        model.set_stage(stage)
        seconds[stage] = step_seconds(model, batch, steps)
        network[stage] = network_seconds(model, batch, steps)
    loop = loop_seconds(model, batch_size, LOOP * steps)
    training_memory = peak_memory()
    frames = np.random.default_rng(0).integers(
        0, 256, (SCORED + model.clip_length - 1, *shape[1:]), np.uint8
    )
    score_frames(model, frames)  # compiles
    start = time.perf_counter()
    scores = score_frames(model, frames)
    return {
        "backend": keras.backend.backend(),
        "weights": int(model.count_params()),
        "step_seconds": seconds,
        "network_seconds": network,
        "loop_seconds": loop,
        "loop_over_network": {
            stage: {
                clock: loop[stage][clock] / network[stage][clock]
                for clock in CLOCKS
            }
            for stage in STAGES
        },
        "clips_per_second": batch_size / seconds["alternation"],
        "scored_frames_per_second": len(scores) / (time.perf_counter() - start),
        "training_memory_mb": training_memory,
        "peak_memory_mb": peak_memory(),
    }


def network_seconds(
    model: Any, batch: np.ndarray, steps: int
) -> dict[str, float]:
    """Return the median time of a stage's gradients alone, by clock."""
    import keras

    make = {
        "tensorflow": gradients_tensorflow,
        "torch": gradients_torch,
        "jax": gradients_jax,
    }[keras.backend.backend()]
    run = make(model, keras.ops.convert_to_tensor(batch))
    times = [spent(run) for _ in range(WARM_UP + steps)][WARM_UP:]
    return {c: statistics.median(t[c] for t in times) for c in CLOCKS}


def spent(run: Callable[[], Any]) -> dict[str, float]:
    """Return what one call takes, by clock."""
    started = {clock: now() for clock, now in CLOCKS.items()}
    run()
    return {clock: now() - started[clock] for clock, now in CLOCKS.items()}


def gradients_tensorflow(model: Any, clips: Any) -> Callable[[], Any]:
    """Return the gradients of the active blocks as one compiled call."""
    import tensorflow as tf

    def gradients() -> list[Any]:
        found = []
        for block in model.active_blocks():
            values = [v.value for v in model.block_variables(block)]
            with tf.GradientTape(watch_accessed_variables=False) as tape:
                tape.watch(values)
                loss = model.block_losses(block, clips)["loss"]
            found += tape.gradient(loss, values)
        return found

    compiled = tf.function(gradients, autograph=False)
    return lambda: compiled()[-1].numpy()


def gradients_torch(model: Any, clips: Any) -> Callable[[], Any]:
    """Return the gradients of the active blocks as one call."""
    import torch

    def gradients() -> None:
        for block in model.active_blocks():
            values = [v.value for v in model.block_variables(block)]
            torch.autograd.grad(
                model.block_losses(block, clips)["loss"], values
            )

    return gradients


def gradients_jax(model: Any, clips: Any) -> Callable[[], Any]:
    """Return the gradients of the active blocks as one compiled call."""
    import jax
    import keras

    variables = model.trainable_variables
    fixed = [v for v in model.weights if not v.trainable]

    def gradients(values: list[Any], others: list[Any], clips: Any) -> Any:
        found = []
        for block in model.active_blocks():
            ids = [id(v) for v in model.block_variables(block)]
            places = [i for i, v in enumerate(variables) if id(v) in ids]

            def loss(active: list[Any], block: Any, places: Any) -> Any:
                now = dict(enumerate(values)) | dict(
                    zip(places, active, strict=True)
                )
                mapping = [
                    *zip(variables, now.values(), strict=True),
                    *zip(fixed, others, strict=True),
                ]
                with keras.StatelessScope(state_mapping=mapping):
                    return model.block_losses(block, clips)["loss"]

            active = [values[i] for i in places]
            found += jax.grad(loss)(active, block, places)
        return found

    compiled = jax.jit(gradients)
    weights = [v.value for v in variables], [v.value for v in fixed]
    return lambda: jax.block_until_ready(compiled(*weights, clips))


def loop_seconds(
    model: Any, batch_size: int, steps: int
) -> dict[str, dict[str, float]]:
    """Return the time a step of whole epochs of `fit`, by stage and clock."""
    import keras

    from keras_cdae.data import Clips, training_batches
    from keras_cdae.runs.centroids import CentroidLog, sample_clips
    from keras_cdae.runs.checkpoint import Checkpoint

    settings = {
        "image_size": model.image_size,
        "channels": model.channels,
    }
    epochs = Epochs()
    schedule = {**model.schedule.get_config(), "pretrain_epochs": 2}
    model.compile(schedule=schedule)
    with tempfile.TemporaryDirectory() as folder:
        video = random_video(Path(folder), settings, 0)
        frames = video[: steps * batch_size + model.clip_length - 1]
        clips = Clips([frames])
        data = training_batches(clips, batch_size=batch_size, dtype="uint8")
        model.fit(
            data,
            epochs=4,  # each stage compiles in its first
            shuffle=False,
            verbose=0,
            callbacks=[
                epochs,
                CentroidLog(sample_clips(clips)),
                keras.callbacks.CSVLogger(str(Path(folder) / "history.csv")),
                Checkpoint(Path(folder) / "checkpoint"),
                epochs.end,
            ],
        )
    count = math.ceil(len(clips) / batch_size)
    return {
        stage: {c: t / count for c, t in epochs.times[1 + 2 * i].items()}
        for i, stage in enumerate(STAGES)
    }


def Epochs() -> Any:
    """Return a callback that keeps the time of each epoch, by clock."""
    import keras

    class Begin(keras.callbacks.Callback):
        def __init__(self) -> None:
            super().__init__()
            self.times: list[dict[str, float]] = []
            self.end = keras.callbacks.LambdaCallback(
                on_epoch_end=lambda epoch, logs: self.stop()
            )

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.started = {clock: now() for clock, now in CLOCKS.items()}

        def stop(self) -> None:
            spent = {c: now() - self.started[c] for c, now in CLOCKS.items()}
            self.times.append(spent)

    return Begin()


def step_seconds(model: Any, batch: np.ndarray, steps: int) -> float:
    """Return the median time of a training step on one batch."""
    times = []
    for _ in range(WARM_UP + steps):
        start = time.perf_counter()
        model.train_on_batch(batch)  # returns numbers, so it has finished
        times.append(time.perf_counter() - start)
    return statistics.median(times[WARM_UP:])


def rate(make_batches: Callable[[], Iterable[Any]]) -> float:
    """Return the clips a second of whole epochs; the first warms up."""
    for _ in make_batches():
        pass
    count, start = 0, time.perf_counter()
    while time.perf_counter() - start < PIPELINE_SECONDS:
        count += sum(len(batch) for batch in make_batches())
    return count / (time.perf_counter() - start)


def random_video(folder: Path, settings: Any, seed: int) -> Any:
    """Return a memory map of random frames, as the frame cache has them."""
    size = (*settings["image_size"], settings["channels"])
    shape = (min(2000, VIDEO_BYTES // math.prod(size)), *size)
    frames = np.random.default_rng(seed).integers(0, 256, shape, np.uint8)
    path = folder / f"{seed}.npy"
    np.save(path, frames)
    return np.load(path, mmap_mode="r")


def peak_memory() -> float:
    """Return the most memory this process has held, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1024 if sys.platform != "darwin" else peak / 1024**2
