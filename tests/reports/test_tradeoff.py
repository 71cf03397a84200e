"""The picture of AUC against frames a second."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from keras_cdae.reports.tradeoff import tradeoff

SPEEDS = {"nano": {1: 400.0, 2: 600.0}, "edge": {1: 140.0, 2: 235.0}}
ACCURACY = {"nano": 0.88, "edge": 0.928}


def test_a_marker_for_each_model_and_number_of_threads():
    figure = tradeoff(SPEEDS, ACCURACY, protocol="micro AUC", title="Ped2")
    (axes,) = figure.axes
    drawn = {
        (float(x), round(float(y), 6))
        for line in axes.lines
        if line.get_marker() not in ("None", "")
        for x, y in zip(*map(np.atleast_1d, line.get_data()), strict=True)
    }
    assert drawn == {(400, 88.0), (600, 88.0), (140, 92.8), (235, 92.8)}
    assert {text.get_text() for text in axes.texts} == {"nano", "edge"}
    named = [text.get_text() for text in axes.get_legend().get_texts()]
    assert named == ["1 thread", "2 threads", "camera of 25 frames/s"]
    assert axes.get_ylabel() == "micro AUC, %"
    assert axes.get_title() == "Ped2"


@pytest.mark.parametrize(
    ("speeds", "accuracy"),
    [({}, {}), (SPEEDS, {"nano": 0.88}), ({"nano": {}}, {"nano": 0.88})],
)
def test_what_does_not_fit(speeds, accuracy):
    with pytest.raises(ValueError, match="must name the same models"):
        tradeoff(speeds, accuracy)
