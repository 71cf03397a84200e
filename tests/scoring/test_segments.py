"""Runs of high scores."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from keras_cdae.scoring import Segment, find_segments


def spans(*args, **kwargs):
    return [(s.start, s.end) for s in find_segments(*args, **kwargs)]


def test_a_segment_has_its_peak_and_its_seconds():
    (found,) = find_segments([0, 1, 5, 2, 0], 0.5, first_frame=4)
    assert found == Segment(5, 8, 6, 5.0)
    assert len(found) == 3
    assert found.seconds(fps=2) == {
        "start_seconds": 2.5,
        "end_seconds": 4.0,
        "peak_seconds": 3.0,
    }


def test_a_flickering_score_is_one_segment():
    values = [0, 3, 1, 3, 1, 3, 0]
    assert spans(values, 2) == [(1, 2), (3, 4), (5, 6)]
    assert spans(values, 2, low=0.5) == [(1, 6)]


def test_what_never_passes_the_threshold_is_none():
    assert spans([1, 1, 1], 2, low=0.5) == []
    assert spans([2, 2], 2) == [], "at the threshold is not above it"


def test_near_ones_are_joined_before_short_ones_go():
    values = [3, 0, 3, 0, 0, 0, 3]
    assert spans(values, 2, merge_gap=1) == [(0, 3), (6, 7)]
    assert spans(values, 2, merge_gap=1, min_length=3) == [(0, 3)]
    assert spans(values, 2, merge_gap=3) == [(0, 7)]


def test_nan_is_low():
    assert spans([3, np.nan, 3], 2) == [(0, 1), (2, 3)]
    (joined,) = find_segments([3, np.nan, 4], 2, merge_gap=1)
    assert joined == Segment(0, 3, 2, 4.0)


@pytest.mark.parametrize(
    ("values", "arguments", "message"),
    [
        ([[1.0]], {}, "must be 1-D"),
        ([1.0], {"low": 3}, "must not be above"),
        ([1.0], {"min_length": 0}, "at least 1"),
        ([1.0], {"merge_gap": -1}, "at least 0"),
    ],
)
def test_what_cannot_be(values, arguments, message):
    with pytest.raises(ValueError, match=message):
        find_segments(values, 2, **arguments)


@given(
    arrays(np.float64, st.integers(1, 40), elements=st.floats(-3, 3)),
    st.floats(0, 2),
    st.floats(0, 2),
    st.integers(0, 4),
)
def test_segments_hold_what_passes_and_do_not_overlap(
    values, threshold, below, gap
):
    low = threshold - below
    found = find_segments(values, threshold, low=low, merge_gap=gap)
    covered = np.zeros(len(values), bool)
    for segment in found:
        assert not covered[segment.start : segment.end].any()
        covered[segment.start : segment.end] = True
        inside = values[segment.start : segment.end]
        assert segment.value == inside.max() > threshold
        assert values[segment.peak] == segment.value
    assert covered[values > threshold].all()
    for first, second in itertools.pairwise(found):
        assert second.start - first.end > gap
