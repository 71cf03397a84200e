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
# Of squared differences in [0, 1]: of less motion than that, what the motion
# decoder misses is noise. A third of what moves in a street on average, over
# the whole picture and over a square that a walker crosses.
MOTION_FLOOR = 3e-4
LOCAL_MOTION_FLOOR = 2e-3


def fuse(
    maps: Mapping[str, Tensor],
    *,
    terms: Mapping[str, int | None],
    fusion: str = "product",
    share: float = 1.0,
) -> Tensor:
    """Return the anomaly score of each clip.

    ```
    product:    score = sum_i log pool_i(map_i)
    pixelwise:  score = log pool(prod_i map_i)
    ```

    With the terms of `EQUATION_14` and `product`, the score is `log(1 / s)` of
    Eq. 14. The term `"unexplained_motion"` is
    `pool(motion_error) / (pool(motion_power) + floor)`: the error as a share
    of what there was to explain, which a full street does not raise. The floor
    is `MOTION_FLOOR` over the whole picture, `LOCAL_MOTION_FLOOR` over a
    square: without it, the square where it is highest is one where little
    moves.

    Args:
        maps: the `MAPS`, `(batch, h, w)` each, not negative.
        terms: what counts, and for each the window of its `pool` in
            locations. None: the mean over all locations, as in the paper. An
            integer: the highest mean over a square of so many locations, so
            that a small thing that is odd counts as much in a wide picture.
        fusion: `"product"` or `"pixelwise"` (all windows are the same).
        share: of the locations that count; the maps are 0 at the others, and
            a mean over the picture is over those that count.

    Returns:
        The scores `(batch,)`.

    Example:
        >>> import numpy as np
        >>> maps = {"error": np.ones((1, 4, 4), "float32")}
        >>> round(abs(float(fuse(maps, terms={"error": 2})[0])), 6)
        0.0
    """
    if fusion == "pixelwise":
        whole = {"product": _product(maps, tuple(terms))}
        window = next(iter(terms.values()))
        return _log_of_highest(_windows(whole, "product", window, share))
    logs = [
        _log_of_highest(_windows(maps, *item, share)) for item in terms.items()
    ]
    return sum(logs[1:], logs[0])


def locate(maps: Mapping[str, Tensor], *, error: str) -> Tensor:
    """Return where in the picture a clip is odd.

    The product of error and both distances, averaged over 3 x 3 locations:
    what is odd covers more than one, and noise does not.

    Args:
        maps: the `MAPS`, `(batch, h, w)` each.
        error: `"error"` or `"motion_error"`.

    Returns:
        The anomaly map `(batch, h, w)`, higher = more anomalous.

    Example:
        >>> import numpy as np
        >>> maps = {name: np.ones((1, 4, 4), "float32") for name in MAPS}
        >>> locate(maps, error="error").shape == (1, 4, 4)
        True
    """
    product = _product(maps, (error, "appearance_distance", "motion_distance"))
    around = ops.pad(product, ((0, 0), (1, 1), (1, 1)), mode="symmetric")
    return _windows({"product": around}, "product", 3)


def _product(maps: Mapping[str, Tensor], terms: tuple[str, ...]) -> Tensor:
    """Return the product of terms at each location, (B, h, w)."""
    # A window of one location is the map itself.
    factors = [_windows(maps, term, 1) for term in terms]
    product = factors[0]
    for factor in factors[1:]:
        product = product * factor
    return product


def _windows(
    maps: Mapping[str, Tensor],
    term: str,
    window: int | None,
    share: float = 1.0,
) -> Tensor:
    """Return a term over each square of `window` locations, (B, y, x)."""
    if term == UNEXPLAINED:
        error = _windows(maps, "motion_error", window, share)
        power = _windows(maps, "motion_power", window, share)
        floor = MOTION_FLOOR if window is None else LOCAL_MOTION_FLOOR
        return error / (power + floor)
    if window is None:
        mean = ops.mean(maps[term], axis=(1, 2), keepdims=True)
        return mean if share == 1.0 else mean / share
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
    given = terms
    if not isinstance(terms, Mapping):
        several = isinstance(terms, Sequence) and not isinstance(terms, str)
        terms = dict.fromkeys(terms) if several else {}
    if not terms or any(term not in TERMS for term in terms):
        raise ValueError(
            f"score_terms must be some of {', '.join(TERMS)}. "
            f"Received: score_terms={given!r}"
        )
    for pixels in terms.values():
        if pixels is not None and (
            not isinstance(pixels, int)
            or pixels < stride
            or pixels % stride
            or pixels > side
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
