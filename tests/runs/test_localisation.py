"""Maps against the masks of a small data set in UCSD's layout."""

import json

import numpy as np
import pytest

from keras_cdae.data import write_image
from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.errors import LabelError
from keras_cdae.runs import RunSettings
from keras_cdae.runs.evaluator import evaluate
from keras_cdae.runs.localisation import Localisation
from keras_cdae.runs.models import new_model
from keras_cdae.runs.trainer import calibrate

FRAMES = 16
FIRST = 8  # abnormal frame


def make_masks():
    masks = np.zeros((FRAMES, 64, 64), np.uint8)
    for frame in range(FIRST, FRAMES):
        masks[frame, 16:40, frame : frame + 24] = 255
    return masks


@pytest.fixture
def ped2(tmp_path, rng):
    """Two test videos; the first has masks."""
    root = tmp_path / "UCSDped2"
    masks = make_masks()
    for folder in ("Train/Train001", "Test/Test001", "Test/Test002"):
        for frame in range(FRAMES):
            image = rng.integers(60, 90, (64, 64)).astype(np.uint8)
            if folder == "Test/Test001":
                image[masks[frame] > 0] = 200
            write_image(root / folder / f"{frame + 1:03d}.tif", image)
    for frame, mask in enumerate(masks):
        write_image(root / "Test/Test001_gt" / f"{frame + 1:03d}.bmp", mask)
    text = f"TestVideoFile{{end+1}}.gt_frame = [{FIRST + 1}:{FRAMES}];\n"
    (root / "Test/UCSDped2.m").write_text("TestVideoFile = {};\n" + text + text)
    return root


@pytest.fixture
def dataset(ped2):
    return load_dataset("ped2", ped2)


LENGTHS = {"01": FRAMES, "02": FRAMES}


def test_videos_without_masks_are_left_out(dataset):
    seen = []
    places = Localisation(dataset, LENGTHS, 5, lambda *step: seen.append(step))
    assert seen == [(1, 1, "01")]
    frames = np.zeros((FRAMES, 64, 64, 1), np.uint8)
    places.add("02", frames, [np.ones((FRAMES - 4, 8, 8))])
    assert not places.maps["model"]


def test_a_perfect_map_is_perfect_and_maps_begin_at_the_fifth_frame(dataset):
    places = Localisation(dataset, LENGTHS, 5)
    maps = make_masks()[4:, ::2, ::2].astype(np.float32)
    frames = np.zeros((FRAMES, 64, 64, 1), np.uint8)
    places.add("01", frames, [maps[:7], maps[7:]])
    found = places.measure()
    assert found["model"] == {"auc_pixel": 1.0, "rbdc": 1.0, "tbdc": 1.0}
    # No pixel moves: the difference is 0 everywhere, and knows no frame.
    assert found["frame_difference"]["auc_pixel"] == 0.5
    assert found["facts"] == {
        "mask_source": "Test/*_gt (pixel masks)",
        "videos": 1,
        "frames": FRAMES - 4,
        "regions": FRAMES - FIRST,
        "tracks": 1,
    }


def test_masks_that_do_not_fit_end_it_before_scoring(dataset, ped2):
    (ped2 / "Test/Test001_gt/001.bmp").unlink()
    with pytest.raises(LabelError, match=r"Test001_gt: 15 masks.*16 frames"):
        Localisation(dataset, LENGTHS, 5)


def test_evaluation_reports_where_and_when(ped2, tmp_path, rng):
    settings = RunSettings(
        "ped2", str(ped2), preset="nano", image_size=(32, 32)
    )
    model = new_model(settings.resolved(1))
    video = rng.integers(60, 90, (12, 32, 32, 1)).astype(np.uint8)
    calibrate(model, [video], source="noise", fps=10)
    calls = []
    result = evaluate(
        model,
        "ped2",
        ped2,
        output=tmp_path / "out",
        masked=lambda *step: calls.append(step),
        located=lambda *step: calls.append(step),
    )
    assert [step[:2] for step in calls] == [(1, 1), (1, 2), (2, 2)]
    stored = json.loads((tmp_path / "out/metrics.json").read_text())
    for row in (stored, stored["trivial"]["frame_difference"]):
        assert all(0 <= row[k] <= 1 for k in ("auc_pixel", "rbdc", "tbdc"))
    assert "rbdc" not in stored["trivial"]["frame_index"]
    # A bright square that moves over noise: the plain difference finds it.
    assert stored["trivial"]["frame_difference"]["rbdc"] > 0.5
    events = stored["events"]
    assert (events["true"], events["fps"]) == (2, 10.0)
    assert events["fps_source"] == "data set"
    assert events["supported"] is False
    assert events["z"] == pytest.approx(
        model.calibration.z(model.calibration.quantiles[-1])
    )
    plain = evaluate(model, "ped2", ped2, localisation=False).metrics
    assert {"auc_pixel", "rbdc", "tbdc", "localisation"}.isdisjoint(plain)
    assert plain["events"] == result.metrics["events"]
