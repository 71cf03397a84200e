"""The picture of how fast the forms of one model are."""

import pytest

pytest.importorskip("matplotlib")

from keras_cdae.reports.speed_bars import speed_bars

SPEEDS = {"keras": {1: 95.0, 2: 150.0}, "tflite": {1: 82.0}}


def test_a_bar_for_each_form_and_number_of_threads():
    figure = speed_bars(SPEEDS, title="04.mp4")
    (axes,) = figure.axes
    assert [bar.get_width() for bar in axes.patches] == [95.0, 82.0, 150.0]
    names = [label.get_text() for label in axes.get_yticklabels()]
    assert names == ["keras", "tflite"]
    low, high = axes.get_ylim()
    assert low > high  # the first on top
    named = [text.get_text() for text in figure.legends[0].get_texts()]
    assert set(named) == {"1 thread", "2 threads", "camera of 25 frames/s"}


@pytest.mark.parametrize("speeds", [{}, {"keras": {}}])
def test_what_has_no_speed(speeds):
    with pytest.raises(ValueError, match="at least one form"):
        speed_bars(speeds)
