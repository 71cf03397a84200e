"""Train on one and on two devices and print the losses; run by a test.

One process, since the number of a CPU's devices is set before its first use.
"""

import contextlib
import json
import sys
from pathlib import Path

import keras
import numpy as np

from keras_cdae.backend import replica_count
from keras_cdae.backend.devices import data_parallel
from keras_cdae.baselines import Conv2DAutoencoder
from keras_cdae.data import Clips, training_batches
from keras_cdae.models import CDAE
from keras_cdae.runs.checkpoint import Checkpoint, restore

TENSORFLOW = keras.backend.backend() == "tensorflow"
EPOCHS = 3  # one of pretraining, two of alternation
VIDEO = np.random.default_rng(0).integers(0, 255, (15, 16, 16, 1), np.uint8)
# Under tensorflow the last batch does not come out even; jax would compile
# every step a second time for it.
STRIDE = 1 if TENSORFLOW else 3


def main(folder: Path) -> None:
    """Train whole runs, then end each from the other's checkpoint."""
    if TENSORFLOW:  # under jax the test sets a flag
        import tensorflow as tf

        tf.config.set_logical_device_configuration(
            tf.config.list_physical_devices("CPU")[0],
            [tf.config.LogicalDeviceConfiguration()] * 2,
        )
    result = {"backend": keras.backend.backend()}
    models = {}
    for devices in (1, 2):
        keras.utils.set_random_seed(0)
        with data_parallel(devices):
            model = CDAE.from_preset(
                "nano", (16, 16), 1, num_clusters=3, attention=None
            )
            saved = EarlyCheckpoint(folder / f"{devices}")
            result[f"{devices}"] = fit(model, callbacks=[saved])
            models[devices] = model
    for devices, other in ((1, 2), (2, 1)):
        with data_parallel(devices):
            done = restore(models[devices], folder / f"{other}")
            found = fit(models[devices], initial_epoch=done)
        result[f"{other} then {devices}"] = {**found, "done": done}
    if TENSORFLOW:  # under jax a step of Keras is as any step
        result["baseline"] = [baseline(devices) for devices in (1, 2)]
    print(json.dumps(result))  # noqa: T201 (its output is the result)


def baseline(devices):
    """Return losses and kernel of a model with the `train_step` of Keras."""
    keras.utils.set_random_seed(0)
    with data_parallel(devices):
        model = Conv2DAutoencoder.from_preset("nano", (16, 16), 1, width=2)
        # Unlike Adam's, its steps are as long as the gradients.
        model.compile(keras.optimizers.SGD(0.1))
        history = model.fit(batches(), epochs=2, shuffle=False, verbose=0)
    kernel = keras.ops.convert_to_numpy(model.trainable_weights[0])
    return {"loss": history.history["loss"], "kernel": kernel.tolist()}


def fit(model, **options):
    """Train; return the history, the centroids and the number of devices."""
    # Eight clips: validation weighs batches by their size, so a last one that
    # is made even would count more.
    validation = None
    if TENSORFLOW:
        validation = batches(VIDEO[:12], shuffle=False)
    with contextlib.redirect_stdout(sys.stderr):
        history = model.fit(
            batches(pseudo_anomalies=0.4),
            validation_data=validation,
            epochs=EPOCHS,
            shuffle=False,
            verbose=0,
            **options,
        ).history
    clusters = (model.appearance_clusters, model.motion_clusters)
    return {
        "replicas": replica_count(model),
        "history": history,
        "centroids": [
            keras.ops.convert_to_numpy(layer.centroids).tolist()
            for layer in clusters
        ],
    }


def batches(video=VIDEO, **options):
    """Return batches of the kind that the backend is best at."""
    return training_batches(
        Clips([video], stride=STRIDE),
        batch_size=4,
        dtype="uint8",
        prefer="tf.data" if TENSORFLOW else "pydataset",
        **options,
    )


class EarlyCheckpoint(Checkpoint):
    """Save all epochs but the last, as if the run had been killed in it."""

    def on_epoch_end(self, epoch, logs=None):
        """Write the file."""
        if epoch + 1 < EPOCHS:
            super().on_epoch_end(epoch, logs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
