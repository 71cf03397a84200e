"""UCSD's pixel-level criterion: the right frame for the right reason."""

from collections.abc import Sequence

import numpy as np

from keras_cdae.data.images import resize_map
from keras_cdae.metrics.frame import micro_auc

SHARE = 0.4


def pixel_auc(
    maps: Sequence[np.ndarray], masks: Sequence[np.ndarray]
) -> float | None:
    """Return the pixel-level AUC of some videos; see `pixel_scores`.

    Args:
        maps: one array (frames, h, w) a video, higher = more anomalous.
        masks: one array (frames, H, W) a video, not 0 where anomalous.

    Returns:
        The AUC in [0, 1], with one threshold for all videos; None when all
        frames are of one class.

    Raises:
        ValueError: as `pixel_scores`.
    """
    if len(maps) != len(masks):
        raise ValueError(
            "`maps` and `masks` must hold one array for every video. "
            f"Received: {len(maps)} and {len(masks)} arrays"
        )
    masks = [np.asarray(mask) for mask in masks]
    values = [pixel_scores(m, k) for m, k in zip(maps, masks, strict=True)]
    return micro_auc(values, [mask.any(axis=(1, 2)) for mask in masks])


def pixel_scores(
    maps: np.ndarray, masks: np.ndarray, *, share: float = SHARE
) -> np.ndarray:
    """Reduce each frame to the threshold at which it is detected.

    The criterion of Mahadevan et al. (CVPR 2010), as Li et al. (PAMI 2014)
    state it: at a threshold `t`, the pixels with `map >= t` are detected. A
    frame with a mask is a true positive if at least 40 % of its mask are
    detected, whatever else is; a frame without one is a false positive if any
    pixel is.

    Both happen at and below one critical threshold, so that no threshold has
    to be tried:

    - with n pixels in the mask and `k = ceil(0.4 n)`, at least k of them are
      detected exactly when `t` is not above the k-th largest value of the map
      inside the mask;
    - any pixel is detected exactly when `t` is not above the map's maximum.

    The ROC curve over all `t` is therefore the ROC curve of these critical
    values as scores, and `micro_auc` of them is the pixel-level AUC.

    Args:
        maps: (frames, h, w), higher = more anomalous; stretched to the masks'
            size, linear in between.
        masks: (frames, H, W), not 0 where anomalous.
        share: part of the mask that must be detected, in (0, 1].

    Returns:
        Float64 array (frames,). The label of a frame is `masks.any()`.

    Raises:
        ValueError: if `maps` and `masks` are not as many 2-D pictures, a map
            is not finite, or `share` is out of range.

    Example:
        >>> maps = np.array([[[9.0, 1.0], [2.0, 3.0]]] * 2)
        >>> masks = np.array([[[0, 1], [1, 1]], [[0, 0], [0, 0]]])
        >>> pixel_scores(maps, masks).tolist()  # 2 of 3 pixels; the maximum
        [2.0, 9.0]
    """
    maps, masks = np.asarray(maps), np.asarray(masks)
    shapes = maps.shape, masks.shape
    if (
        maps.ndim != 3
        or masks.ndim != 3
        or len(maps) != len(masks)
        or any(0 in shape[1:] for shape in shapes)
    ):
        raise ValueError(
            "`maps` and `masks` must be (frames, height, width), of as many "
            f"frames. Received: shapes {maps.shape} and {masks.shape}"
        )
    if not np.isfinite(maps).all():
        raise ValueError(
            "`maps` must be finite. Received: "
            f"{np.count_nonzero(~np.isfinite(maps))} values that are not"
        )
    if not 0 < share <= 1:
        raise ValueError(
            f"`share` must lie in (0, 1]. Received: share={share!r}"
        )
    pairs = zip(maps, masks, strict=True)
    return np.array([_critical(m, mask != 0, share) for m, mask in pairs])


def _critical(values: np.ndarray, mask: np.ndarray, share: float) -> float:
    values = resize_map(values, mask.shape)
    inside = values[mask]
    if not inside.size:
        return float(values.max())
    # Of 5 pixels 2 are 40 %, though 0.4 * 5 may round to a little more.
    needed = int(np.ceil(share * inside.size - 1e-9))
    place = inside.size - needed
    return float(np.partition(inside, place)[place])
