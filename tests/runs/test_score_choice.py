"""Scores rated on pseudo-anomalies of normal video."""

import numpy as np
import pytest
import reference

from keras_cdae.models.fusion import EQUATION_14, MAPS
from keras_cdae.runs.score_choice import (
    VARIANTS,
    ScoreVariant,
    _rate,
    pseudo_kinds,
    rate_scores,
)


@pytest.fixture
def videos(rng):
    made = rng.integers(0, 30, (2, 36, 32, 32, 1)).astype(np.uint8)
    for video in made:
        for number, frame in enumerate(video):
            frame[10:18, number % 24 : number % 24 + 8] = 200
    return list(made)


def test_scores_are_rated_by_what_they_separate(trained, videos):
    seen = []
    few = (
        ScoreVariant(EQUATION_14),
        ScoreVariant({"motion_error": 8}),
        ScoreVariant({"motion_error": 16, "motion_distance": 16}, "pixelwise"),
    )
    ratings = rate_scores(
        trained,
        videos,
        step=4,
        variants=few,
        scored=lambda *args: seen.append(args),
    )
    assert sorted(str(r.variant) for r in ratings) == sorted(map(str, few))
    means = [rating.mean for rating in ratings]
    assert means == sorted(means, reverse=True)
    for rating in ratings:
        assert set(rating.auc) == set(pseudo_kinds())
        assert all(0 <= area <= 1 for area in rating.auc.values())
    assert seen[-1] == (8, 8, "patch")
    by_motion = next(r for r in ratings if r.variant == few[1])
    assert by_motion.auc["skip x4"] > 0.5
    assert rate_scores(trained, videos, step=4, variants=few) == ratings


def test_the_separation_is_in_standard_deviations():
    def maps_of(*logs):
        value = np.exp(np.array(logs, "float32")).reshape(-1, 1, 1)
        return dict.fromkeys(MAPS, value)

    variant = ScoreVariant({"motion_error": None})
    maps = {
        "normal": maps_of(0, 2),
        "skip x2": maps_of(3, 5),
        "patch": maps_of(1, 5),
    }
    rating = _rate(variant, maps)
    assert rating.separation["skip x2"] == pytest.approx(3)
    assert rating.separation["patch"] == pytest.approx(2 / np.sqrt(2.5))
    assert rating.hardest == rating.separation["patch"]
    assert rating.auc == {"skip x2": 1.0, "patch": 0.75}
    assert rating.spread == pytest.approx(1)


def test_the_model_s_own_score_is_one_of_them(trained, tiny_clips):
    maps = trained.score_maps(tiny_clips)
    terms = [maps[term].mean((1, 2)) for term in EQUATION_14]
    np.testing.assert_allclose(
        trained.score(tiny_clips)["score"],
        np.log(np.prod(terms, axis=0)),
        rtol=1e-4,
    )
    outputs = trained(tiny_clips)
    target = reference.motion_target(tiny_clips)
    error = np.square(target - np.asarray(outputs["motion"]))
    np.testing.assert_allclose(
        maps["motion_error"].mean((1, 2)),
        error.mean((1, 2, 3, 4)),
        rtol=1e-3,
    )


def test_variants_have_names_of_their_own():
    names = [str(variant) for variant in VARIANTS]
    assert len(set(names)) == len(names)
    assert "Eq. 14" in names
