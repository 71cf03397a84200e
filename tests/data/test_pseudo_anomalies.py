"""Anomalies made from normal video."""

import numpy as np
import pytest

from keras_cdae.data import Clips, PseudoAnomalies
from keras_cdae.data.pipelines import ClipBatches, training_batches
from keras_cdae.data.pseudo_anomalies import (
    KINDS,
    as_pseudo_anomalies,
    cross_by_patch,
    speed_up,
)

ALL = PseudoAnomalies(1.0)


@pytest.fixture
def video(rng):
    """A square of 8 that moves by one pixel a frame over noise."""
    frames = rng.integers(0, 40, (60, 64, 64, 1)).astype(np.uint8)
    for number, frame in enumerate(frames):
        x = number % 50
        frame[24:32, x : x + 8] = 220
    return frames


@pytest.fixture
def clips(video):
    return Clips([video, video[::-1].copy()])


def test_the_same_numbers_make_the_same_anomalies(clips):
    first, normal = ALL.gather(clips, [50, 3, 70], epoch=2, seed=1)
    again, _ = ALL.gather(clips, [70, 50], epoch=2, seed=1)
    np.testing.assert_array_equal(again, first[[2, 0]])
    np.testing.assert_array_equal(normal, clips.gather([50, 3, 70]))
    other, _ = ALL.gather(clips, [50, 3, 70], epoch=3, seed=1)
    assert (other != first).any()


@pytest.mark.parametrize("share", [0.0, 0.3])
def test_about_so_many_are_replaced(clips, share):
    indices = np.arange(len(clips))
    made, normal = PseudoAnomalies(share, ("patch",)).gather(clips, indices)
    changed = (made != normal).any(axis=(1, 2, 3, 4)).mean()
    assert changed == pytest.approx(share, abs=0.15 if share else 0)


def test_skipped_frames_are_of_the_video_and_end_alike(video, rng):
    clip = video[36:41]
    made = ALL.make("skip", video, 40, clip, rng)
    np.testing.assert_array_equal(made[-1], video[40])
    step = next(
        k for k in range(2, 6) if np.array_equal(made[0], video[40 - 4 * k])
    )
    np.testing.assert_array_equal(made, video[40 - 4 * step : 41 : step])


def test_too_near_the_start_nothing_is_skipped(video, rng):
    clip = video[2:7]
    for kind in ("skip", "fast"):
        assert ALL.make(kind, video, 6, clip, rng) is clip


def test_a_window_runs_fast_where_something_moves(video, rng):
    clip, fast = video[36:41], video[28:41:3]
    made = speed_up(clip, fast, rng)
    changed = (made != clip).any(axis=(0, 3))
    assert 0 < changed.mean() < 0.35
    assert changed[28].any(), "the square's row is in the window"
    np.testing.assert_array_equal(made[-1], clip[-1])


def test_a_patch_moves_and_stays_in_the_picture(rng):
    clip = np.zeros((5, 64, 64, 1), np.uint8)
    source = np.full((64, 64, 1), 200, np.uint8)
    for _ in range(20):
        made = cross_by_patch(clip, source, rng)
        centres = [np.argwhere(f[..., 0]).mean(axis=0) for f in made]
        areas = [int((f > 0).sum()) for f in made]
        assert len(set(areas)) == 1, "whole in every frame"
        assert np.abs(np.diff(centres, axis=0)).max() < 64 * 5 / 128 + 1
    assert not clip.any()


def test_pairs_come_out_of_both_pipelines_alike(clips):
    options = {"batch_size": 4, "seed": 3, "dtype": "uint8"}
    batches = ClipBatches(clips, pseudo_anomalies=0.5, **options)
    dataset = training_batches(
        clips, pseudo_anomalies=0.5, prefer="tf.data", **options
    )
    for number, (made, normal) in enumerate(dataset):
        np.testing.assert_array_equal(made, batches[number][0])
        np.testing.assert_array_equal(normal, batches[number][1])
    assert number == len(batches) - 1
    batches.on_epoch_end()
    later, _ = next(iter(dataset))
    np.testing.assert_array_equal(later, batches[0][0])


def test_none_and_nought_mean_none():
    assert as_pseudo_anomalies(None) is None
    assert as_pseudo_anomalies(0.0) is None
    assert as_pseudo_anomalies(0.1) == PseudoAnomalies(0.1)
    assert as_pseudo_anomalies(ALL) is ALL


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"probability": 1.5}, "probability=1.5"),
        ({"kinds": ()}, "kinds must be some of"),
        ({"kinds": ("slow",)}, "kinds=..slow"),
        ({"max_step": 1}, "max_step=1"),
        ({"min_step": 6}, "min_step=6"),
    ],
)
def test_what_cannot_be_is_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        PseudoAnomalies(**arguments)
    assert set(PseudoAnomalies().kinds) == set(KINDS)
