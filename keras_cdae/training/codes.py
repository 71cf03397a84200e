"""Codes of normal clips, gathered for k-means (section 4.2)."""

import logging
import math
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from keras_cdae.types import Array

logger = logging.getLogger(__name__)

MAX_CODES = 200_000
LEAST_PER_BATCH = 256  # a long epoch is read no further than is needed


def collect_codes(
    encode: Callable[[Any], tuple[Any, Any]],
    data: Any,
    target: Any = None,
    *,
    batch_size: int = 8,
    steps: int | None = None,
    limit: int = MAX_CODES,
    seed: int = 0,
) -> tuple[Array, Array]:
    """Return codes at random locations of random clips, for both branches.

    Args:
        encode: clips to the two codes, each `(batch, h, w, dim)`.
        data: what `fit` was given: a `tf.data.Dataset`, a `PyDataset`, an
            array of clips, or any iterable that can be read again.
        target: the normal clips of pairs, where `data` is an array.
        batch_size: clips at a time, for an array.
        steps: batches in an epoch; needed where `data` has no length.
        limit: the most locations a branch.
        seed: seed of the choice.

    Returns:
        Two arrays, `(count, dim)` float32, count at most `limit`.
    """
    from keras import ops

    generator = np.random.default_rng(seed)
    batches, count = _batches(data, target, batch_size, steps)
    quota = limit
    if count is not None:
        quota = max(-(-limit // max(count, 1)), LEAST_PER_BATCH)
    gathered: tuple[list[Array], list[Array]] = ([], [])
    found = 0
    for batch in batches:
        _, clips = split_batch(batch)  # the normal clips of pairs
        clips = ops.convert_to_numpy(clips)  # tf.data under another backend
        codes = [ops.convert_to_numpy(code) for code in encode(clips)]
        codes = [code.reshape(-1, code.shape[-1]) for code in codes]
        take = min(quota, limit - found, len(codes[0]))
        for kept, code in zip(gathered, codes, strict=True):
            chosen = generator.choice(len(code), take, replace=False)
            kept.append(code[chosen].astype("float32"))
        found += take
        if found >= limit:
            break
    if not found:
        raise ValueError("The training data hold no clip to cluster.")
    logger.info("Clustering %d codes of each branch.", found)
    return np.concatenate(gathered[0]), np.concatenate(gathered[1])


def split_batch(batch: Any) -> tuple[Any, Any]:
    """Return clips to look at, and clips to reconstruct.

    Args:
        batch: clips, or a tuple whose second item counts where it holds clips,
            too: a label or a weight does not.
    """
    if not isinstance(batch, (tuple, list)):
        return batch, batch
    clips = batch[0]
    target = batch[1] if len(batch) > 1 else None
    if len(getattr(target, "shape", ())) != len(clips.shape):
        return clips, clips
    return clips, target


def training_part(
    x: Any, y: Any, validation_split: float | None
) -> tuple[Any, Any]:
    """Return the arrays without the share at their end that Keras validates on.

    Args:
        x: what `fit` was given.
        y: as `x`.
        validation_split: as `fit` was given it.
    """
    if not validation_split or not hasattr(x, "shape"):
        return x, y
    count = math.floor(len(x) * (1.0 - validation_split))
    return x[:count], None if y is None else y[:count]


def _batches(
    data: Any, target: Any, batch_size: int, steps: int | None
) -> tuple[Iterable[Any], int | None]:
    """Return one epoch's batches and, where it is known, their number."""
    if hasattr(data, "cardinality"):  # tf.data.Dataset
        count = int(data.cardinality())
        if steps is not None:
            return data.take(steps), steps
        return data, count if count >= 0 else None
    if hasattr(data, "shape"):
        starts = range(0, len(data), batch_size)
        parts = [slice(i, i + batch_size) for i in starts]
        if target is None:
            return (data[part] for part in parts), len(parts)
        return ((data[part], target[part]) for part in parts), len(parts)
    if hasattr(data, "__getitem__") and hasattr(data, "__len__"):
        count = len(data)
        return (data[i] for i in range(count)), count
    return data, steps
