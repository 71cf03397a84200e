"""The shipped model on the real Ped2, in both of its layouts."""

import shutil
import subprocess
import sys

import pytest

import keras_cdae
from keras_cdae.data.benchmarks import verify_dataset
from keras_cdae.runs.evaluator import evaluate

# As the card in saved_models/ prints them.
CARD = {
    "auc_micro_per_video": 0.9278,
    "auc_micro_regularity": 0.9222,
    "auc_micro_raw": 0.8759,
    "auc_macro_skip": 0.9632,
    "auc_macro_padded": 0.9764,
    "eer": 0.1827,
    "ap": 0.9739,
}
LARGER = {  # of ped2-edge-192
    "auc_micro_per_video": 0.9426,
    "auc_micro_raw": 0.8870,
    "auc_macro_skip": 0.9707,
    "eer": 0.1871,
}
PLACES = {"auc_pixel": 0.6493, "rbdc": 0.4180, "tbdc": 0.7843}

pytestmark = [pytest.mark.realdata, pytest.mark.slow]


@pytest.fixture(scope="module")
def unpacked(shared_data, tmp_path_factory):
    """Return a function that lays Ped2 out, as distributed or repacked."""
    folder = tmp_path_factory.mktemp("ped2")

    def unpack(*options):
        target = folder / ("ped2" if options else "UCSD_Anomaly_Dataset.v1p2")
        if target.is_dir():
            return target
        command = [sys.executable, shared_data / "unpack", "ped2", folder]
        subprocess.run([*command, *options], check=True, capture_output=True)
        return target

    return unpack


def test_the_card_s_numbers_come_back_in_both_layouts(unpacked, tmp_path):
    model = keras_cdae.load("ped2-edge")
    found = {}
    for options in ((), ("--repack",)):
        data_dir = unpacked(*options)
        levels = [f.level for f in verify_dataset("ped2", data_dir)]
        assert set(levels) == {"ok"}
        found[options] = evaluate(model, "ped2", data_dir, cache_dir=tmp_path)
    plain, repacked = found.values()
    assert plain.metrics["frames"] == 1962
    assert plain.metrics["abnormal_frames"] == 1620
    assert plain.metrics["label_source"].startswith("UCSDped2.m")
    assert repacked.metrics["label_source"].startswith("ped2.mat")
    for name, value in CARD.items():
        # Another processor rounds convolutions in another order.
        assert plain.metrics[name] == pytest.approx(value, abs=5e-4)
        # The repack is JPEG: the same frames, compressed once more.
        assert repacked.metrics[name] == pytest.approx(value, abs=5e-3)
    for name, value in PLACES.items():  # the repack has no masks
        assert plain.metrics[name] == pytest.approx(value, abs=2e-3)
        assert name not in repacked.metrics
    difference = plain.trivial["frame_difference"]
    assert difference["auc_micro_per_video"] == pytest.approx(0.867, abs=2e-3)
    assert difference["auc_micro_raw"] == pytest.approx(0.684, abs=2e-3)


def test_the_larger_model_s_numbers_come_back(unpacked, tmp_path):
    model = keras_cdae.load("ped2-edge-192")
    assert model.image_size == (192, 192)
    found = evaluate(
        model, "ped2", unpacked(), cache_dir=tmp_path, localisation=False
    )
    for name, value in LARGER.items():
        assert found.metrics[name] == pytest.approx(value, abs=5e-4)


def test_layouts_give_equal_scores_but_for_the_jpeg(unpacked, tmp_path):
    """The repacked layout with the distributed frames: the same numbers."""
    distributed = unpacked()
    root = tmp_path / "ped2"
    for split, name in (("training", "Train"), ("testing", "Test")):
        for video in (distributed / "UCSDped2" / name).glob(f"{name}0??"):
            folder = root / split / "frames" / video.name[-2:]
            folder.mkdir(parents=True)
            for index, frame in enumerate(sorted(video.glob("*.tif"))):
                (folder / f"{index:03d}.tif").symlink_to(frame)
    repacked = unpacked("--repack")
    shutil.copy(repacked / "ped2.mat", root)
    model = keras_cdae.load("ped2-edge")
    first, second = (
        evaluate(model, "ped2", folder, cache_dir=tmp_path / "cache")
        for folder in (distributed, root)
    )
    assert second.metrics["label_source"].startswith("ped2.mat")
    for name in CARD:
        assert second.metrics[name] == pytest.approx(
            first.metrics[name], abs=1e-6
        )
