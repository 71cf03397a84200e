"""Observed false alarms against promised ones."""

import numpy as np
import pytest

from keras_cdae.errors import DataError
from keras_cdae.scoring import VideoScores, fit_calibration, measure_alarms
from keras_cdae.scoring.calibration import TRUSTED, Calibration

FPS = 10.0


def video(name, score):
    return VideoScores(name, np.arange(len(score)) + 4, np.asarray(score))


def noise(videos, clips, seed=0):
    rng = np.random.default_rng(seed)
    return [video(f"{i}", rng.normal(0, 1, clips)) for i in range(videos)]


def test_independent_normal_clips_keep_the_promise():
    """Ten hours: what is asked for is what is seen."""
    videos = noise(10, 36_000)
    for count in measure_alarms(videos, [6.0, 60.0, 600.0], fps=FPS):
        assert count.hours == pytest.approx(10.0)
        assert count.expected == pytest.approx(10 * count.promised)
        assert (count.splits, count.supported) == (10, 10)
        # Poisson, and as much again for the threshold: four deviations
        spread = 4 * np.sqrt(count.expected * (1 + 1 / 9)) / count.hours
        assert abs(count.clips_per_hour - count.promised) < spread


def test_a_promise_beyond_the_video_is_not_supported():
    (count,) = measure_alarms(noise(4, 360), [1.0], fps=FPS)
    assert count.supported == 0
    assert count.expected == pytest.approx(0.04)
    # the maximum of three videos is passed by one of four
    assert count.clips >= 1
    assert count.clips_per_hour > 20 * count.promised


def test_neighbouring_clips_are_one_segment():
    calm = np.zeros(3600)
    calm[::2] = 0.1
    odd = calm.copy()
    odd[100:120] = 50.0
    odd[125:130] = 50.0  # within a second
    odd[2000:2010] = 50.0
    (count,) = measure_alarms([video("a", calm), video("b", odd)], [9.0],
                              fps=FPS)  # fmt: skip
    assert count.clips == 35
    assert count.segments == 2
    low, high = count.segments_interval
    assert low < count.segments_per_hour == 2 / count.hours < high
    # exact Poisson limits of a count of two
    assert low * count.hours == pytest.approx(0.2422, abs=1e-4)
    assert high * count.hours == pytest.approx(7.2247, abs=1e-4)


def test_no_segment_leaves_an_upper_limit():
    calm = [video(name, np.zeros(3600)) for name in "ab"]
    (count,) = measure_alarms(calm, [60.0], fps=FPS)
    assert count.clips == 0
    assert count.segments_interval[0] == 0.0
    assert count.segments_interval[1] * count.hours == pytest.approx(
        3.6889, abs=1e-4
    )


def test_halves_of_one_video_share_no_frame():
    score = np.r_[np.zeros(50), np.full(50, 9.0)]
    (count,) = measure_alarms([video("a", score)], [600.0], fps=FPS)
    assert count.splits == 2
    assert count.hours == pytest.approx(96 / 36_000)
    assert count.clips == 48  # the second half by thresholds of the first


@pytest.mark.parametrize("videos", [[], [video("a", np.zeros(9))]])
def test_too_little_video(videos):
    with pytest.raises(DataError, match="too little to calibrate on"):
        measure_alarms(videos, [1.0], fps=FPS)


def test_fit_calibration_takes_the_terms_that_all_have():
    score = np.arange(5.0)
    with_terms = VideoScores(
        "a",
        np.arange(5),
        score,
        terms={"error": score, "motion_distance": score},
    )
    other = VideoScores("b", np.arange(5), score, terms={"error": 2 * score})
    calibration = fit_calibration([with_terms, other], source="x", fps=FPS)
    assert set(calibration.location) == {"score", "error"}
    assert calibration.clips == 10


def test_a_calibration_says_how_much_video_a_rate_needs():
    scores = np.random.default_rng(0).normal(size=72_000)
    calibration = Calibration.fit({"score": scores}, source="x", fps=FPS)
    assert calibration.hours == pytest.approx(2.0)
    assert calibration.hours_needed(1.0) == 1.0
    assert calibration.hours_needed(1.0, alarms=TRUSTED) == 10.0
    assert calibration.supports(1.0)
    assert not calibration.supports(1.0, alarms=TRUSTED)
    assert calibration.supports(5.0, alarms=TRUSTED)
    unknown = Calibration.fit({"score": scores}, source="x")
    assert unknown.hours is None
