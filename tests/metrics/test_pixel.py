"""The pixel-level AUC against a sweep over thresholds."""

import numpy as np
import pytest

from keras_cdae.metrics import micro_auc, pixel_auc, pixel_scores


def swept(maps, masks):
    """The AUC from its definition: every threshold, every pixel."""
    abnormal = masks.any(axis=(1, 2))
    hits, alarms = [0.0], [0.0]
    for threshold in np.unique(maps)[::-1]:
        detected = maps >= threshold
        covered = (detected & (masks > 0)).sum(axis=(1, 2))
        # In whole numbers: 5 times what is covered is twice the mask or more.
        hit = abnormal & (5 * covered >= 2 * masks.sum(axis=(1, 2)))
        alarm = ~abnormal & detected.any(axis=(1, 2))
        hits.append(hit.sum() / abnormal.sum())
        alarms.append(alarm.sum() / (~abnormal).sum())
    steps = np.diff(alarms) * (np.array(hits[1:]) + hits[:-1]) / 2
    return steps.sum()


@pytest.mark.parametrize("seed", range(5))
def test_it_is_the_area_of_a_sweep_over_all_thresholds(seed):
    rng = np.random.default_rng(seed)
    maps = rng.integers(0, 30, (40, 6, 7)).astype(np.float32)
    masks = np.zeros((40, 6, 7), np.uint8)
    for frame in range(0, 40, 2):
        height, width = rng.integers(1, 6, 2)
        masks[frame, :height, :width] = 1
        maps[frame] += 8 * masks[frame]
    values = pixel_scores(maps, masks)
    labels = masks.any(axis=(1, 2))
    expected = swept(maps, masks)
    assert 0.2 < expected < 0.98
    assert micro_auc([values], [labels]) == pytest.approx(expected)
    assert pixel_auc([maps], [masks]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("pixels", "needed"), [(1, 1), (5, 2), (6, 3), (35, 14)]
)
def test_forty_percent_is_counted_in_pixels(pixels, needed):
    maps = np.arange(36, dtype=np.float32).reshape(1, 6, 6)
    masks = (maps < pixels).astype(np.uint8)
    assert pixel_scores(maps, masks).tolist() == [pixels - needed]


def test_a_hit_beside_the_mask_does_not_count():
    masks = np.zeros((2, 8, 8), np.uint8)
    masks[0, :2, :2] = 1
    maps = np.zeros((2, 8, 8), np.float32)
    maps[0, 6, 6] = 9.0  # the right frame for the wrong reason
    maps[1, 4, 4] = 1.0
    assert pixel_scores(maps, masks).tolist() == [0.0, 1.0]
    assert pixel_auc([maps], [masks]) == 0.0


def test_maps_are_stretched_to_the_masks():
    masks = np.zeros((1, 8, 8), np.uint8)
    masks[0, :4, :4] = 1
    # Along each side 1, 1, 0.875, 0.625 of the first value; 7 of 16 pixels.
    assert pixel_scores(np.eye(2)[None], masks).tolist() == [0.875]
    assert pixel_scores(1 - np.eye(2)[None], masks).tolist() == [0.375]


def test_one_class_has_no_area():
    maps = np.zeros((2, 4, 4))
    assert pixel_auc([maps], [np.zeros((2, 4, 4))]) is None


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"as many frames.*\(2, 4, 4\)"):
        pixel_scores(np.zeros((2, 4, 4)), np.zeros((3, 4, 4)))
    with pytest.raises(ValueError, match=r"finite.* 1 values"):
        pixel_scores([[[0.0, np.nan]]], [[[1, 1]]])
    with pytest.raises(ValueError, match=r"\(1, 0, 4\)"):
        pixel_scores(np.zeros((1, 0, 4)), np.zeros((1, 4, 4)))
    with pytest.raises(ValueError, match="1 and 2 arrays"):
        pixel_auc([np.zeros((1, 4, 4))], [np.zeros((1, 4, 4))] * 2)
    with pytest.raises(ValueError, match="share=0"):
        pixel_scores(np.zeros((1, 4, 4)), np.zeros((1, 4, 4)), share=0)
