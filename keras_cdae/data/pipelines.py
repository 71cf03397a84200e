"""Clips as batches: a `tf.data.Dataset`, or a `PyDataset` without TensorFlow.

Both give the same batches in the same order, and the order of an epoch is a
function of the seed and the number of the epoch alone, so that a run that is
resumed sees what it would have seen.
"""

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import keras
import numpy as np

from keras_cdae.data.augmentation import Augmentation, as_augmentation
from keras_cdae.data.clips import CLIP_LENGTH, Clips
from keras_cdae.data.finding import PathLike, find_videos
from keras_cdae.data.frames import cache_videos
from keras_cdae.data.pseudo_anomalies import (
    PseudoAnomalies,
    as_pseudo_anomalies,
)
from keras_cdae.errors import CDAEError, DataError, MissingDependencyError

if TYPE_CHECKING:
    import tensorflow as tf

_DTYPES = ("float32", "uint8")
READERS = 4  # batches that tf.data gathers at a time


class EpochCounter:
    """The number of the coming epoch, shared with a `tf.data` pipeline.

    It advances when an iteration begins. `fit` may begin one more, to look
    at a batch when it builds the model: `CDAE.fit` sets the number at the
    begin of every epoch, so that epoch 7 of a resumed run has the order of
    epoch 7; with other models a callback has to.

    Args:
        epoch: the first epoch.

    Example:
        >>> counter = EpochCounter()
        >>> counter.begin(), counter.begin(), counter.epoch
        (0, 1, 2)
    """

    def __init__(self, epoch: int = 0) -> None:
        self.epoch = epoch
        # What ended the pipeline: tf.data keeps no more of it than its text.
        self.error: Exception | None = None

    def set_epoch(self, epoch: int) -> None:
        """Make `epoch` the number of the next iteration."""
        self.epoch = int(epoch)

    def begin(self) -> int:
        """Return the number of the iteration that begins, and advance."""
        self.epoch += 1
        return self.epoch - 1

    def remember(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Return `function`, its error kept as the attribute `error`."""

        def call(*arguments: Any) -> Any:
            try:
                return function(*arguments)
            except CDAEError as error:
                self.error = error
                raise

        return call


class _Gatherer:
    """Gathers batches as a training shows them, without an order of its own.

    Args:
        clips: the clips.
        seed: of pseudo-anomalies and augmentation.
        pseudo_anomalies: see `training_batches`.
        augment: see `training_batches`.
    """

    def __init__(
        self,
        clips: Clips,
        seed: int,
        pseudo_anomalies: PseudoAnomalies | float | None,
        augment: Augmentation | Sequence[str] | None,
    ) -> None:
        self.clips = clips
        self.seed = seed
        self.pseudo = as_pseudo_anomalies(pseudo_anomalies)
        self.augmentation = as_augmentation(augment)
        self.parts = 1 if self.pseudo is None else 2

    def gather(self, indices: np.ndarray, epoch: int) -> list[np.ndarray]:
        """Return the batch, and the clips to reconstruct where they differ."""
        when = {"epoch": int(epoch), "seed": self.seed}
        if self.pseudo is None:
            batches = [self.clips.gather(indices)]
        else:
            batches = list(self.pseudo.gather(self.clips, indices, **when))
        if self.augmentation is None:
            return batches
        return [
            self.augmentation.apply(batch, indices, **when) for batch in batches
        ]


class ClipBatches(keras.utils.PyDataset):
    """Batches of clips for `fit`, under any backend, without TensorFlow.

    `fit` shuffles the batches of a `PyDataset` once more by default; pass
    `shuffle=False` to `fit` where the exact order matters (the clips are
    shuffled here all the same). With `workers` above 1 under JAX, `predict`
    needs a built model: Keras loses the order when it builds it on the way.

    Args:
        clips: the clips.
        batch_size: clips in a batch.
        shuffle: a new order of clips every epoch.
        seed: the order of epoch `e` depends on `seed` and `e` alone.
        dtype: `"float32"` for [0, 1], `"uint8"` for 0 to 255 (a quarter of
            the memory; the model accepts both).
        drop_remainder: leave out a last, smaller batch.
        pseudo_anomalies: see `training_batches`.
        augment: see `training_batches`.
        **kwargs: `workers`, `use_multiprocessing` and `max_queue_size` of
            `keras.utils.PyDataset`.

    Raises:
        ValueError: `batch_size` below 1 or an unknown `dtype`.
        DataError: `drop_remainder` with fewer clips than one batch.

    Example:
        >>> clips = Clips([np.zeros((8, 4, 4, 1), np.uint8)])
        >>> batches = ClipBatches(clips, batch_size=3)
        >>> len(batches), batches[1].shape
        (2, (1, 5, 4, 4, 1))
    """

    def __init__(
        self,
        clips: Clips,
        *,
        batch_size: int = 8,
        shuffle: bool = True,
        seed: int = 0,
        dtype: str = "float32",
        drop_remainder: bool = False,
        pseudo_anomalies: PseudoAnomalies | float | None = None,
        augment: Augmentation | Sequence[str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        _check(batch_size, dtype)
        self._gatherer = _Gatherer(clips, seed, pseudo_anomalies, augment)
        self.clips = clips
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.dtype = dtype
        self.drop_remainder = drop_remainder
        self.epoch = 0
        self._length = _batch_count(len(clips), batch_size, drop_remainder)
        self._order = clips.order(0, seed, shuffle)

    @property
    def pseudo_anomalies(self) -> PseudoAnomalies | None:
        """What replaces some of the clips; None for nothing."""
        return self._gatherer.pseudo

    @property
    def augmentation(self) -> Augmentation | None:
        """How the clips are changed; None as they are."""
        return self._gatherer.augmentation

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, index: int) -> Any:
        if not 0 <= index < len(self):
            raise IndexError(f"batch {index} of {len(self)}")
        begin = index * self.batch_size
        chosen = self._order[begin : begin + self.batch_size]
        gathered = self._gatherer.gather(chosen, self.epoch)
        made = [self._cast(batch) for batch in gathered]
        return made[0] if len(made) == 1 else tuple(made)

    def _cast(self, batch: np.ndarray) -> np.ndarray:
        if self.dtype == "uint8":
            return batch
        return batch.astype(np.float32) / np.float32(255)

    def set_epoch(self, epoch: int) -> None:
        """Give the batches the order of `epoch`."""
        self.epoch = int(epoch)
        self._order = self.clips.order(self.epoch, self.seed, self.shuffle)

    def on_epoch_end(self) -> None:
        """Go on to the order of the next epoch; Keras calls it."""
        self.set_epoch(self.epoch + 1)


def clip_dataset(
    clips: Clips,
    *,
    batch_size: int = 8,
    shuffle: bool = True,
    seed: int = 0,
    dtype: str = "float32",
    drop_remainder: bool = False,
    prefetch: int = 2,
    epoch: EpochCounter | None = None,
    pseudo_anomalies: PseudoAnomalies | float | None = None,
    augment: Augmentation | Sequence[str] | None = None,
) -> "tf.data.Dataset":
    """Build a `tf.data.Dataset` of clips, with static shapes and known length.

    The batches and their order are those of `ClipBatches`. Clips are read in
    parallel and ahead of the training step.

    Args:
        clips: the clips.
        batch_size: clips in a batch.
        shuffle: a new order of clips every iteration.
        seed: the order of epoch `e` depends on `seed` and `e` alone.
        dtype: `"float32"` for [0, 1], `"uint8"` for 0 to 255.
        drop_remainder: leave out a last, smaller batch.
        prefetch: batches to hold ready.
        epoch: counter of iterations; also the attribute `epoch_counter` of the
            result, by which `CDAE.fit` ties it to its epochs.
        pseudo_anomalies: see `training_batches`.
        augment: see `training_batches`.

    Returns:
        Batches (batch_size, T, H, W, C).

    Raises:
        MissingDependencyError: TensorFlow is not installed.
        ValueError: `batch_size` below 1 or an unknown `dtype`.
        DataError: `drop_remainder` with fewer clips than one batch.
    """
    _check(batch_size, dtype)
    tf = _tensorflow()
    count = _batch_count(len(clips), batch_size, drop_remainder)
    counter = EpochCounter() if epoch is None else epoch
    gatherer = _Gatherer(clips, seed, pseudo_anomalies, augment)

    def order_of_epoch() -> tuple[np.ndarray, np.ndarray]:
        number = counter.begin()
        order = clips.order(number, seed, shuffle)
        return order.astype(np.int64), np.asarray(number, np.int64)

    def index_batches(_: Any) -> Any:
        order, number = tf.numpy_function(
            order_of_epoch, [], [tf.int64, tf.int64]
        )
        order.set_shape((len(clips),))
        number.set_shape(())
        whole = len(clips) % batch_size == 0 or drop_remainder
        chosen = tf.data.Dataset.from_tensor_slices(order).batch(
            batch_size, drop_remainder=whole
        )
        return chosen.map(lambda indices: (indices, number))

    def cast(batch: Any, indices: Any) -> Any:
        batch.set_shape((indices.shape[0], *clips.shape))
        return batch if dtype == "uint8" else tf.cast(batch, tf.float32) / 255.0

    def load(indices: Any, number: Any) -> Any:
        made = tf.numpy_function(
            counter.remember(gatherer.gather),
            [indices, number],
            [tf.uint8] * gatherer.parts,
        )
        made = [cast(batch, indices) for batch in made]
        return made[0] if len(made) == 1 else tuple(made)

    # Not `from_generator`: under Python 3.11 and later it makes the C library
    # return every block of 128 KiB to the system, in the whole process, and a
    # training under torch waits for memory.
    dataset = tf.data.Dataset.from_tensors(0).flat_map(index_batches)
    dataset = dataset.map(load, num_parallel_calls=READERS, deterministic=True)
    dataset = dataset.apply(tf.data.experimental.assert_cardinality(count))
    dataset = dataset.prefetch(prefetch)
    # The thread that tunes a pipeline sleeps longer and longer, up to a minute,
    # and the next epoch waits until it wakes.
    options = tf.data.Options()
    options.autotune.enabled = False
    dataset = dataset.with_options(options)
    dataset.epoch_counter = counter
    return dataset


def training_batches(
    clips: Clips,
    *,
    batch_size: int = 8,
    shuffle: bool = True,
    seed: int = 0,
    dtype: str = "float32",
    drop_remainder: bool = False,
    pseudo_anomalies: PseudoAnomalies | float | None = None,
    augment: Augmentation | Sequence[str] | None = None,
    prefer: str = "auto",
) -> Any:
    """Build the best batches for `fit` that this installation has.

    Args:
        clips: the clips.
        batch_size: clips in a batch.
        shuffle: a new order of clips every epoch.
        seed: the order of epoch `e` depends on `seed` and `e` alone.
        dtype: `"float32"` for [0, 1], `"uint8"` for 0 to 255.
        drop_remainder: leave out a last, smaller batch.
        pseudo_anomalies: None, or the share of clips that is replaced by one
            that is not normal (or a `PseudoAnomalies`). The batches are then
            pairs: clips to look at, and the normal clips to reconstruct.
        augment: None, or some of `"flip"`, `"crop"` and `"brightness"` (or an
            `Augmentation`): how clips are changed, each epoch anew. For a
            model with a region of interest brightness alone: the others
            would move what lies outside into it.
        prefer: `"tf.data"`, `"pydataset"`, or `"auto"`: the first where
            TensorFlow is installed.

    Returns:
        What to hand to `fit`, with `shuffle=False`: the batches shuffle
        themselves.

    Raises:
        MissingDependencyError: `"tf.data"` without TensorFlow.
        ValueError: an unknown `prefer`, or see `ClipBatches`.
    """
    options: dict[str, Any] = {
        "batch_size": batch_size,
        "shuffle": shuffle,
        "seed": seed,
        "dtype": dtype,
        "drop_remainder": drop_remainder,
        "pseudo_anomalies": pseudo_anomalies,
        "augment": augment,
    }
    if prefer not in ("auto", "tf.data", "pydataset"):
        raise ValueError(
            "prefer must be 'auto', 'tf.data' or 'pydataset'. "
            f"Received: {prefer=}"
        )
    if prefer == "auto":
        prefer = "tf.data" if _has_tensorflow() else "pydataset"
    if prefer == "tf.data":
        return clip_dataset(clips, **options)
    return ClipBatches(clips, **options)


def from_videos(
    paths: PathLike | Sequence[PathLike],
    *,
    image_size: tuple[int, int],
    channels: int = 3,
    batch_size: int = 8,
    length: int = CLIP_LENGTH,
    stride: int = 1,
    shuffle: bool = True,
    seed: int = 0,
    dtype: str = "float32",
    drop_remainder: bool = False,
    pseudo_anomalies: PseudoAnomalies | float | None = None,
    augment: Augmentation | Sequence[str] | None = None,
    cache_dir: PathLike | None = None,
) -> "tf.data.Dataset":
    """Turn videos on disk into a `tf.data.Dataset` of clips in one call.

    The videos are decoded once, into the frame cache.

    Args:
        paths: a video, a folder of videos, or several of these.
        image_size: (height, width) of the clips.
        channels: 3 for RGB, 1 for grey.
        batch_size: clips in a batch.
        length: frames in a clip, T.
        stride: distance between the starts of consecutive clips.
        shuffle: a new order of clips every iteration.
        seed: the order of epoch `e` depends on `seed` and `e` alone.
        dtype: `"float32"` for [0, 1], `"uint8"` for 0 to 255.
        drop_remainder: leave out a last, smaller batch.
        pseudo_anomalies: see `training_batches`.
        augment: see `training_batches`.
        cache_dir: folder of the frame cache; `None` for the default.

    Returns:
        Batches (batch_size, length, height, width, channels).

    Raises:
        VideoError: a path that is missing or cannot be read.
        DataError: no video long enough, or the cache cannot be written.
        MissingDependencyError: TensorFlow is not installed.

    Example:
        ```python
        clips = keras_cdae.data.from_videos("train/", image_size=(64, 64))
        model.fit(clips, epochs=10)
        ```
    """
    _check(batch_size, dtype)
    _tensorflow()  # before hours of decoding
    given = [paths] if isinstance(paths, (str, bytes)) else paths
    given = given if isinstance(given, Sequence) else [given]
    videos = cache_videos(
        [video for path in given for video in find_videos(path)],
        image_size=image_size,
        channels=channels,
        cache_dir=cache_dir,
    )
    return clip_dataset(
        Clips(videos, length=length, stride=stride),
        batch_size=batch_size,
        shuffle=shuffle,
        seed=seed,
        dtype=dtype,
        drop_remainder=drop_remainder,
        pseudo_anomalies=pseudo_anomalies,
        augment=augment,
    )


def _tensorflow() -> Any:
    try:
        import tensorflow as tf
    except ImportError as error:
        raise MissingDependencyError(
            "a tf.data pipeline needs TensorFlow: pip install tensorflow. "
            "Without it, hand a keras_cdae.data.ClipBatches to fit."
        ) from error
    return tf


def _has_tensorflow() -> bool:
    try:
        _tensorflow()
    except MissingDependencyError:
        return False
    return True


def _check(batch_size: int, dtype: str) -> None:
    if batch_size < 1:
        raise ValueError(f"batch_size must be >= 1. Received: {batch_size=}")
    if dtype not in _DTYPES:
        raise ValueError(f"dtype must be one of {_DTYPES}. Received: {dtype=}")


def _batch_count(clips: int, batch_size: int, drop_remainder: bool) -> int:
    if not drop_remainder:
        return math.ceil(clips / batch_size)
    if clips < batch_size:
        raise DataError(
            f"{clips} clips do not fill one batch of {batch_size}. Lower "
            "batch_size, or keep the remainder."
        )
    return clips // batch_size
