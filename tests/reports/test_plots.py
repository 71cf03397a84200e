import builtins
import subprocess
import sys

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from keras_cdae.errors import MissingDependencyError
from keras_cdae.reports.plots import (
    reconstruction_panel,
    regularity_curves,
    roc_curves,
    summary_picture,
)
from keras_cdae.scoring.scores import VideoScores

pytest.importorskip("matplotlib")


def video(name="01", frames=60, events=((20, 35),), seed=0, labels=True):
    rng = np.random.default_rng(seed)
    truth = np.zeros(frames, np.int64)
    for start, end in events:
        truth[start:end] = 1
    score = rng.normal(size=frames) + 3 * truth
    return VideoScores(
        name,
        np.arange(4, frames),
        score[4:],
        labels=truth[4:] if labels else None,
    )


def spans(axes):
    """The shaded (start, end) of an axes, in frames as the labels count."""
    boxes = [patch.get_extents() for patch in axes.patches]
    boxes = [box.transformed(axes.transData.inverted()) for box in boxes]
    return [(box.x0 + 0.5, box.x1 + 0.5) for box in boxes]


def texts(shown):
    """The legend of a figure or of an axes."""
    is_figure = hasattr(shown, "legends")
    legend = shown.legends[0] if is_figure else shown.get_legend()
    return [text.get_text() for text in legend.get_texts()]


def draw(figure):
    """Lay the figure out; warns, and so fails, where it does not fit."""
    figure.canvas.draw()
    return figure


def test_regularity_curves_show_the_input():
    videos = [video(str(seed), seed=seed) for seed in range(5)]

    figure = draw(regularity_curves(videos, title="five videos"))

    assert len(figure.axes) == 5
    assert figure.get_size_inches()[0] * figure.dpi == 1200
    for axes, scores in zip(figure.axes, videos, strict=True):
        (line,) = axes.lines
        np.testing.assert_array_equal(line.get_xdata(), scores.frame)
        np.testing.assert_array_equal(line.get_ydata(), scores.regularity)
        np.testing.assert_allclose(spans(axes), [(20, 35)], atol=1e-9)
        area = roc_auc_score(scores.labels, scores.score)
        assert axes.get_title() == f"{scores.name}   AUC {area:.3f}"
        assert axes.get_xlim()[0] == 0  # the first four frames stay blank
    assert texts(figure) == ["true event", "regularity"]
    assert figure.get_suptitle() == "five videos"


def test_regularity_curves_shade_every_event_and_name_it_once():
    figure = regularity_curves([video(events=((10, 11), (20, 30), (50, 60)))])

    (axes,) = figure.axes
    np.testing.assert_allclose(
        spans(axes), [(10, 11), (20, 30), (50, 60)], atol=1e-9
    )
    assert texts(figure) == ["true event", "regularity"]


def test_given_intervals_reach_into_the_unscored_frames():
    videos = [video(events=((0, 30),)), video("02", labels=False)]

    figure = regularity_curves(videos, intervals=[[(0, 30)], []])
    np.testing.assert_allclose(spans(figure.axes[0]), [(0, 30)], atol=1e-9)
    assert spans(figure.axes[1]) == []

    figure = regularity_curves(videos)
    np.testing.assert_allclose(spans(figure.axes[0]), [(4, 30)], atol=1e-9)


@pytest.mark.parametrize("events", [(), ((0, 60),)])
def test_video_of_one_class_has_no_auc_in_its_title(events):
    figure = regularity_curves([video("only", events=events)])

    assert figure.axes[0].get_title() == "only"


def test_regularity_curves_refuse_what_does_not_fit():
    with pytest.raises(ValueError, match="must not be empty"):
        regularity_curves([])
    with pytest.raises(ValueError, match="one list for each"):
        regularity_curves([video()], intervals=[[], []])


