"""The score against its definition in NumPy."""

import numpy as np
import pytest
from conftest import to_numpy

from keras_cdae.models.fusion import EQUATION_14, FUSIONS, TERMS, fuse

pytestmark = pytest.mark.backend


@pytest.fixture
def maps(rng):
    return {term: rng.random((3, 6, 8)).astype("float32") for term in TERMS}


def pooled(values, window):
    if window is None:
        return values.mean((1, 2))
    rows, columns = (n - window + 1 for n in values.shape[1:])
    squares = [
        values[:, y : y + window, x : x + window].mean((1, 2))
        for y in range(rows)
        for x in range(columns)
    ]
    return np.max(squares, axis=0)


@pytest.mark.parametrize("window", [None, 1, 2, 6])
@pytest.mark.parametrize("terms", [EQUATION_14, ("motion_error",)])
def test_scores_are_those_of_the_definition(maps, terms, window):
    chosen = [maps[term] for term in terms]
    expected = {
        "product": sum(np.log(pooled(values, window)) for values in chosen),
        "pixelwise": np.log(pooled(np.prod(chosen, axis=0), window)),
    }
    for fusion in FUSIONS:
        score, product = fuse(maps, terms=terms, fusion=fusion, window=window)
        np.testing.assert_allclose(
            to_numpy(score), expected[fusion], rtol=1e-5, atol=1e-6
        )
        np.testing.assert_allclose(
            to_numpy(product), np.prod(chosen, axis=0), rtol=1e-6
        )


def test_a_small_odd_thing_shows_in_the_strongest_square_alone(maps):
    calm = {"motion_error": np.full((1, 16, 16), 0.01, "float32")}
    odd = {"motion_error": calm["motion_error"].copy()}
    odd["motion_error"][0, 3:5, 7:9] = 0.1
    change = {
        window: float(
            fuse(odd, terms=("motion_error",), window=window)[0][0]
            - fuse(calm, terms=("motion_error",), window=window)[0][0]
        )
        for window in (None, 2)
    }
    assert change[2] == pytest.approx(np.log(10), abs=1e-4)
    assert change[None] < 0.2
