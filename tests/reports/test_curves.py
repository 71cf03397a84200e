"""Curves, peaks and moments: nothing high is lost, nothing is invented."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keras_cdae.reports.curves import make_curve, path_data, runs
from keras_cdae.reports.moments import extremes, peaks
from keras_cdae.scoring import VideoScores


def test_a_short_video_keeps_every_score(videos):
    curve = make_curve(videos[0])
    assert (curve.first, curve.step) == (4, 1)
    assert np.array_equal(curve.score, videos[0].score)
    assert np.array_equal(curve.z, videos[0].z)
    assert np.array_equal(curve.regularity, videos[0].regularity)


def test_frames_without_a_score_are_gaps():
    curve = make_curve(VideoScores("a", np.array([4, 7]), np.array([1.0, 2])))
    assert curve.score[[0, 3]].tolist() == [1.0, 2.0]
    assert np.isnan(curve.score[1:3]).all()
    assert curve.to_dict()["score"] == [1.0, None, None, 2.0]
    assert curve.to_dict()["z"] is None


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-50, 50), min_size=1, max_size=200),
    st.integers(1, 40),
)
def test_a_bounded_curve_keeps_the_peaks(values, points):
    score = np.array(values)
    video = VideoScores("a", np.arange(4, 4 + len(score)), score)
    curve = make_curve(video, points=points)
    assert len(curve.score) <= points
    for place, kept in enumerate(curve.score):
        part = score[place * curve.step : (place + 1) * curve.step]
        assert kept == part.max()
    place = (video.worst_frame - curve.first) // curve.step
    assert curve.score[place] == score.max()


def test_points_must_be_positive(videos):
    with pytest.raises(ValueError, match="`points` must be positive"):
        make_curve(videos[0], points=0)


def test_a_path_goes_through_the_values():
    text = path_data(np.array([0.0, 0.25, 1.0]), first=4, step=2)
    assert text == "M4.5 100L6.5 75L8.5 0"


def test_a_constant_curve_is_drawn():
    assert path_data(np.ones(2), low=1, high=1) == "M0.5 0L1.5 0"


def test_runs():
    frame = np.arange(4, 10)
    assert runs(np.array([1, 1, 0, 0, 0, 1]) == 1, frame) == [[4, 6], [9, 10]]
    assert runs(np.zeros(6, bool), frame) == []


def test_peaks_are_the_bumps():
    score = np.zeros(100)
    for place, value in ((10, 3.0), (13, 2.0), (50, 5.0), (80, 0.2), (99, 4)):
        score[place] = value
    video = VideoScores("a", np.arange(4, 104), score)
    # 13 is too near to 10, and 80 too low.
    assert peaks(video, distance=8) == [10, 50, 99]
    assert peaks(video, distance=8, limit=1) == [50]


def test_a_constant_video_has_one_peak():
    assert peaks(VideoScores("a", np.arange(4, 9), np.ones(5))) == [0]


def test_the_highest_come_from_many_videos(scored):
    videos = [scored(str(i), (10 * i, 10 * i + 8), seed=i) for i in (1, 2, 3)]
    found = extremes(videos, 3)
    assert sorted(moment.video for moment in found) == [0, 1, 2]
    for moment in found:
        video = videos[moment.video]
        assert moment.frame == video.worst_frame
        assert moment.score == video.score.max() == video.score[moment.index]


def test_the_errors_are_by_label(videos):
    high = extremes(videos, 3, label=0)
    low = extremes(videos, 3, highest=False, label=1)
    assert len(high) == 3
    assert len(low) == 2  # an event is no longer than the distance
    for moment in high:
        assert videos[moment.video].labels[moment.index] == 0
    assert high[0].score == max(v.score[v.labels == 0].max() for v in videos)
    assert low[0].score == min(v.score[v.labels == 1].min() for v in videos)


def test_without_labels_there_are_no_errors(scored):
    assert extremes([scored(labels=False)], 3, label=0) == []
