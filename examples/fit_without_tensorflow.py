"""Train under PyTorch or JAX; TensorFlow may be absent.

`ClipBatches` is a `keras.utils.PyDataset`: it cuts clips out of whole videos,
shuffles them by seed and epoch, and needs NumPy only.
"""

import argparse
import importlib.util
import os

parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--backend", choices=("torch", "jax"), help="if it matters")
parser.add_argument("--epochs", type=int, default=2)
arguments = parser.parse_args()

# Keras reads KERAS_BACKEND once, when it is imported: choose before that.
backend = arguments.backend or next(
    (b for b in ("torch", "jax") if importlib.util.find_spec(b)), None
)
if backend is None:
    parser.error("needs one of the two: pip install torch, or pip install jax")
os.environ["KERAS_BACKEND"] = backend
# On a busy machine PyTorch's threads would spin while they wait.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
os.environ.setdefault("KMP_BLOCKTIME", "0")

import keras  # noqa: E402
import numpy as np  # noqa: E402

import keras_cdae  # noqa: E402
from keras_cdae.data import ClipBatches, Clips  # noqa: E402

# Two videos, uint8 (frames, height, width, channels): drifting stripes.
columns = np.arange(64) + np.arange(40)[:, None]  # frame, column
stripes = np.where(columns // 8 % 2, 200, 60).astype("uint8")
video = np.broadcast_to(stripes[:, None, :, None], (40, 64, 64, 1))

keras.utils.set_random_seed(0)
batches = ClipBatches(Clips([video, video[::-1]]), batch_size=8, seed=0)
model = keras_cdae.CDAE.from_preset("nano", image_size=(64, 64), channels=1)
history = model.fit(
    batches,
    epochs=arguments.epochs,
    shuffle=False,  # the batches shuffle themselves
    verbose=2,
)
losses = history.history["motion_loss"]
print(
    f"{keras.backend.backend()}: {len(batches)} batches an epoch, loss of "
    f"motion {losses[0]:.4f} -> {losses[-1]:.4f}."
)
