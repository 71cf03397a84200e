"""Tie the order of a pipeline's clips to the number of the epoch."""

from typing import Any

import keras


class Order(keras.callbacks.Callback):
    """Give the package's own pipelines the order of each epoch.

    Epoch 7 of a resumed run then sees what epoch 7 of an uninterrupted one
    sees; see `data.pipelines.EpochCounter`.

    Args:
        data: what `fit` was given; anything but the package's own pipelines
            is left alone.
    """

    def __init__(self, data: Any) -> None:
        super().__init__()
        self.data = data

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Set the number of the epoch."""
        counter = getattr(self.data, "epoch_counter", self.data)
        if hasattr(counter, "set_epoch"):
            counter.set_epoch(epoch)
