"""Centroid occupancy against a count by hand."""

import numpy as np
import pytest
from keras import ops

from keras_cdae.scoring import Occupancy, centroid_occupancy

pytestmark = pytest.mark.backend


def by_hand(code, centroids):
    """Count codes by their distances, one location after the other."""
    code = ops.convert_to_numpy(code).reshape(-1, code.shape[-1])
    code = code / np.linalg.norm(code, axis=1, keepdims=True)
    centroids = ops.convert_to_numpy(centroids)
    distances = np.linalg.norm(code[:, None] - centroids[None], axis=-1)
    return np.bincount(distances.argmin(1), minlength=len(centroids))


def test_counts_are_those_of_the_nearest_centroids(trained, tiny_clips):
    batches = [tiny_clips[:5], tiny_clips[5:10], tiny_clips[10:]]
    found = centroid_occupancy(trained, iter(batches))
    codes = trained.encode(tiny_clips)
    layers = trained.appearance_clusters, trained.motion_clusters
    for name, code, layer in zip(
        ("appearance", "motion"), codes, layers, strict=True
    ):
        expected = by_hand(code, layer.centroids)
        # A code in the middle of two centroids may fall to either.
        assert np.abs(found[name].counts - expected).sum() <= 2
        assert found[name].counts.sum() == len(tiny_clips) * 4 * 4
        assert np.isclose(found[name].share.sum(), 1.0)


def test_the_size_of_batches_does_not_matter(trained, tiny_clips):
    whole = centroid_occupancy(trained, [tiny_clips])
    single = centroid_occupancy(trained, np.split(tiny_clips, 6))
    for name, occupancy in whole.items():
        assert np.abs(occupancy.counts - single[name].counts).sum() <= 2


def test_distinctness_names_duplicates(make_model, tiny_clips):
    model = make_model()
    centroids = np.eye(4, model.motion_clusters.centroids.shape[1])
    centroids[1] = centroids[0]
    model.motion_clusters.centroids.assign(centroids)
    found = centroid_occupancy(model, [tiny_clips])["motion"]
    root = 2**0.5
    assert np.allclose(found.distinctness, [0.0, 0.0, root, root])


def test_used_and_effective():
    even = Occupancy(np.array([5, 5, 0, 0]), np.ones(4))
    assert even.used == 2
    assert even.effective == pytest.approx(2.0)
    assert Occupancy(np.array([9, 0]), np.ones(2)).effective == 1.0


def test_centroids_that_met():
    counts = np.array([5, 3, 0, 0, 2])
    apart = np.array([1e-4, 1e-4, 1e-5, 1e-5, 0.2])
    assert Occupancy(counts, apart).met == 2  # unused ones do not count
    assert Occupancy(counts, np.full(5, 0.2)).met == 0


def test_no_clip(make_model, tiny_clips):
    with pytest.raises(ValueError, match="at least one clip"):
        centroid_occupancy(make_model(), [])
    with pytest.raises(ValueError, match="at least one clip"):
        centroid_occupancy(make_model(), [tiny_clips[:0]])
    with pytest.raises(ValueError, match="Expected clips of shape"):
        centroid_occupancy(make_model(), [tiny_clips[..., :16, :]])
