import keras
import numpy as np
import pytest
import reference
from conftest import to_numpy
from keras import ops

from keras_cdae.layers import DeepKMeans

pytestmark = pytest.mark.backend


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="jax alone has it per product"
)
def test_products_are_not_rounded_on_a_gpu(codes):
    import jax

    layer = DeepKMeans(5)
    layer.build(codes.shape)
    assert "HIGHEST" in str(jax.make_jaxpr(layer)(codes))


@pytest.fixture
def codes(rng):
    return rng.normal(size=(2, 3, 4, 6)).astype("float32")


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("alpha", [1.0, 25.0])
def test_equals_the_oracle(codes, alpha, normalize):
    layer = DeepKMeans(5, alpha, normalize)
    distance = to_numpy(layer(codes))
    centroids = to_numpy(layer.centroids)
    assert distance.shape == (2, 3, 4)
    assert centroids.shape == (5, 6)
    np.testing.assert_allclose(
        distance,
        reference.soft_distance(
            codes, centroids, alpha=alpha, normalize=normalize
        ),
        rtol=1e-5,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        to_numpy(layer.nearest(codes)),
        reference.nearest_distance(codes, centroids, normalize=normalize),
        rtol=1e-5,
        atol=1e-5,
    )
    np.testing.assert_allclose(
        to_numpy(layer.redundancy()),
        reference.redundancy(centroids),
        rtol=1e-5,
    )
    np.testing.assert_array_equal(
        to_numpy(layer.assignments(codes)),
        reference.squared_distances(
            codes, centroids, normalize=normalize
        ).argmin(-1),
    )


def test_soft_distance_nears_the_closest_as_alpha_grows(codes):
    layer = DeepKMeans(5, alpha=1e4)
    # x * exp(-alpha * x) is at most 1 / (e * alpha), for each other centroid.
    bound = 4 / (np.e * 1e4)
    np.testing.assert_allclose(
        to_numpy(layer(codes)), to_numpy(layer.nearest(codes)), atol=bound
    )


def _gradients(layer, codes):
    """Return the centroids after one step of descent on the distance."""
    model = keras.Sequential([layer, keras.layers.Flatten()])
    target = np.zeros((len(codes), codes.shape[1] * codes.shape[2]), "float32")
    model.compile(keras.optimizers.SGD(0.1), "mae", jit_compile=False)
    model.fit(codes, target, epochs=1, verbose=0, batch_size=len(codes))
    return to_numpy(layer.centroids)


def test_no_nan_at_distance_zero(rng):
    centroids = rng.normal(size=(4, 6)).astype("float32")
    centroids /= np.linalg.norm(centroids, axis=1, keepdims=True)
    layer = DeepKMeans(4)
    layer.build((None, 6))
    layer.centroids.assign(centroids)
    codes = np.broadcast_to(centroids[0], (2, 3, 3, 6)).copy()
    assert np.abs(to_numpy(layer.nearest(codes))).max() < 1e-5
    assert np.isfinite(_gradients(layer, codes)).all()


def test_no_nan_for_codes_of_zero():
    layer = DeepKMeans(4)
    codes = np.zeros((2, 3, 3, 6), "float32")
    assert np.isfinite(to_numpy(layer(codes))).all()
    assert np.isfinite(_gradients(layer, codes)).all()


def test_redundancy_of_orthonormal_centroids_is_zero_without_nan():
    layer = DeepKMeans(4)
    layer.build((None, 6))
    layer.centroids.assign(np.eye(4, 6, dtype="float32"))
    assert float(to_numpy(layer.redundancy())) < 1e-5


@pytest.mark.parametrize(
    ("share", "weight", "length", "part"),
    [
        (0.99, 1.0, 1, True),
        (0.9, 0.01, 1, False),  # drawn together by what both are nearest to
        (0.04, 0.01, 1, False),  # Eq. 11 is the root of 2: 0.028
        (0.02, 0.01, 1, True),
        (0.02, 0.01, 2, False),  # the root of 11: 0.012
        (0.01, 0.01, 2, True),
    ],
)
def test_two_centroids_in_one_spot_part_or_meet(share, weight, length, part):
    """Eq. 12 falls as they part while share < 4 * weight / R."""
    one, two, three, four = np.eye(4, 8, dtype="float32")
    count = 200
    codes = np.stack([one] * round(share * count))
    codes = np.concatenate([codes, [two] * (count - len(codes))])
    layer = DeepKMeans(4)
    layer.build((None, 8))

    def objective(angle):
        pair = [
            np.cos(angle) * one + s * np.sin(angle) * three for s in (1, -1)
        ]
        layer.centroids.assign(
            np.stack([*pair, two, length * four]).astype("float32")
        )
        distance = to_numpy(layer(codes.astype("float32"))).mean()
        return distance + weight * float(to_numpy(layer.redundancy()))

    assert (objective(0.1) < objective(0.05)) == part


