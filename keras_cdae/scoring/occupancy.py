"""How many codes lie nearest to each centroid: which clusters are in use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from keras_cdae.layers.deep_kmeans import DeepKMeans
    from keras_cdae.models.cdae import CDAE

BRANCHES = ("appearance", "motion")
SAME_SPOT = 0.01  # of two centroids that are one; codes have length 1


@dataclass(frozen=True, eq=False)
class Occupancy:
    """The use of one set of centroids over some video.

    Attributes:
        counts: int array (K,), the codes nearest to each centroid.
        distinctness: array (K,), the Euclidean distance of each centroid to
            the nearest other one; 0 for a duplicate, infinite where K is 1.

    Example:
        >>> Occupancy(np.array([6, 2, 0]), np.ones(3)).used
        2
    """

    counts: np.ndarray
    distinctness: np.ndarray

    @property
    def share(self) -> np.ndarray:
        """Share of all codes at each centroid: array (K,), sum 1."""
        return self.counts / self.counts.sum()

    @property
    def used(self) -> int:
        """The number of centroids with at least one code."""
        return int(np.count_nonzero(self.counts))

    @property
    def effective(self) -> float:
        """Number of equally used centroids with the same entropy, 1 to K."""
        share = self.share[self.counts > 0]
        return float(np.exp(-np.sum(share * np.log(share))))

    @property
    def met(self) -> int:
        """Number of centroids in use that lie where another one does.

        Unused ones that met cost nothing: they divide no code.
        """
        close = self.distinctness < SAME_SPOT
        return int(np.count_nonzero(close & (self.counts > 0)))


def centroid_occupancy(
    model: "CDAE", batches: Iterable[Any]
) -> dict[str, Occupancy]:
    """Count the codes nearest to each centroid, in constant memory.

    Every location of every code counts once. Batches of one size compile one
    graph; another size is filled up to the size of the first.

    Args:
        model: the model.
        batches: clips (count, T, height, width, channels), float in [0, 1] or
            uint8; an iterable that is taken one batch at a time.

    Returns:
        `"appearance"` and `"motion"`, each an `Occupancy` of its K centroids.

    Raises:
        ValueError: if there is no clip, or clips have another shape than the
            model's.
    """
    layers = {
        "appearance": model.appearance_clusters,
        "motion": model.motion_clusters,
    }
    counts = {name: np.zeros(model.num_clusters, np.int64) for name in layers}
    for nearest in _nearest(model, batches, layers):
        for name, places in nearest.items():
            counts[name] += np.bincount(
                places.reshape(-1), minlength=model.num_clusters
            )
    if not counts["appearance"].any():
        raise ValueError(
            "centroid_occupancy needs at least one clip. Received: none"
        )
    return {
        name: Occupancy(counts[name], _distinctness(layer))
        for name, layer in layers.items()
    }


def _nearest(
    model: "CDAE", batches: Iterable[Any], layers: Mapping[str, "DeepKMeans"]
) -> Iterable[dict[str, np.ndarray]]:
    """Yield the indices of the nearest centroids, (count, h, w) a branch."""
    from keras import ops

    size = 0
    for batch in batches:
        count = len(batch)
        if not count:
            continue
        size = size or count
        clips = ops.convert_to_numpy(batch)
        if count < size:
            fill = np.repeat(clips[-1:], size - count, axis=0)
            clips = np.concatenate([clips, fill])
        codes = zip(BRANCHES, model.compiled_encode(clips), strict=True)
        found = {name: layers[name].assignments(code) for name, code in codes}
        yield {k: ops.convert_to_numpy(v)[:count] for k, v in found.items()}


def _distinctness(layer: "DeepKMeans") -> np.ndarray:
    from keras import ops

    centroids = ops.convert_to_numpy(layer.centroids).astype(np.float64)
    gaps = np.linalg.norm(centroids[:, None] - centroids[None], axis=-1)
    np.fill_diagonal(gaps, np.inf)
    return gaps.min(axis=1)
