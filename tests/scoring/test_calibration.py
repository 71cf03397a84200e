import json
import logging
import subprocess
import sys

import numpy as np
import pytest

from keras_cdae.errors import ModelFileError
from keras_cdae.scoring.calibration import Calibration

FPS = 25.0


def normal_scores(clips=5000, seed=0):
    return np.random.default_rng(seed).normal(3.0, 0.5, clips)


def fitted(clips=5000, fps=FPS):
    return Calibration.fit(
        {"score": normal_scores(clips)}, source="held-out videos", fps=fps
    )


def test_location_and_scale_are_median_and_mad():
    score = normal_scores()
    calibration = fitted()

    median = np.median(score)
    mad = np.median(np.abs(score - median))
    assert calibration.location["score"] == median
    assert calibration.scale["score"] == pytest.approx(1.4826 * mad)
    assert calibration.scale["score"] == pytest.approx(0.5, rel=0.05)
    assert calibration.clips == 5000


def test_a_few_odd_clips_do_not_move_location_and_scale():
    score = normal_scores()
    score[:50] = 1e3

    odd = Calibration.fit({"score": score}, source="x")

    assert odd.location["score"] == pytest.approx(3.0, abs=0.05)
    assert odd.scale["score"] == pytest.approx(0.5, rel=0.05)


def test_scale_falls_back_to_std_and_then_to_the_floor():
    half = np.array([1.0] * 6 + [2.0])
    assert Calibration.fit({"score": half}, source="x").scale[
        "score"
    ] == pytest.approx(half.std())

    constant = Calibration.fit({"score": np.full(9, 2.0)}, source="x")
    assert constant.scale["score"] == 1e-6
    assert constant.z(2.0) == 0.0
    np.testing.assert_allclose(constant.p([1.0, 2.0, 2.1]), [1.0, 1.0, 0.1])


def test_every_term_is_calibrated_by_itself():
    terms = {
        "score": normal_scores(),
        "appearance_distance": normal_scores(seed=1) - 5,
        "motion_distance": normal_scores(seed=2) * 2,
        "error": normal_scores(seed=3),
    }

    calibration = Calibration.fit(terms, source="x", fps=FPS)

    for name, values in terms.items():
        z = calibration.z(values, term=name)
        assert np.median(z) == pytest.approx(0.0, abs=1e-9)
        assert np.median(np.abs(z)) == pytest.approx(1 / 1.4826)


def test_z_is_in_standard_deviations_and_keeps_the_shape():
    calibration = fitted()
    location, scale = calibration.location["score"], calibration.scale["score"]

    assert calibration.z(location + 3 * scale) == pytest.approx(3.0)
    assert calibration.z(np.full((2, 3), location)).shape == (2, 3)
    with pytest.raises(ValueError, match="`term` must be one of"):
        calibration.z(0.0, term="error")


@pytest.mark.parametrize("clips", [2, 3, 10, 137, 5000])
def test_p_is_the_conformal_share_of_normal_clips(clips):
    score = normal_scores(clips)
    probes = np.concatenate([np.linspace(0, 6, 200), score])
    count = (score >= probes[:, None]).sum(1)

    p = fitted(clips).p(probes)

    # Between two stored quantiles the share is interpolated.
    np.testing.assert_allclose(
        p, (1 + count) / (1 + clips), atol=0.005 + 1 / clips
    )
    assert p.min() >= 1 / (clips + 1)
    assert p.max() <= 1.0


def test_p_is_sharp_in_the_upper_tail():
    score = np.sort(normal_scores())
    p = fitted().p(score[-500:])

    exact = (1 + np.arange(500, 0, -1)) / 5001
    np.testing.assert_allclose(p, exact, rtol=0.12)


def test_p_at_the_ends():
    calibration = fitted(100)
    highest = normal_scores(100).max()

    assert calibration.p(-np.inf) == 1.0
    assert calibration.p(np.inf) == pytest.approx(1 / 101)
    assert calibration.p(np.nextafter(highest, 9.0)) == pytest.approx(1 / 101)
    assert calibration.p(highest) == pytest.approx(2 / 101)
    assert np.isnan(calibration.p(np.nan))


def test_p_falls_as_the_score_rises():
    p = fitted(300).p(np.linspace(0, 6, 1000))

    assert np.all(np.diff(p) <= 1e-12)