@pytest.mark.parametrize("shape", [(24, 36), (24, 36, 1), (24, 36, 3)])
def test_summary_picture_shows_curve_frame_map_and_scores(shape):
    scores = video()
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    heat = rng.uniform(3.0, 5.0, (6, 9))

    figure = draw(
        summary_picture(
            scores,
            image,
            heat,
            title="a fall",
            metrics={"AUC": 0.875, "EER": None},
            threshold=2.0,
        )
    )

    curve, frame, overlaid, spread = figure.axes[:4]
    np.testing.assert_array_equal(curve.lines[0].get_ydata(), scores.regularity)
    np.testing.assert_allclose(spans(curve), [(20, 35)], atol=1e-9)
    worst = curve.lines[1]
    assert list(worst.get_xdata()) == [scores.worst_frame]
    assert list(worst.get_ydata()) == [0.0]
    assert str(scores.worst_frame) in frame.get_title()
    np.testing.assert_allclose(
        frame.images[0].get_array(), image.squeeze() / 255
    )
    assert len(overlaid.images) == 2
    laid = overlaid.images[1]
    np.testing.assert_allclose(
        laid.get_array(), (heat - heat.min()) / np.ptp(heat)
    )
    assert laid.get_extent() == [-0.5, 35.5, 23.5, -0.5]
    counted = sum(patch.get_height() for patch in spread.patches)
    assert counted == len(scores)
    assert spread.lines[0].get_xdata()[0] == 2.0
    assert set(texts(spread)) == {"normal", "abnormal", "alarm above"}
    titles = [sub.get_suptitle() for sub in figure.subfigs]
    assert "a fall\nAUC 0.875" in titles


def test_summary_picture_without_labels_or_spread():
    scores = VideoScores("flat", np.arange(4, 14), np.full(10, 2.0))

    figure = draw(summary_picture(scores, np.zeros((8, 8)), np.ones((2, 2))))

    curve, _, overlaid, spread = figure.axes[:4]
    assert spans(curve) == []
    assert not overlaid.images[1].get_array().any()
    assert texts(spread) == ["all frames"]
    assert sum(patch.get_height() for patch in spread.patches) == 10


def test_summary_picture_names_the_frame_of_the_map():
    scores = VideoScores(
        "01", np.arange(4, 9), np.arange(5.0), peak_frame=6, peak_map=np.eye(2)
    )

    figure = summary_picture(scores, np.zeros((8, 8)), scores.peak_map)

    assert figure.axes[1].get_title() == "frame 6"
    assert (
        summary_picture(
            VideoScores("01", np.arange(4, 9), np.arange(5.0)),
            np.zeros((8, 8)),
            np.eye(2),
        )
        .axes[1]
        .get_title()
        == "least regular frame (8)"
    )


@pytest.mark.parametrize(
    ("image", "heat", "message"),
    [
        (np.zeros((8, 8, 4)), np.zeros((2, 2)), "`frame_image` must have"),
        (np.zeros(8), np.zeros((2, 2)), "`frame_image` must have"),
        (np.zeros((8, 8)), np.zeros(2), "`heat_map` must be finite"),
        (np.zeros((8, 8)), np.full((2, 2), np.nan), "`heat_map` must be fin"),
    ],
)
def test_summary_picture_refuses_other_shapes(image, heat, message):
    with pytest.raises(ValueError, match=message):
        summary_picture(video(), image, heat)


def panel_arrays(count=3, channels=1):
    rng = np.random.default_rng(0)
    size = (16, 20, channels)
    return {
        "frames": rng.uniform(size=(count, *size)),
        "appearance": rng.uniform(-0.2, 1.2, (count, *size)),
        "motion_target": rng.uniform(-1, 1, (count, 4, *size)),
        "motion": rng.uniform(-1, 1, (count, 4, *size)),
        "error_maps": rng.uniform(size=(count, 16, 20)),
    }


