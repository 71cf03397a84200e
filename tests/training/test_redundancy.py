"""What Eq. 11 is for: centroids that stay apart."""

import pytest
from conftest import to_numpy

from keras_cdae.scoring.occupancy import centroid_occupancy


@pytest.fixture
def distinctness(make_model, tiny_clips):
    """Return a function: weight of the term to the two closest centroids."""

    def train(weight):
        model = make_model(redundancy_weight=weight)
        model.compile(
            schedule={"pretrain_epochs": 1, "cluster_learning_rate": 1e-2}
        )
        model.fit(tiny_clips, epochs=4, batch_size=4, verbose=0)
        found = centroid_occupancy(model, [tiny_clips])
        redundancies = [
            float(to_numpy(layer.redundancy()))
            for layer in (model.appearance_clusters, model.motion_clusters)
        ]
        return [o.distinctness.min() for o in found.values()], redundancies

    return train


def test_the_term_keeps_centroids_apart(distinctness):
    without, redundant = distinctness(0.0)
    with_term, reduced = distinctness(1.0)
    for far, near in zip(with_term, without, strict=True):
        assert far >= near
    for less, more in zip(reduced, redundant, strict=True):
        assert less < more