@pytest.mark.parametrize(
    ("alpha", "spread", "along", "part"),
    [
        (25.0, 0.01, 1.0, False),
        (25.0, 0.04, 1.0, True),
        (100.0, 0.01, 1.0, True),
        (10.0, 0.04, 1.0, False),
        (25.0, 0.04, 0.4, False),  # little of the spread is where they part
        (100.0, 0.04, 0.4, True),
    ],
)
def test_a_sharp_assignment_parts_two_centroids(alpha, spread, along, part):
    """Without Eq. 11 too they part where 2 * alpha * E[x ** 2 / d] > 1."""
    assert (2 * alpha * along * spread > 1) == part
    spot, side, across = np.eye(3, 8, dtype="float32")
    count = 50
    where = [side] * round(along * count)
    where += [across] * (count - len(where))
    codes = np.stack(
        [
            np.cos(spread) * spot + s * np.sin(spread) * w
            for s in (1, -1)
            for w in where
        ]
    )
    layer = DeepKMeans(2, alpha=alpha)
    layer.build((None, 8))

    def distance(angle):
        pair = [
            np.cos(angle) * spot + s * np.sin(angle) * side for s in (1, -1)
        ]
        layer.centroids.assign(np.stack(pair).astype("float32"))
        return to_numpy(layer(codes.astype("float32"))).mean()

    assert (distance(0.004) < distance(0.001)) == part


def test_gradients_move_the_centroids(codes):
    layer = DeepKMeans(4, alpha=2.0)
    layer.build((None, 6))
    before = to_numpy(layer.centroids).copy()
    after = _gradients(layer, codes)
    assert np.isfinite(after).all()
    assert np.abs(after - before).max() > 1e-6


def test_initialize_finds_the_clusters(rng):
    centres = np.eye(3, 8, dtype="float32")
    noise = 0.01 * rng.normal(size=(300, 8)).astype("float32")
    codes = 5.0 * (centres[np.arange(300) % 3] + noise)
    layer = DeepKMeans(3)
    layer.initialize(codes, seed=0)
    found = to_numpy(layer.centroids)
    nearest = found[found.argmax(1).argsort()]
    np.testing.assert_allclose(nearest, centres, atol=0.02)
    again = DeepKMeans(3)
    again.initialize(codes, seed=0)
    np.testing.assert_array_equal(to_numpy(again.centroids), found)


def test_initialize_lowers_the_distance(codes):
    layer = DeepKMeans(6)
    before = to_numpy(layer(codes)).mean()
    layer.initialize(codes)
    assert to_numpy(layer(codes)).mean() < 0.7 * before


def test_initialize_warns_of_a_collapsed_encoder(caplog):
    DeepKMeans(3).initialize(np.ones((50, 4), "float32"))
    assert "only 1 distinct codes for 3 clusters" in caplog.text


@pytest.mark.parametrize(
    ("codes", "message"),
    [
        (np.ones((2, 4), "float32"), "at least num_clusters=3"),
        (np.full((9, 4), np.nan, "float32"), "finite codes"),
    ],
)
def test_initialize_refuses_bad_codes(codes, message):
    with pytest.raises(ValueError, match=message):
        DeepKMeans(3).initialize(codes)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_distances_are_float32_under_mixed_precision(codes, policy):
    layer = DeepKMeans(4, dtype=policy)
    half = ops.cast(codes, policy[6:])
    assert to_numpy(layer(half)).dtype == "float32"
    expected = reference.soft_distance(codes, to_numpy(layer.centroids))
    np.testing.assert_allclose(to_numpy(layer(half)), expected, atol=0.03)


def test_config_and_saving_round_trip(codes, tmp_path):
    layer = DeepKMeans(5, 7.0, False, name="clusters")
    again = DeepKMeans.from_config(layer.get_config())
    assert again.get_config() == layer.get_config()
    inputs = keras.Input((3, 4, 6))
    model = keras.Model(inputs, layer(inputs))
    assert tuple(model.output_shape) == (None, 3, 4)
    model.save(tmp_path / "layer.keras")
    loaded = keras.models.load_model(tmp_path / "layer.keras")
    np.testing.assert_array_equal(
        to_numpy(loaded(codes)), to_numpy(model(codes))
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [({"num_clusters": 0}, "num_clusters=0"), ({"alpha": 0.0}, "alpha=0.0")],
)
def test_bad_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        DeepKMeans(**arguments)


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "bfloat16", "float64"])
def test_a_symbolic_distance_is_float32_too(policy):
    layer = DeepKMeans(num_clusters=2, dtype=policy)
    assert layer(keras.Input((3, 4, 6))).dtype == "float32"