def test_p_with_ties_counts_all_of_them_at_their_value():
    score = np.repeat([1.0, 2.0], [90, 10])
    calibration = Calibration.fit({"score": score}, source="x")

    assert calibration.p(1.0) == 1.0
    assert calibration.p(2.0) == pytest.approx(11 / 101, abs=0.02)
    assert calibration.p(1.001) == pytest.approx(11 / 101, abs=0.02)


@pytest.mark.parametrize("alarms", [50.0, 500.0, 5000.0])
def test_threshold_gives_the_rate_asked_for(alarms):
    fps = 5.0
    score = normal_scores(90_000)  # five hours
    calibration = Calibration.fit({"score": score}, source="x", fps=fps)

    threshold = calibration.threshold(alarms)

    fresh = normal_scores(180_000, seed=9)
    found = (fresh > threshold).sum() / (fresh.size / fps / 3600)
    assert found == pytest.approx(alarms, rel=0.2)
    assert calibration.supports(alarms)


def test_threshold_at_another_frame_rate():
    calibration = fitted()

    # Twice the clips an hour at the same alarms: half the share of clips.
    assert calibration.threshold(2000, fps=2 * FPS) == (
        calibration.threshold(1000, fps=FPS)
    )
    assert calibration.threshold(1000) == calibration.threshold(1000, fps=FPS)


def test_rarer_than_the_video_can_show(caplog):
    calibration = fitted()  # 200 seconds

    with caplog.at_level(logging.WARNING):
        threshold = calibration.threshold(0.5)

    assert threshold == normal_scores().max()
    assert not calibration.supports(0.5)
    assert calibration.hours_needed(0.5) == 2.0
    assert "2 hours of held-out normal video are needed" in caplog.text


def test_supports_begins_at_one_expected_alarm():
    calibration = fitted(3600, fps=1.0)  # one hour

    assert calibration.supports(1.0)
    assert not calibration.supports(0.99)


def test_threshold_without_frame_rate_or_with_an_impossible_rate():
    with pytest.raises(ValueError, match="pass `fps`"):
        fitted(fps=None).threshold(1.0)
    with pytest.raises(ValueError, match="below the 90000 clips"):
        fitted().threshold(90_000)
    with pytest.raises(ValueError, match="`alarms_per_hour` must be a pos"):
        fitted().threshold(0.0)
    with pytest.raises(ValueError, match="`alarms_per_hour` must be a pos"):
        fitted().hours_needed(-1.0)


def test_round_trip_through_json_is_exact():
    calibration = fitted()

    data = json.loads(json.dumps(calibration.to_dict(), allow_nan=False))

    assert data["format"] == 1
    assert Calibration.from_dict(data) == calibration


@pytest.mark.parametrize("format_", [None, 0, 2, "1"])
def test_another_format_is_refused(format_):
    data = fitted().to_dict() | {"format": format_}

    with pytest.raises(ModelFileError, match="format 1 is expected"):
        Calibration.from_dict(data)


@pytest.mark.parametrize(
    "damage",
    [
        {"quantiles": [1.0]},
        {"clips": 1},
        {"location": None},
        {"scale": {"score": 0.0}},
        {"scale": {"error": 1.0}},
        {"probabilities": "many"},
        {"fps": -1},
    ],
)
def test_damaged_data_is_refused(damage):
    with pytest.raises(ModelFileError, match="damaged"):
        Calibration.from_dict(fitted().to_dict() | damage)


def test_missing_field_is_refused():
    data = fitted().to_dict()
    del data["quantiles"]

    with pytest.raises(ModelFileError, match=r"damaged.*quantiles"):
        Calibration.from_dict(data)


@pytest.mark.parametrize(
    ("terms", "message"),
    [
        ({}, "must hold 'score'"),
        ({"error": [1.0, 2.0]}, "must hold 'score'"),
        ({"score": [1.0, 2.0], "speed": [1.0, 2.0]}, "nothing but"),
        ({"score": [1.0]}, "at least 2 clips"),
        ({"score": 1.0}, "1-D"),
        ({"score": [1.0, 2.0], "error": [1.0, 2.0, 3.0]}, "as long as"),
        ({"score": [1.0, np.nan, 2.0]}, "finite. Received: nan at position 1"),
        ({"score": [1.0, 2.0], "error": [1.0, -np.inf]}, "finite"),
    ],
)
def test_bad_terms_are_named(terms, message):
    with pytest.raises(ValueError, match=message):
        Calibration.fit(terms, source="x")


def test_module_imports_with_numpy_alone():
    code = (
        "import sys; import keras_cdae.scoring.calibration;"
        "heavy = {'scipy', 'sklearn', 'cv2', 'matplotlib'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "[]"
