"""The shipped models on the real Ped2, and both of its layouts."""

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import keras_cdae
from keras_cdae.data.benchmarks import load_dataset, verify_dataset
from keras_cdae.runs.frames import cached_frames
from keras_cdae.scoring import score_video

# As the card in saved_models/ prints them.
CARD = {
    "auc_micro_per_video": 0.9516,
    "auc_micro_regularity": 0.9464,
    "auc_micro_raw": 0.8866,
    "auc_macro_skip": 0.9667,
    "auc_macro_padded": 0.9785,
    "eer": 0.1506,
    "ap": 0.9752,
}
FIXTURES = Path(__file__).parent / "fixtures"
PLACES = {"auc_pixel": 0.7643, "rbdc": 0.3866, "tbdc": 0.8224}

COMMAND = Path(sys.executable).with_name("keras-cdae")
# The command's own choice, which the other tests are better off without.
FAST = {"TF_ENABLE_ONEDNN_OPTS": "1"}

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


def test_the_card_s_numbers_come_back(unpacked, tmp_path):
    """By the command on the card."""
    data_dir = unpacked()
    assert {f.level for f in verify_dataset("ped2", data_dir)} == {"ok"}
    words = f"eval --model ped2-edge --dataset ped2 --data-dir {data_dir}"
    done = subprocess.run(
        [COMMAND, *words.split(), "--json"],
        env={**os.environ, "KERAS_CDAE_CACHE": f"{tmp_path}", **FAST},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found = json.loads(done.stdout)
    assert found["frames"] == 1962
    assert found["abnormal_frames"] == 1620
    assert found["label_source"].startswith("UCSDped2.m")
    for name, value in CARD.items():
        # Another processor rounds convolutions in another order.
        assert found[name] == pytest.approx(value, abs=5e-4)
    for name, value in PLACES.items():
        assert found[name] == pytest.approx(value, abs=2e-3)
    difference = found["trivial"]["frame_difference"]
    assert difference["auc_micro_per_video"] == pytest.approx(0.867, abs=2e-3)
    assert difference["auc_micro_raw"] == pytest.approx(0.684, abs=2e-3)


def test_the_larger_model_s_scores_come_back(unpacked):
    """Those of one video; `eval` on all of them repeats the card."""
    model = keras_cdae.load("ped2-edge-192")
    assert model.image_size == (192, 192)
    path = unpacked() / "UCSDped2/Test/Test004"
    scores = score_video(model, path)
    recorded = FIXTURES / "ped2-edge-192/Test004.csv"
    with recorded.open(encoding="utf-8") as stream:
        expected = [float(row["score"]) for row in csv.DictReader(stream)]
    np.testing.assert_allclose(scores.score, expected, atol=2e-3)


def frames_and_labels(data_dir, cache):
    """Return the test videos at 128 x 128 with labels, and their source."""
    dataset = load_dataset("ped2", data_dir)
    videos = cached_frames(
        dataset.test, image_size=(128, 128), channels=1, cache_dir=cache
    )
    labels = [dataset.labels_for(v.name, len(v)) for v in videos]
    return videos, labels, dataset.label_source


def test_layouts_differ_by_the_jpeg_alone(unpacked, tmp_path):
    """Frames and labels of the repack are those of the distributed data."""
    distributed, repacked = unpacked(), unpacked("--repack")
    assert {f.level for f in verify_dataset("ped2", repacked)} == {"ok"}
    root = tmp_path / "ped2"  # the repacked layout with the distributed frames
    for split, name in (("training", "Train"), ("testing", "Test")):
        for video in (distributed / "UCSDped2" / name).glob(f"{name}0??"):
            folder = root / split / "frames" / video.name[-2:]
            folder.mkdir(parents=True)
            for index, frame in enumerate(sorted(video.glob("*.tif"))):
                (folder / f"{index:03d}.tif").symlink_to(frame)
    shutil.copy(repacked / "ped2.mat", root)
    cache = tmp_path / "cache"
    videos, labels, source = frames_and_labels(distributed, cache)
    assert source.startswith("UCSDped2.m")
    for folder, tolerance in ((root, 0.0), (repacked, 2.0)):
        others, other_labels, source = frames_and_labels(folder, cache)
        assert source.startswith("ped2.mat")
        assert len(others) == len(videos) == 12
        for ours, theirs in zip(labels, other_labels, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        for ours, theirs in zip(videos, others, strict=True):
            assert ours.frames.shape == theirs.frames.shape
            difference = np.abs(
                ours.frames.astype("int16") - theirs.frames.astype("int16")
            )
            assert difference.mean() <= tolerance