@pytest.mark.parametrize("channels", [1, 3])
def test_reconstruction_panel_has_a_row_a_part_and_a_column_an_example(
    channels,
):
    arrays = panel_arrays(channels=channels)
    attention = [np.random.default_rng(1).uniform(size=(3, 4, 5, 1))] * 2

    figure = draw(
        reconstruction_panel(
            **arrays, attention_maps=attention, names="abc", step=1
        )
    )

    # Seven rows of three, and a colour bar for motion twice and for error.
    pictures = [axes for axes in figure.axes if axes.images]
    assert len(pictures) == 7 * 3
    assert len(figure.axes) == 7 * 3 + 3
    rows = [pictures[start].get_ylabel() for start in range(0, 21, 3)]
    assert rows == [
        "input frame",
        "reconstruction",
        "motion target",
        "predicted motion",
        "error",
        "attention 1",
        "attention 2",
    ]
    assert [axes.get_title() for axes in pictures[:3]] == ["a", "b", "c"]
    shown = [axes.images[0].get_array() for axes in pictures]
    np.testing.assert_allclose(shown[0], arrays["frames"][0].squeeze())
    np.testing.assert_allclose(
        shown[3], arrays["appearance"][0].squeeze().clip(0, 1)
    )
    np.testing.assert_allclose(shown[7], arrays["motion_target"][1, 1].mean(-1))
    np.testing.assert_allclose(shown[10], arrays["motion"][1, 1].mean(-1))
    np.testing.assert_allclose(shown[14], arrays["error_maps"][2])
    np.testing.assert_allclose(shown[15], attention[0][0, ..., 0])
    assert pictures[15].images[0].get_cmap().name == "jet"
    motion = [axes.images[0].get_clim() for axes in pictures[6:12]]
    assert len(set(motion)) == 1
    assert motion[0][0] == -motion[0][1]


def test_reconstruction_panel_of_nothing_moving():
    arrays = {k: np.zeros_like(v) for k, v in panel_arrays(count=1).items()}

    figure = draw(reconstruction_panel(**arrays))

    assert len([axes for axes in figure.axes if axes.images]) == 5


def test_reconstruction_panel_refuses_what_does_not_fit():
    arrays = panel_arrays()
    with pytest.raises(ValueError, match="the same examples"):
        reconstruction_panel(**arrays | {"error_maps": np.zeros((2, 4, 4))})
    with pytest.raises(ValueError, match="`motion` and `motion_target`"):
        reconstruction_panel(**arrays | {"motion": np.zeros((3, 3, 16, 20, 1))})
    with pytest.raises(ValueError, match="the same examples"):
        reconstruction_panel(**{k: v[:0] for k, v in arrays.items()})


@pytest.mark.parametrize("per_video", [False, True])
def test_roc_curves_enclose_the_auc_in_the_legend(per_video):
    videos = [video(str(seed), seed=seed) for seed in range(3)]
    labels = [scores.labels for scores in videos]
    scores = {
        "model": [scores.score for scores in videos],
        "frame number": [scores.frame for scores in videos],
    }

    figure = draw(roc_curves(scores, labels, per_video=per_video))

    (axes,) = figure.axes
    lines = axes.lines
    assert len(lines) == 2 + 2  # chance, and where both errors are equal
    for line, name in zip(lines, scores, strict=False):
        area = np.trapezoid(line.get_ydata(), line.get_xdata())
        assert line.get_label() == f"{name}: AUC {area:.3f}"


def test_roc_curves_need_both_classes():
    with pytest.raises(ValueError, match="normal and abnormal frames"):
        roc_curves({"model": [np.arange(3.0)]}, [np.zeros(3)])


def test_figures_can_be_saved(tmp_path):
    path = tmp_path / "curves.png"

    regularity_curves([video()]).savefig(path)

    assert path.read_bytes().startswith(b"\x89PNG")


def test_missing_matplotlib_names_the_extra(monkeypatch):
    real = builtins.__import__

    def without(name, *args, **kwargs):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(
        MissingDependencyError, match=r'pip install "keras-cdae\[plot\]"'
    ):
        regularity_curves([video()])


def test_importing_the_module_imports_no_matplotlib():
    code = (
        "import sys, keras_cdae.reports.plots;"
        "print('matplotlib' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )

    assert done.stdout.strip() == "False"
