import numpy as np
import pytest

from keras_cdae.live import AlarmTracker
from keras_cdae.live.alarms import hysteresis_of
from keras_cdae.scoring.calibration import Calibration

SETTINGS = {"min_seconds": 0.2, "quiet_seconds": 1.0, "cooldown": 5.0}


def changes(tracker, scores, fps=10, start=0.0):
    """Return what changed, and when, over scores in a row."""
    found = []
    for index, score in enumerate(scores):
        moment = start + index / fps
        found += [
            (change, round(moment, 3))
            for change, _ in tracker.push(moment, score)
        ]
    return found


def test_one_event_is_one_alarm():
    tracker = AlarmTracker(1.0, **SETTINGS)
    scores = [0] * 5 + [2] * 20 + [0] * 20
    assert changes(tracker, scores) == [("begin", 0.7), ("end", 3.5)]
    assert (tracker.raised, tracker.suppressed) == (1, 0)


def test_what_is_too_short_is_noise():
    tracker = AlarmTracker(1.0, **SETTINGS)
    assert not changes(tracker, ([9, 9] + [0] * 20) * 5)
    assert (tracker.raised, tracker.suppressed) == (0, 0)


def test_a_score_that_flickers_is_one_event():
    tracker = AlarmTracker(1.0, hysteresis=0.5, **SETTINGS)
    scores = [2, 0.6, 2, 0.7] * 10 + [0] * 8 + [2] * 5 + [0] * 20
    found = changes(tracker, scores)
    assert [change for change, _ in found] == ["begin", "end"]


def test_the_peak_is_the_highest_score():
    tracker = AlarmTracker(1.0, **SETTINGS)
    changes(tracker, [2, 3, 7, 5])
    event = tracker.event
    assert (event.start, event.peak, event.value) == (0.0, 0.2, 7)


def test_no_alarm_within_the_cool_down():
    tracker = AlarmTracker(1.0, **{**SETTINGS, "cooldown": 6.0})
    event = [2] * 10 + [0] * 15
    found = changes(tracker, event * 3 + [0] * 25 + event)
    # Ends at 0.9: none until 6.9, so those at 2.5 and 5.0 are too early.
    assert [when for change, when in found if change == "begin"] == [0.2, 10.2]
    assert (tracker.raised, tracker.suppressed) == (2, 2)


def test_an_alarm_that_goes_on_is_told_again():
    tracker = AlarmTracker(1.0, **SETTINGS, remind=3.0)
    # A dip below the threshold when the second reminder is due.
    scores = [2] * 60 + [0] * 5 + [2] * 15 + [0] * 20 + [0] * 60 + [2] * 5
    assert changes(tracker, scores) == [
        ("begin", 0.2),
        ("remind", 3.2),
        ("remind", 6.5),
        ("end", 9.0),
        ("begin", 16.2),
    ]
    assert tracker.raised == 2


def test_none_is_told_again_by_default_or_within_the_cool_down():
    long = [2] * 200
    assert changes(AlarmTracker(1.0, **SETTINGS), long) == [("begin", 0.2)]
    tracker = AlarmTracker(1.0, **SETTINGS, remind=1.0)
    found = changes(tracker, [2] * 5 + [0] * 12 + [2] * 48)
    assert found == [
        ("begin", 0.2),
        ("end", 1.5),
        ("begin", 5.4),  # what cools down is no alarm yet
        ("remind", 6.4),
    ]


def test_an_event_that_outlasts_the_cool_down_is_an_alarm_then():
    tracker = AlarmTracker(1.0, **SETTINGS)
    found = changes(tracker, [2] * 10 + [0] * 20 + [2] * 60)
    assert found[:2] == [("begin", 0.2), ("end", 2.0)]
    assert [change for change, _ in found[2:]] == ["begin"]
    assert found[2][1] == pytest.approx(5.9, abs=0.11)
    assert tracker.event.start == 3.0
    assert tracker.suppressed == 0


def test_time_without_frames_ends_an_event():
    tracker = AlarmTracker(1.0, **SETTINGS)
    changes(tracker, [2] * 5)
    assert not tracker.advance(1.0)
    [(change, event)] = tracker.advance(2.0)
    assert (change, event.last) == ("end", 0.4)
    assert tracker.event is None


def test_an_outage_does_not_join_events():
    tracker = AlarmTracker(1.0, min_seconds=0.2, cooldown=0)
    changes(tracker, [2] * 5)
    found = changes(tracker, [2] * 5, start=60)
    assert found == [("end", 60.0), ("begin", 60.2)]


def test_the_end_of_the_watch_ends_an_event():
    tracker = AlarmTracker(1.0, **SETTINGS)
    assert not tracker.finish()
    changes(tracker, [2] * 5)
    assert [change for change, _ in tracker.finish()] == ["end"]


@pytest.mark.parametrize("score", [float("nan"), -np.inf, 1.0])
def test_what_is_not_above_the_threshold_is_low(score):
    tracker = AlarmTracker(1.0, **SETTINGS)
    assert not changes(tracker, [score] * 20)
    assert tracker.event is None


def test_numbers_out_of_range():
    with pytest.raises(ValueError, match="cooldown=-1"):
        AlarmTracker(1.0, cooldown=-1)


def test_hysteresis_is_on_the_scale_of_normal_video():
    calibration = Calibration.fit(
        {"score": np.linspace(-1, 1, 101)}, source="demo"
    )
    expected = 0.5 * calibration.scale["score"]
    assert hysteresis_of(calibration) == pytest.approx(expected)
    assert hysteresis_of(None) == 0


def test_frames_that_were_dropped_are_no_sign_of_calm():
    tracker = AlarmTracker(1.0, **SETTINGS)
    assert changes(tracker, [2] * 10) == [("begin", 0.2)]
    assert not tracker.push(2.5, 0.0, gap=True)  # a second and a half unseen
    assert not tracker.push(3.3, 0.0)
    [(change, event)] = tracker.push(3.6, 0.0)  # 0.9 + 1.6 + more than 1 s
    assert (change, event.last) == ("end", 0.9)
    assert changes(tracker, [2] * 5, start=10.0) == [("begin", 10.2)]


def test_a_gap_within_an_event_that_goes_on():
    tracker = AlarmTracker(1.0, **SETTINGS)
    changes(tracker, [2] * 10)
    assert not tracker.push(2.5, 2.0, gap=True)
    found = changes(tracker, [2] * 5 + [0] * 20, start=2.6)
    assert found == [("end", pytest.approx(4.1))]
