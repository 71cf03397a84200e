"""Regions and tracks of masks that are drawn by hand."""

import numpy as np
import pytest

from keras_cdae.metrics import draw_regions, mask_regions


def masks_of(*frames):
    """Draw each frame from strings, one character a pixel."""
    return np.array(
        [[[c != "." for c in row] for row in f] for f in frames], np.uint8
    )


def tracks(masks):
    """Return (frame, track, area) of every region."""
    return [(r.frame, r.track, r.area) for r in mask_regions(masks)]


def test_corners_connect_and_gaps_divide():
    masks = masks_of(["#..#", ".#..", "...#"])
    assert tracks(masks) == [(0, 0, 2), (0, 1, 1), (0, 2, 1)]


def test_a_region_lies_where_its_mask_is():
    masks = masks_of(["....", "..##", "...#"])
    (region,) = mask_regions(masks)
    assert (region.top, region.left) == (1, 2)
    assert region.mask.tolist() == [[True, True], [False, True]]


def test_a_region_that_moves_is_one_track():
    masks = masks_of(["##...."], [".##..."], ["..##.."])
    assert tracks(masks) == [(0, 0, 2), (1, 0, 2), (2, 0, 2)]


def test_without_overlap_a_new_track_begins():
    masks = masks_of(["##...."], ["...##."])
    assert tracks(masks) == [(0, 0, 2), (1, 1, 2)]


def test_a_frame_without_a_region_ends_a_track():
    masks = masks_of(["##"], [".."], ["##"])
    assert tracks(masks) == [(0, 0, 2), (2, 1, 2)]


def test_what_melts_together_follows_the_larger_overlap():
    masks = masks_of(["#.###"], ["#####"], ["#.###"])
    assert tracks(masks) == [
        (0, 0, 1),
        (0, 1, 3),
        (1, 1, 5),  # of the two, 1 shares three pixels with it
        (2, 2, 1),  # and 1 goes on in the larger piece
        (2, 1, 3),
    ]


def test_two_tracks_side_by_side_stay_two():
    masks = masks_of(["##..##"], [".##.##"], ["..#.##"])
    assert [t for _, t, _ in tracks(masks)] == [0, 1] * 3


def test_no_mask_has_no_region():
    assert mask_regions(np.zeros((3, 4, 4))) == []


def test_drawn_regions_are_the_masks(rng):
    masks = rng.random((5, 12, 9)) < 0.3
    drawn = draw_regions(mask_regions(masks), masks.shape)
    np.testing.assert_array_equal(drawn, masks)


def test_bad_input_is_named():
    with pytest.raises(ValueError, match=r"Received: shape \(4, 4\)"):
        mask_regions(np.zeros((4, 4)))
