"""Annotated frames: border, heat, and the strip."""

import numpy as np
import pytest

from keras_cdae.data.video import read_frames
from keras_cdae.reports.annotation import AnnotatedVideo

FRAME = np.full((120, 160, 3), 90, np.uint8)
HEAT = np.full((4, 4), 1e-9)
HEAT[0, 0] = 1.0


def written(path, values, **options):
    with AnnotatedVideo(
        path, fps=10, threshold=4.0, low=2.0, **options
    ) as video:
        for z in values:
            video.write(FRAME, z=z, heat_map=None if z is None else HEAT)
    return np.stack(list(read_frames(path))).astype(int)


def test_calm_frames_stay_as_they_are_and_alarms_show(tmp_path):
    frames = written(tmp_path / "a.mp4", [None, 0.0, 1.9, 9.0])
    assert frames.shape == (4, 160, 160, 3)
    for calm in frames[:3, :120]:
        assert abs(calm - 90).max() < 12  # compression
    alarm = frames[3, :120]
    assert alarm[60, 0, 0] > 180  # border
    assert alarm[8, 8, 0] > alarm[60, 80, 0] + 60  # heat, at the left top
    assert abs(alarm[60, 80] - 90).max() < 12


def test_the_strip_scrolls_and_turns_red(tmp_path):
    frames = written(tmp_path / "a.mp4", [3.0] * 5 + [6.0] * 5)
    bottom = frames[-1, -4]
    red = bottom[:, 0] - bottom[:, 2] > 60
    blue = bottom[:, 2] - bottom[:, 0] > 40
    assert red[152:158].all()
    assert blue[142:148].all()
    assert not (red | blue)[:130].any()


def test_what_left_the_strip_is_gone(tmp_path):
    frames = written(tmp_path / "a.mp4", [6.0] * 5 + [3.0] * 80)
    before, last = frames[50, -4], frames[-1, -4]
    assert (before[:, 0] - before[:, 2] > 60).any()
    assert not (last[:, 0] - last[:, 2] > 60).any()


def test_low_above_threshold(tmp_path):
    with pytest.raises(ValueError, match="low must not be above threshold"):
        AnnotatedVideo(tmp_path / "a.mp4", fps=10, threshold=1.0, low=2.0)
