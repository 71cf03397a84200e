"""What the motion encoder sees of the frames before the last (Eq. 4)."""

from keras import ops

from keras_cdae.types import Tensor

MOTION_INPUTS = ("frames", "changes")
# What a change is multiplied by: people move pixels by a few hundredths, and
# weights are made for inputs about 1. The still picture is left at a fifth.
CHANGE_GAIN = 10.0
PICTURE_GAIN = 0.2
GREY = 0.5


def motion_input(stack: Tensor, frames: int, kind: str) -> Tensor:
    """Return what the motion encoder is given.

    ```
    frames:   x_i
    changes:  10 (x_i - m) + 0.2 (m - 0.5),   m = mean_i x_i
    ```

    Both hold the same: the map between them is linear and can be inverted.
    But frames of a street differ by a few hundredths about a brightness that
    they share, and behind a ReLU without bias that brightness decides alone
    which features of the stem live.

    Args:
        stack: `(batch, height, width, frames * channels)`, float in [0, 1],
            the frames one after the other.
        frames: how many they are.
        kind: one of `MOTION_INPUTS`.

    Example:
        >>> import numpy as np
        >>> from keras import ops
        >>> stack = np.full((1, 8, 8, 4), 0.5, "float32")
        >>> stack[..., 3] = 0.54  # a walker has come
        >>> stack = ops.convert_to_tensor(stack)
        >>> seen = np.asarray(motion_input(stack, 4, "changes"))[0, 0, 0]
        >>> [round(float(value), 3) for value in seen]
        [-0.098, -0.098, -0.098, 0.302]
    """
    if kind == "frames":
        return stack
    depth = stack.shape[-1] // frames
    mean = sum(
        stack[..., start : start + depth]
        for start in range(0, frames * depth, depth)
    ) * (1.0 / frames)
    rest = (CHANGE_GAIN - PICTURE_GAIN) * mean + PICTURE_GAIN * GREY
    return CHANGE_GAIN * stack - ops.tile(rest, (1, 1, 1, frames))
