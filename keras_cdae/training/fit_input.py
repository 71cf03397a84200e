"""What `fit` and `evaluate` may be given, and what to say of the rest."""

import logging
from collections.abc import Iterator
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)

BRIGHT = 1.5  # float clips lie in [0, 1]
LOOKED_AT = 64  # clips


def check_clips(x: Any, caller: str) -> None:
    """Refuse data that are no clips, before Keras meets them.

    Args:
        x: what the caller was given.
        caller: its name, for the message.

    Raises:
        TypeError: for a list, a dictionary, or nothing.
        ValueError: for an array without a clip.
    """
    if isinstance(x, (list, tuple)):
        raise TypeError(
            f"{caller} takes one array of clips, and Keras a list for several "
            "inputs: pass numpy.stack(x). Received: x of type "
            f"{type(x).__name__}"
        )
    if x is None or isinstance(x, dict):
        raise TypeError(
            f"{caller} takes an array of clips, a tf.data.Dataset or a "
            f"keras.utils.PyDataset. Received: x of type {type(x).__name__}"
        )
    if hasattr(x, "shape") and not len(x):
        raise ValueError(f"{caller} needs at least one clip. Received: none")


def check_weights(caller: str, **weights: Any) -> None:
    """Refuse weights of samples or classes, which no loss here has.

    Args:
        caller: for the message.
        **weights: by the name of the argument.

    Raises:
        ValueError: if one is given.
    """
    for name, value in weights.items():
        if value is not None:
            raise ValueError(
                f"{caller} has no {name}: every clip of normal video counts "
                "alike. Leave out the clips that should not count."
            )


def normal_clips(x: Any, y: Any) -> Any:
    """Return `y` where it holds clips to make of those of `x`, else None.

    Args:
        x: what `fit` was given.
        y: likewise: labels are not looked at.

    Raises:
        ValueError: if there are more of one than of the other.
    """
    if not hasattr(x, "shape") or not hasattr(y, "shape"):
        return None
    if len(y.shape) != len(x.shape):
        return None
    if len(x) != len(y):
        raise ValueError(
            "x and y must hold as many clips. "
            f"Received: {len(x)} and {len(y)} clips"
        )
    return y


def refuse_generator(x: Any) -> None:
    """Refuse what can be read once only.

    Args:
        x: what `fit` was given, which k-means reads a second time.

    Raises:
        TypeError: for a generator.
    """
    if isinstance(x, Iterator):
        raise TypeError(
            "k-means reads the training data a second time, and a "
            "generator can be read once only. Pass a tf.data.Dataset, a "
            "keras.utils.PyDataset or an array of clips. "
            f"Received: x of type {type(x).__name__}"
        )


def warn_of_range(x: Any) -> bool:
    """Warn of float clips that are not in [0, 1], by the first of an array.

    Args:
        x: an array of clips; anything else is not looked at.

    Returns:
        Whether it warned.
    """
    if not isinstance(x, np.ndarray) or x.dtype.kind != "f" or not x.size:
        return False
    highest = float(x[:LOOKED_AT].max())
    if highest > BRIGHT:
        logger.warning(
            "The clips are float up to %.4g, and float clips lie in [0, 1]: "
            "divide them by 255, or pass uint8.",
            highest,
        )
    return highest > BRIGHT
