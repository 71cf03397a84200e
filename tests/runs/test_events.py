"""Segments of made scores against made labels."""

import dataclasses

import numpy as np
import pytest

from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.runs.events import measure_events
from keras_cdae.scoring import Calibration, VideoScores

CALIBRATION = Calibration.fit(
    {"score": np.linspace(-1.0, 1.0, 101)}, source="made", fps=10
)


def video(scores, labels, first=4):
    scores = np.asarray(scores, float)
    return VideoScores(
        "01",
        np.arange(first, first + len(scores)),
        scores,
        z=CALIBRATION.z(scores),
        p=CALIBRATION.p(scores),
        labels=np.asarray(labels),
    )


@pytest.fixture
def dataset(camera):
    """A data set with a rate of ten frames a second."""
    return dataclasses.replace(load_dataset("synthetic", camera), fps=10.0)


def test_segments_pass_the_highest_of_normal_video_and_are_merged(dataset):
    scores = np.zeros(60)
    scores[10:14] = 2.0  # above 1, the highest normal score
    scores[14:18] = 0.6  # above half of it: still the same
    scores[22:26] = 2.0  # less than a second later: joined
    scores[50:52] = 0.9  # below
    labels = np.zeros(60, int)
    labels[10:22] = labels[48:54] = 1
    result = measure_events([video(scores, labels)], dataset, CALIBRATION)
    assert result["supported"] is False  # of 101 clips
    assert result["z"] == pytest.approx(float(CALIBRATION.z(1.0)))
    assert result["low"] == pytest.approx(result["z"] / 2)
    assert (result["found"], result["true"]) == (1, 2)
    assert (result["precision"], result["recall"]) == (1.0, 0.5)
    assert result["mean_iou"] == pytest.approx((12 / 16 + 0) / 2)
    assert result["frame_iou"] == pytest.approx(12 / 22)


def test_the_rate_is_named_where_it_is_assumed(dataset):
    scores = video(np.zeros(9), np.ones(9))
    result = measure_events([scores], dataset, CALIBRATION)
    assert (result["fps"], result["fps_source"]) == (10.0, "data set")
    frames = dataclasses.replace(dataset, fps=None)
    result = measure_events([scores], frames, CALIBRATION)
    assert (result["fps"], result["fps_source"]) == (25.0, "assumed")
    assert result["precision"] is None  # nothing found
    assert result["recall"] == 0.0
