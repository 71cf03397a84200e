"""Checkpoints that a kill at any moment leaves whole."""

import re
from pathlib import Path
from typing import Any

import keras

from keras_cdae.errors import RunFolderError, shown
from keras_cdae.files import atomic_path

PATTERN = re.compile(r"epoch-(\d+)\.weights\.h5")


class Checkpoint(keras.callbacks.Callback):
    """Save the weights, the optimizer's among them, after every epoch.

    The number of finished epochs is part of the file's name, and the file
    appears by renaming: there is no moment at which a kill leaves a broken or
    a mismatched state. Keras's `BackupAndRestore` writes two files in place.

    Args:
        folder: where the file goes.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write this epoch's file, then remove the older ones."""
        path = self.folder / f"epoch-{epoch + 1:04d}.weights.h5"
        with atomic_path(path) as temporary:
            # save_weights wants this double suffix
            whole = temporary.with_name(f"{temporary.stem}.weights.h5")
            try:
                self.model.save_weights(whole)
                whole.replace(temporary)
            finally:
                whole.unlink(missing_ok=True)
        for _, older in checkpoints(self.folder):
            if older != path:
                older.unlink(missing_ok=True)


def checkpoints(folder: Path) -> list[tuple[int, Path]]:
    """Return the finished epochs and the file of each checkpoint, rising."""
    if not folder.is_dir():
        return []
    found = [(PATTERN.fullmatch(f.name), f) for f in folder.iterdir()]
    return sorted((int(match[1]), f) for match, f in found if match)


def restore(model: keras.Model, folder: Path) -> int:
    """Load the newest checkpoint, if any; return how many epochs it holds.

    Raises:
        RunFolderError: if it is damaged or of another model.
    """
    found = checkpoints(folder)
    if not found:
        return 0
    epochs, path = found[-1]
    try:
        model.load_weights(path)
    except Exception as error:  # h5py and Keras raise many kinds
        line = shown(str(error).strip().split("\n")[0], 200)
        raise RunFolderError(
            f"{path}: cannot be loaded: {line}. Start the run anew with "
            "--overwrite."
        ) from error
    return epochs
