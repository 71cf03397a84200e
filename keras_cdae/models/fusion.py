"""From maps of error and distance to one score a clip (Eq. 14)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from keras import ops

from keras_cdae.types import Tensor

TINY = 1e-12  # under a logarithm
LAST = "channels_last"
FUSIONS = ("product", "pixelwise")
MAPS = (  # what a model gives at each location
    "error",
    "motion_error",
    "motion_power",
    "appearance_distance",
    "motion_distance",
)
UNEXPLAINED = "unexplained_motion"
TERMS = (*(name for name in MAPS if name != "motion_power"), UNEXPLAINED)
# Terms of a score, and the side in pixels of the square over which each is
# averaged, at the place where that is highest; None: the whole picture.
ScoreTerms = Mapping[str, int | None]
EQUATION_14: ScoreTerms = MappingProxyType(
    dict.fromkeys(("error", "appearance_distance", "motion_distance"))
)
# Of squared differences in [0, 1], some four grey levels: of less motion than
# that, what the motion decoder misses is noise.
MOTION_FLOOR = 3e-4


def fuse(
    maps: Mapping[str, Tensor],
    *,
    terms: Mapping[str, int | None],
    fusion: str = "product",
) -> tuple[Tensor, Tensor]:
    """Return the anomaly score of each clip, and its map.

    ```
    product:    score = sum_i log pool_i(map_i)
    pixelwise:  score = log pool(prod_i map_i)
    ```

    With the terms of `EQUATION_14` and `product`, the score is `log(1 / s)` of
    Eq. 14. The term `"unexplained_motion"` is
    `pool(motion_error) / (pool(motion_power) + MOTION_FLOOR)`: the error as a
    share of what there was to explain, which a full street does not raise.

    Args:
        maps: the `MAPS`, `(batch, h, w)` each, not negative.
        terms: what counts, and for each the window of its `pool` in
            locations. None: the mean over all locations, as in the paper. An
            integer: the highest mean over a square of so many locations, so
            that a small thing that is odd counts as much in a wide picture.
        fusion: `"product"` or `"pixelwise"` (all windows are the same).

    Returns:
        The scores `(batch,)`, and the product of the maps `(batch, h, w)`.

    Example:
        >>> import numpy as np
        >>> maps = {"error": np.ones((1, 4, 4), "float32")}
        >>> score, _ = fuse(maps, terms={"error": 2})
        >>> round(abs(float(score[0])), 6)
        0.0
    """
    product = None
    for term in terms:
        # A window of one location is the map itself.
        values = _windows(maps, term, 1)
        product = values if product is None else product * values
    if fusion == "pixelwise":
        whole = {"product": product}
        pooled = _windows(whole, "product", next(iter(terms.values())))
        return _log_of_highest(pooled), product
    logs = [_log_of_highest(_windows(maps, *item)) for item in terms.items()]
    return sum(logs[1:], logs[0]), product


def _windows(
    maps: Mapping[str, Tensor], term: str, window: int | None
) -> Tensor:
    """Return a term over each square of `window` locations, (B, y, x)."""
    if term == UNEXPLAINED:
        error = _windows(maps, "motion_error", window)
        power = _windows(maps, "motion_power", window)
        return error / (power + MOTION_FLOOR)
    if window is None:
        return ops.mean(maps[term], axis=(1, 2), keepdims=True)
    if window == 1:
        return maps[term]
    sides = (window, window)
    return ops.average_pool(
        maps[term][..., None], sides, (1, 1), data_format=LAST
    )[..., 0]


def _log_of_highest(values: Tensor) -> Tensor:
    return ops.log(ops.max(values, axis=(1, 2)) + TINY)


def check_terms(
    terms: Mapping[str, int | None] | Sequence[str],
    *,
    fusion: str,
    stride: int,
    side: int,
) -> dict[str, int | None]:
    """Return the terms of a score as a dictionary, checked.

    Args:
        terms: as `CDAE` takes them; names alone are averaged over the picture.
        fusion: as for `fuse`.
        stride: pixels that a location stands for.
        side: of the picture, in pixels, the shorter.

    Raises:
        ValueError: for no term, an unknown one, or a square that does not fit.
    """
    if not isinstance(terms, Mapping):
        terms = dict.fromkeys(terms)
    unknown = [term for term in terms if term not in TERMS]
    if not terms or unknown:
        raise ValueError(
            f"score_terms must be some of {', '.join(TERMS)}. "
            f"Received: score_terms={dict(terms)!r}"
        )
    for pixels in terms.values():
        if pixels is not None and (
            pixels < stride or pixels % stride or pixels > side
        ):
            raise ValueError(
                "score_terms gives the side of a square in pixels, a multiple "
                f"of {stride} within the picture, or None for all of it. "
                f"Received: score_terms={dict(terms)!r}"
            )
    if fusion == "pixelwise" and len(set(terms.values())) > 1:
        raise ValueError(
            "With fusion='pixelwise' all score_terms have one square. "
            f"Received: score_terms={dict(terms)!r}"
        )
    return dict(terms)
