"""The score against its definition in NumPy."""

import numpy as np
import pytest
from conftest import to_numpy

from keras_cdae.models.fusion import (
    EQUATION_14,
    FUSIONS,
    LOCAL_MOTION_FLOOR,
    MAPS,
    MOTION_FLOOR,
    fuse,
    locate,
)

pytestmark = pytest.mark.backend


@pytest.fixture
def maps(rng):
    return {name: rng.random((3, 6, 8)).astype("float32") for name in MAPS}


def pooled(values, window):
    """The mean over every square of `window`: (B, squares)."""
    if window is None:
        return values.mean((1, 2))[:, None]
    rows, columns = (n - window + 1 for n in values.shape[1:])
    squares = [
        values[:, y : y + window, x : x + window].mean((1, 2))
        for y in range(rows)
        for x in range(columns)
    ]
    return np.stack(squares, axis=1)


@pytest.mark.parametrize("window", [None, 1, 2, 6])
@pytest.mark.parametrize("terms", [tuple(EQUATION_14), ("motion_error",)])
def test_scores_are_those_of_the_definition(maps, terms, window):
    chosen = [maps[term] for term in terms]
    expected = {
        "product": sum(np.log(pooled(v, window).max(1)) for v in chosen),
        "pixelwise": np.log(pooled(np.prod(chosen, axis=0), window).max(1)),
    }
    for fusion in FUSIONS:
        score = fuse(maps, terms=dict.fromkeys(terms, window), fusion=fusion)
        np.testing.assert_allclose(
            to_numpy(score), expected[fusion], rtol=1e-5, atol=1e-6
        )


@pytest.mark.parametrize(
    ("window", "floor"), [(None, MOTION_FLOOR), (2, LOCAL_MOTION_FLOOR)]
)
def test_unexplained_motion_is_a_share(maps, window, floor):
    terms = {"unexplained_motion": window, "appearance_distance": 3}
    score = fuse(maps, terms=terms)
    error = pooled(maps["motion_error"], window)
    power = pooled(maps["motion_power"], window)
    share = (error / (power + floor)).max(1)
    distance = pooled(maps["appearance_distance"], 3).max(1)
    np.testing.assert_allclose(
        to_numpy(score), np.log(share) + np.log(distance), rtol=1e-4, atol=1e-5
    )


@pytest.mark.parametrize("error", ["error", "motion_error"])
def test_the_map_is_the_product_of_its_neighbourhood(maps, error):
    names = (error, "appearance_distance", "motion_distance")
    product = np.prod([maps[name] for name in names], axis=0)
    around = np.pad(product, ((0, 0), (1, 1), (1, 1)), "symmetric")
    expected = pooled(around, 3).reshape(product.shape)
    np.testing.assert_allclose(
        to_numpy(locate(maps, error=error)), expected, rtol=1e-5
    )


def test_twice_the_motion_is_not_more_unexplained(maps):
    terms = {"unexplained_motion": None}
    busy = {**maps}
    for name in ("motion_error", "motion_power"):
        busy[name] = 2 * maps[name]
    calm = fuse(maps, terms=terms)
    full = fuse(busy, terms=terms)
    np.testing.assert_allclose(to_numpy(full), to_numpy(calm), atol=1e-3)


def test_noise_where_nothing_moves_is_not_unexplained_motion():
    power = np.full((1, 16, 16), 1e-6, "float32")
    noise = {"motion_power": power, "motion_error": power.copy()}
    walker = {name: values.copy() for name, values in noise.items()}
    walker["motion_power"][0, 3:6, 7:10] = 6e-3
    walker["motion_error"][0, 3:6, 7:10] = 3e-3  # half of it explained
    terms = {"unexplained_motion": 3}
    share = np.exp(
        [float(fuse(maps, terms=terms)[0]) for maps in (noise, walker)]
    )
    assert share[0] < 0.01
    assert share[1] == pytest.approx(3e-3 / 8e-3, rel=1e-4)


def test_a_small_odd_thing_shows_in_the_strongest_square_alone():
    calm = {"motion_error": np.full((1, 16, 16), 0.01, "float32")}
    odd = {"motion_error": calm["motion_error"].copy()}
    odd["motion_error"][0, 3:5, 7:9] = 0.1
    change = {
        window: float(
            fuse(odd, terms={"motion_error": window})[0]
            - fuse(calm, terms={"motion_error": window})[0]
        )
        for window in (None, 2)
    }
    assert change[2] == pytest.approx(np.log(10), abs=1e-4)
    assert change[None] < 0.2
