import pytest

import keras_cdae.data


def test_all_is_sorted_and_every_name_loads():
    names = keras_cdae.data.__all__
    assert names == sorted(names)
    assert set(names) == set(keras_cdae.data._HOMES)
    assert set(names) <= set(dir(keras_cdae.data))
    for name in names:
        assert getattr(keras_cdae.data, name) is not None


def test_unknown_name():
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = keras_cdae.data.nothing
