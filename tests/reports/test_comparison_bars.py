import pytest

from keras_cdae.reports.plots import comparison_bars

RATES = {
    "per-video": {"cdae": (90.0, 0.5), "memae": (85.0, None)},
    "raw": {"cdae": (75.0, 1.0), "memae": (65.0, None)},
}


def test_a_bar_a_model_and_protocol():
    figure = comparison_bars(
        RATES,
        trivial={"frame difference": 86.7},
        published={"cdae": 96.5},
        title="Ped2",
    )
    axes = figure.axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == [90.0, 85.0, 75.0, 65.0]
    assert [t.get_text() for t in axes.get_xticklabels()] == ["cdae", "memae"]
    labels = axes.get_legend_handles_labels()[1]
    assert "as published, per-video" in labels
    assert "frame difference, per-video" in labels
    low, high = axes.get_ylim()
    assert (low, high) == (50, 100)
    assert axes.get_title() == "Ped2"


def test_times_are_drawn_below():
    figure = comparison_bars(RATES, times={"cdae": 6.25, "memae": 130.0})
    below = figure.axes[1]
    assert [bar.get_height() for bar in below.patches] == [6.25, 130.0]
    assert [text.get_text() for text in below.texts] == ["6.25", "130"]
    assert below.get_yscale() == "log"


@pytest.mark.parametrize("count", [2, 7])
def test_a_long_title_stays_within_the_picture(count):
    rates = {"raw": {f"model {i}": (90.0, None) for i in range(count)}}
    title = "Motion targets on Ped2: preset edge, seeds 0, 1, 2, on 1 core, "
    figure = comparison_bars(rates, title=3 * title)
    figure.canvas.draw()
    box = figure.axes[0].title.get_window_extent()
    assert 0 < box.x0 < box.x1 < figure.bbox.width
    assert 0 < box.y0 < box.y1 < figure.bbox.height + 1  # of rounding


def test_nothing_to_draw():
    with pytest.raises(ValueError, match="a protocol and a model"):
        comparison_bars({})
