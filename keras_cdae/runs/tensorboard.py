"""Training that can be watched: TensorBoard logs, without tensorflow."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import ops

from keras_cdae.data.images import resize_map
from keras_cdae.data.roi import black_outside
from keras_cdae.errors import MissingDependencyError
from keras_cdae.reports.jet import attention_overlay, jet
from keras_cdae.runs.centroids import CentroidLog
from keras_cdae.training.staged import STAGES

FAINT = 1e-4  # squared difference below which a clip counts as still


class TensorBoard(keras.callbacks.Callback):
    """Write what there is to see of each epoch, for `tensorboard --logdir`.

    - `train/...` and `validation/...`: every term of the loss, and
      `motion_explained`; `learning_rate/...` of both blocks of weights.
    - `centroids/...`: how many are used and how far they lie apart, and as
      histograms how often each is the nearest; see `CentroidLog`.
    - `clip/...`: one held-out clip, the one of the sample in which most
      moves: its last frame, the reconstruction, the first motion target and
      what the decoder makes of it (grey is no change), the squared error.
    - `attention/...`: Eq. 9's map after each motion stage over the last
      frame, in jet as in the paper's Fig. 5: red is the strongest place.

    Scales stay the same from epoch to epoch, except the attention's.

    Args:
        folder: where the event files go.
        centroids: a `CentroidLog` that stands before this callback.
        first_epoch: of a resumed training; what later epochs left is hidden.

    Raises:
        MissingDependencyError: if tensorboardX is not installed.
    """

    def __init__(
        self, folder: Path, centroids: CentroidLog, first_epoch: int = 0
    ) -> None:
        super().__init__()
        self.centroids = centroids
        self.clip = _liveliest(centroids.clips)
        self.writer = require_tensorboard().SummaryWriter(
            str(folder), purge_step=first_epoch + 1 if first_epoch else None
        )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Write one step; steps are epochs, counted from 1."""
        step = epoch + 1
        self._write_scalars(logs or {}, step)
        for name, found in self.centroids.latest.items():
            self._write_counts(f"centroids/{name}", found.counts, step)
        for name, picture in clip_pictures(self.model, self.clip).items():
            self.writer.add_image(name, picture, step, dataformats="HWC")
        self.writer.flush()

    def on_train_end(self, logs: Any = None) -> None:
        """Close the file."""
        self.writer.close()

    def _write_scalars(self, logs: dict[str, Any], step: int) -> None:
        counted = [f"{name}_" for name in self.centroids.latest]
        for name, value in logs.items():
            group = "train"
            if name.startswith("val_"):
                group, name = "validation", name.removeprefix("val_")
            elif name.endswith(("_used", "_effective", "_distinctness")):
                if not counted:
                    continue  # NaN before k-means
                group = "centroids"
            self.writer.add_scalar(f"{group}/{name}", float(value), step)
        blocks = self.model.learning_rates.blocks
        for name, block in zip(STAGES["alternation"], blocks, strict=True):
            rate = float(ops.convert_to_numpy(block.learning_rate))
            self.writer.add_scalar(f"learning_rate/{name}", rate, step)

    def _write_counts(self, tag: str, counts: np.ndarray, step: int) -> None:
        """Write a histogram with one bucket a centroid."""
        index = np.arange(counts.size)
        self.writer.add_histogram_raw(
            tag,
            min=0,
            max=counts.size - 1,
            num=int(counts.sum()),
            sum=float((counts * index).sum()),
            sum_squares=float((counts * index**2).sum()),
            bucket_limits=(index + 0.5).tolist(),
            bucket_counts=counts.tolist(),
            global_step=step,
        )


def require_tensorboard() -> Any:
    """Return tensorboardX, and see that it can write pictures.

    Raises:
        MissingDependencyError: if it is not installed.
    """
    try:
        import PIL  # noqa: F401 (tensorboardX asks for it with a picture)
        import tensorboardX
    except ImportError as error:
        raise MissingDependencyError(
            "TensorBoard logs need tensorboardX: "
            "pip install 'keras-cdae[tensorboard]'"
        ) from error
    return tensorboardX


def clip_pictures(model: Any, clip: np.ndarray) -> dict[str, np.ndarray]:
    """Show what a model makes of one clip.

    Args:
        model: the model.
        clip: uint8 (T, height, width, channels).

    Returns:
        uint8 (height, width, 3) RGB pictures by tag; see `TensorBoard`.
    """
    batch = clip[None]
    outputs = {k: ops.convert_to_numpy(v)[0] for k, v in model(batch).items()}
    frames = black_outside(clip, model.roi).astype(np.float32) / 255.0
    last, target = frames[-1], frames[:-1] - frames[-1]
    rebuilt = outputs["appearance"] + outputs["motion"]
    error = np.square(frames[:-1] - rebuilt).mean(axis=(0, 3))
    strongest = max(float(np.square(target).mean(axis=(0, 3)).max()), FAINT)
    grey = last.mean(axis=-1)
    pictures = {
        "clip/1_last_frame": last,
        "clip/2_reconstruction": outputs["appearance"],
        "clip/3_motion_target": 0.5 + target[0] / 2,
        "clip/4_motion_predicted": 0.5 + outputs["motion"][0] / 2,
        "clip/5_squared_error": jet(error / strongest),
    }
    for stage, attention in enumerate(model.attention_maps(batch), start=1):
        values = ops.convert_to_numpy(attention)[0, :, :, 0]
        pictures[f"attention/stage_{stage}"] = attention_overlay(
            grey, resize_map(values, grey.shape)
        )
    return {name: _to_rgb(picture) for name, picture in pictures.items()}


def _to_rgb(picture: np.ndarray) -> np.ndarray:
    """Return uint8 (height, width, 3) of values in [0, 1], cut off there."""
    whole = np.broadcast_to(picture[..., :3], (*picture.shape[:2], 3))
    return np.rint(255 * np.clip(whole, 0.0, 1.0)).astype(np.uint8)


def _liveliest(clips: np.ndarray) -> np.ndarray:
    """Return the clip whose frames differ most from its last."""
    frames = clips.astype(np.float32)
    moved = np.square(frames[:, :-1] - frames[:, -1:]).mean(axis=(1, 2, 3, 4))
    return clips[int(moved.argmax())]
