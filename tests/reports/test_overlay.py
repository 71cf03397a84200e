"""Heat maps over frames."""

import numpy as np
import pytest

from keras_cdae.reports.overlay import STOPS, heat_overlay

GREY = np.full((16, 24), 100, np.uint8)


def test_nothing_odd_leaves_the_frame():
    for frame in (GREY, GREY[..., None], np.repeat(GREY[..., None], 3, -1)):
        shown = heat_overlay(frame, np.zeros((2, 3)), low=0, high=1)
        assert shown.dtype == np.uint8
        np.testing.assert_array_equal(shown, np.full((16, 24, 3), 100))


def test_what_is_odd_is_bright_where_it_is():
    heat = np.zeros((2, 3))
    heat[0, 0] = 1
    shown = heat_overlay(GREY, heat, low=0, high=1, strength=1.0)
    np.testing.assert_allclose(shown[0, 0], STOPS[-1], atol=1)
    np.testing.assert_array_equal(shown[-1, -1], [100, 100, 100])


def test_the_scale_is_the_caller_s():
    """One scale for a whole video: half as odd is half as strong."""
    heat = np.full((2, 3), 5.0)
    half = heat_overlay(GREY, heat, low=0, high=10, strength=1.0)
    expected = 100 * 0.5 + STOPS[2] * 0.5
    np.testing.assert_allclose(half[8, 8], expected, atol=1)
    above = heat_overlay(GREY, 100 * heat, low=0, high=10, strength=1.0)
    np.testing.assert_allclose(above[8, 8], STOPS[-1], atol=1)


@pytest.mark.parametrize(
    ("heat", "limits", "message"),
    [
        (np.zeros((2, 3)), (1, 1), "high must be above low"),
        (np.zeros((2, 3, 1)), (0, 1), r"heat_map must be \(h, w\)"),
    ],
)
def test_what_cannot_be(heat, limits, message):
    with pytest.raises(ValueError, match=message):
        heat_overlay(GREY, heat, low=limits[0], high=limits[1])
