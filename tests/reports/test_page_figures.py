"""The figures of a page that show a training."""

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from keras_cdae.reports.page_figures import history_figures

HISTORY = {
    "loss": np.array([0.4, 0.2, 0.3]),
    "val_loss": np.array([0.5, 0.4, 0.4]),
    "motion_explained": np.array([0.1, 0.5, 0.6]),
}
CHANGED = "clips changed from here"


def test_losses_and_what_is_explained():
    loss, explained = history_figures(HISTORY)
    assert "held-out" in loss
    assert "held-out" not in explained
    assert "% of motion explained" in explained
    assert history_figures({}) == []


@pytest.mark.parametrize(
    ("augmented", "shown"),
    [([0, 0, 1], True), ([0, 0, 0], False), ([np.nan] * 3, False)],
)
def test_where_the_clips_begin_to_be_changed(augmented, shown):
    history = {**HISTORY, "augmented": np.array(augmented, float)}
    for figure in history_figures(history):
        assert (CHANGED in figure) == shown
    assert not any(CHANGED in figure for figure in history_figures(HISTORY))
