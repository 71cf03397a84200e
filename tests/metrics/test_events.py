"""Events against true intervals, counted by hand."""

import numpy as np
import pytest

from keras_cdae.metrics import event_metrics, intervals


def test_events_counted_by_hand():
    found = [[(2, 6), (9, 10), (20, 22)], [(0, 5)]]
    true = [[(4, 8), (30, 40)], [(0, 10)]]
    assert event_metrics(found, true) == {
        "found": 4,
        "true": 3,
        "precision": pytest.approx(2 / 4),  # (2, 6) and (0, 5)
        "recall": pytest.approx(2 / 3),
        # 2 of 6 frames; nothing; 5 of 10
        "mean_iou": pytest.approx((2 / 6 + 0 + 5 / 10) / 3),
        # 2 + 5 shared; 7 + 5 found and 14 + 10 true
        "frame_iou": pytest.approx(7 / (12 + 24 - 7)),
    }


def test_pieces_of_one_event_are_right_but_fit_badly():
    result = event_metrics([[(0, 2), (4, 6), (8, 10)]], [[(0, 10)]])
    assert (result["precision"], result["recall"]) == (1.0, 1.0)
    assert result["mean_iou"] == pytest.approx(0.2)
    assert result["frame_iou"] == pytest.approx(0.6)


def test_neighbours_do_not_overlap():
    result = event_metrics([[(0, 5)]], [[(5, 9)]])
    assert (result["precision"], result["recall"]) == (0.0, 0.0)


def test_what_is_not_there_has_no_rate():
    nothing = event_metrics([[]], [[]])
    assert nothing["found"] == nothing["true"] == 0
    assert nothing["precision"] is nothing["recall"] is None
    assert nothing["mean_iou"] is nothing["frame_iou"] is None
    missed = event_metrics([[]], [[(0, 4)]])
    assert missed["precision"] is None
    assert (missed["recall"], missed["frame_iou"]) == (0.0, 0.0)


def test_intervals_are_runs_of_labels():
    assert intervals([1, 1, 0, 1]) == [(0, 2), (3, 4)]
    assert intervals(np.zeros(4, np.uint8), first_frame=4) == []


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="one list for every video"):
        event_metrics([[]], [])
    with pytest.raises(ValueError, match=r"\[5, 5\]"):
        event_metrics([[(5, 5)]], [[]])
    with pytest.raises(ValueError, match=r"whole frames.*\[1.9, 2.5\]"):
        event_metrics([[(1.9, 2.5)]], [[(1, 2)]])
    with pytest.raises(ValueError, match=r"overlap.*\[\[1, 5\], \[4, 6\]\]"):
        event_metrics([[(4, 6), (1, 5)]], [[(1, 5)]])
    for labels in ([0, np.nan, 1], [[0, 1]], [0, 2]):
        with pytest.raises(ValueError, match="0 and 1"):
            intervals(labels)
