"""From maps of error and distance to one score a clip (Eq. 14)."""

from collections.abc import Mapping, Sequence

from keras import ops

from keras_cdae.types import Tensor

TINY = 1e-12  # under a logarithm
LAST = "channels_last"
FUSIONS = ("product", "pixelwise")
TERMS = ("error", "motion_error", "appearance_distance", "motion_distance")
EQUATION_14 = ("error", "appearance_distance", "motion_distance")


def fuse(
    maps: Mapping[str, Tensor],
    *,
    terms: Sequence[str] = EQUATION_14,
    fusion: str = "product",
    window: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the anomaly score of each clip, and its map.

    ```
    product:    score = sum_i log pool(map_i)
    pixelwise:  score = log pool(prod_i map_i)
    ```

    With the terms of `EQUATION_14`, `product` and no window, the score is
    `log(1 / s)` of Eq. 14.

    Args:
        maps: the maps `(batch, h, w)` by the name of their term, not negative.
        terms: which of them count.
        fusion: `"product"` or `"pixelwise"`.
        window: None: `pool` is the mean over all locations, as in the paper.
            An integer: the largest mean over a square of so many locations,
            so that a small thing that is odd counts as much in a full street
            as in an empty one.

    Returns:
        The scores `(batch,)`, and the product of the maps `(batch, h, w)`.

    Example:
        >>> import numpy as np
        >>> maps = {"error": np.ones((1, 4, 4), "float32")}
        >>> score, _ = fuse(maps, terms=("error",), window=2)
        >>> round(abs(float(score[0])), 6)
        0.0
    """
    product = maps[terms[0]]
    for term in terms[1:]:
        product = product * maps[term]
    if fusion == "pixelwise":
        return ops.log(_pool(product, window) + TINY), product
    logs = [ops.log(_pool(maps[term], window) + TINY) for term in terms]
    return sum(logs[1:], logs[0]), product


def _pool(values: Tensor, window: int | None) -> Tensor:
    """Return one value a clip: the mean, or that of the highest square."""
    if window is None:
        return ops.mean(values, axis=(1, 2))
    if window > 1:
        sides = (window, window)
        values = ops.average_pool(
            values[..., None], sides, (1, 1), data_format=LAST
        )[..., 0]
    return ops.max(values, axis=(1, 2))
