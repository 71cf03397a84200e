"""A made run: scores with two events, videos of a square that jumps."""

import json

import numpy as np
import pytest

from keras_cdae.data.video import write_video
from keras_cdae.scoring import Calibration, VideoScores, write_scores_csv

FRAMES = 60
NORMAL = np.random.default_rng(9).normal(size=500)


@pytest.fixture(scope="session")
def calibration():
    """Scores of normal video: standard normal."""
    return Calibration.fit({"score": NORMAL}, source="made video", fps=10.0)


@pytest.fixture(scope="session")
def scored(calibration):
    """Return a function that makes the scores of one video."""

    def make(name="01", event=(30, 40), peak=35, labels=True, seed=0):
        score = np.random.default_rng(seed).normal(scale=0.5, size=FRAMES)
        score[event[0] : event[1]] += 4.0
        score[peak] += 3.0
        truth = np.zeros(FRAMES, np.int64)
        truth[event[0] : event[1]] = 1
        return VideoScores(
            name,
            np.arange(4, FRAMES),
            score[4:],
            z=calibration.z(score[4:]),
            p=calibration.p(score[4:]),
            labels=truth[4:] if labels else None,
        )

    return make


@pytest.fixture(scope="session")
def videos(scored):
    """Two videos, the second one higher."""
    return (scored("01", seed=1), scored("02", (20, 30), 26, seed=2))


@pytest.fixture(scope="session")
def footage_folder(tmp_path_factory):
    """01.avi and 02.avi, 48 x 64, ten frames a second."""
    folder = tmp_path_factory.mktemp("videos")
    for name in ("01", "02"):
        frames = []
        for i in range(FRAMES):
            frame = np.full((48, 64, 3), 90, np.uint8)
            frame[16:32, i % 48 : i % 48 + 16] = (250, 120, 40)
            frames.append(frame)
        write_video(folder / f"{name}.avi", frames, fps=10)
    return folder


@pytest.fixture(scope="session")
def make_run(videos):
    """Return a function that makes a run folder without a model."""
    return lambda place: write_run(place, videos)


@pytest.fixture
def run_folder(tmp_path, make_run):
    """A run folder without a model."""
    return make_run(tmp_path)


def write_run(place, videos):
    folder = place / "run"
    folder.mkdir()
    write_scores_csv(folder / "scores.csv", videos)
    rates = {
        "auc_micro_per_video": 0.9,
        "auc_micro_raw": 0.75,
        "eer": 0.3,
        "auc_pixel_of_tomorrow": 0.5,
    }
    metrics = {
        **rates,
        "auc_macro_skip": None,
        "frames": 112,
        "videos": 2,
        "abnormal_frames": 20,
        "label_source": "labels.csv (intervals)",
        "smoothing": None,
        "dataset": "folder",
        "title": "Made",
        "warnings": [],
        "trivial": {
            "frame_difference": {**rates, "auc_micro_raw": 0.8, "eer": 0.4},
            "frame_index": {**rates, "auc_micro_raw": 0.5, "eer": 0.5},
        },
        "environment": {
            "backend": "torch",
            "python": "3.11",
            "versions": {"keras": "3.15.1"},
        },
    }
    (folder / "metrics.json").write_text(json.dumps(metrics))
    (folder / "config.json").write_text(
        json.dumps(
            {
                "settings": {
                    "dataset": "folder",
                    "data_dir": str(place / "gone"),
                    "seed": 7,
                },
                "environment": {"backend": "jax", "versions": {}},
            }
        )
    )
    (folder / "history.csv").write_text(
        "epoch,loss,val_loss,motion_explained,stage\n"
        "0,0.3,0.4,0.1,pretrain\n1,0.2,0.3,0.5,alternate\n"
    )
    return folder
