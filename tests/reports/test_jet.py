"""The colours of attention maps."""

import numpy as np

from keras_cdae.reports.jet import attention_overlay, jet


def test_jet_is_matplotlibs_but_for_its_rounding():
    import matplotlib

    values = np.linspace(0, 1, 256)
    expected = matplotlib.colormaps["jet"](values)[:, :3]
    assert np.abs(jet(values) - expected).max() < 0.15


def test_jet_is_cut_off():
    np.testing.assert_array_equal(jet(np.array([-3.0, 9.0])), jet([0.0, 1.0]))


def test_the_strongest_place_is_red_and_the_weakest_blue():
    attention = np.array([[0.1, 0.2], [0.2, 0.3]])
    picture = attention_overlay(np.zeros((2, 2)), attention)
    assert picture[1, 1, 0] > picture[1, 1, 2]
    assert picture[0, 0, 2] > picture[0, 0, 0]


def test_an_even_map_has_one_colour():
    picture = attention_overlay(np.full((2, 2), 0.5), np.ones((2, 2)))
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 1
