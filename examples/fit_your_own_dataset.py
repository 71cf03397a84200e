"""Train on your own `tf.data.Dataset` of clips, then score clips with it.

A clip is five consecutive frames: (5, height, width, channels), float in
[0, 1]. Training needs normal clips alone: no labels, no targets.
"""

import numpy as np
import tensorflow as tf

import keras_cdae

# Your frames: here a bright block that moves to the right, one pixel a frame.
video = np.full((120, 64, 64, 1), 0.2, "float32")
for t in range(120):
    video[t, 20:44, t % 64 : t % 64 + 16] = 0.9
starts = np.arange(116)
clips = np.stack([video[s : s + 5] for s in starts])  # 116, 5, 64, 64, 1

dataset = tf.data.Dataset.from_tensor_slices(clips).shuffle(116, seed=0)
model = keras_cdae.CDAE.from_preset("nano", image_size=(64, 64), channels=1)
model.fit(dataset.batch(8), epochs=4, verbose=2)

# Higher = more anomalous. Nothing in training ever moved to the left.
normal = np.median(model.score(clips)["score"])
backward = np.median(model.score(clips[:, ::-1])["score"])
print(f"Median score: {normal:.2f} of normal clips, {backward:.2f} backward.")
