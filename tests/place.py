"""The folder that the commands of the pages are run in, and how small."""

import csv
import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import scipy.io

from keras_cdae.data.images import write_image
from keras_cdae.data.synthetic import make_synthetic
from keras_cdae.data.video import read_frames, write_video
from keras_cdae_cli import main

# What a page names, and this machine has not.
STANDS_FOR = {
    "rtsp://camera/stream": "tuesday.mp4",
    "https://example.org/alarm": "http://127.0.0.1:9/alarm",
}
SIZE = ["--preset", "nano", "--image-size", "32", "--clip-step", "8"]
TIMED = ["--frames", "8", "--repeats", "1"]
# Options that make a command small; the last of two counts. No other is
# touched, so what a page says is what is run.
SMALLER = {
    "calibrate": ["--overwrite"],
    "train": [*SIZE, "--epochs", "2", "--overwrite"],
    "watch": ["--duration", "3", "--no-view"],
    "benchmark runtime": [*TIMED],
    "benchmark tradeoff": [*TIMED, "--threads", "1"],
}


def make_place(folder: Path) -> None:
    """Lay out what the pages take as given: videos, data sets, models."""
    camera = make_synthetic(
        folder / "gate", train_videos=3, test_videos=2, frames=60
    )
    shutil.copytree(camera / "train", folder / "normal")
    shutil.copytree(camera / "train", folder / "more_normal_video")
    shutil.copytree(camera / "test", folder / "videos")
    shutil.copytree(camera / "test", folder / "recordings")
    for name in ("tuesday.mp4", "gate.mp4"):
        shutil.copy(camera / "test/01.mp4", folder / name)
    height, width = next(read_frames(folder / "gate.mp4")).shape[:2]
    roi = np.full((height, width), 255, "uint8")
    roi[: height // 8] = 0
    write_image(folder / "gate.png", roi)
    make_ped2(folder / "DIR", camera)
    make_avenue(folder / "avenue", camera)
    train(folder, "folder", "gate", "runs/gate")
    train(folder, "ped2", "DIR", "runs/ped2")
    train(folder, "avenue", "avenue", "runs/avenue")
    for name in ("plain-0", "pseudo-0", "a-0", "b-0"):
        shutil.copytree(folder / "runs/ped2", folder / "runs" / name)
    for seed in range(3):
        run = folder / f"runs/ped2-{seed}"
        shutil.copytree(folder / "runs/ped2", run)
        config = run / "config.json"
        values = json.loads(config.read_text(encoding="utf-8"))
        values["settings"]["seed"] = seed
        config.write_text(json.dumps(values), encoding="utf-8")
    for name in ("mine", "first", "gate-small"):
        shutil.copytree(folder / "runs/gate", folder / "runs" / name)
    for name in ("gate.keras", "camera2.keras"):
        shutil.copy(folder / "runs/gate/model.keras", folder / name)


def train(folder: Path, dataset: str, data: str, run: str) -> None:
    """Train the smallest model, and measure it."""
    options = ["--dataset", dataset, "--data-dir", str(folder / data)]
    output = str(folder / run)
    words = ["train", *options, *SMALLER["train"], "--output", output]
    assert main.run(words) == 0
    assert main.run(["eval", output]) == 0


def make_ped2(root: Path, camera: Path) -> None:
    """Lay out a camera's videos as UCSD Ped2 is distributed."""
    home = root / "UCSDped2"
    for part, name in (("train", "Train"), ("test", "Test")):
        for number, (frames, labels) in enumerate(videos(camera, part), 1):
            folder = home / name / f"{name}{number:03}"
            for index, frame in enumerate(frames, 1):
                write_image(folder / f"{index:03}.tif", frame[..., :1])
            if part == "test":
                masks = folder.with_name(f"{folder.name}_gt")
                masks.mkdir()
                for index, mask in enumerate(masks_of(frames, labels), 1):
                    assert cv2.imwrite(f"{masks}/{index:03}.bmp", 255 * mask)
    lines = ["TestVideoFile = {};"]
    for _, labels in videos(camera, "test"):
        where = np.flatnonzero(labels) + 1
        span = f"{where[0]}:{where[-1]}" if len(where) else ""
        lines.append(f"TestVideoFile{{end+1}}.gt_frame = [{span}];")
    (home / "Test/UCSDped2.m").write_text("\n".join(lines) + "\n")


def make_avenue(root: Path, camera: Path) -> None:
    """Lay out a camera's videos as Avenue is distributed."""
    spans = []
    for part in ("train", "test"):
        for number, (frames, labels) in enumerate(videos(camera, part), 1):
            name = f"{part}ing_videos/{number:02}.avi"
            write_video(root / "Avenue Dataset" / name, frames, fps=25)
            if part == "test":
                where = np.flatnonzero(labels) + 1
                spans.append([(where[0], where[-1])] if len(where) else [])
                path = root / "ground_truth_demo/testing_label_mask"
                path.mkdir(parents=True, exist_ok=True)
                cells = np.empty((1, len(labels)), object)
                for index, mask in enumerate(masks_of(frames, labels)):
                    cells[0, index] = mask
                file = path / f"{number}_label.mat"
                scipy.io.savemat(file, {"volLabel": cells})
    ranges = np.empty((1, len(spans)), object)
    for index, span in enumerate(spans):
        ranges[0, index] = np.array(span).T
    scipy.io.savemat(root / "Avenue Dataset/avenue.mat", {"gt": ranges})


def videos(camera: Path, part: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return frames and labels of each video of a synthetic camera."""
    found = []
    for path in sorted((camera / part).glob("*.mp4")):
        frames = np.stack(list(read_frames(path)))
        labels = np.zeros(len(frames), np.uint8)
        with (camera / "labels.csv").open(encoding="utf-8") as file:
            for row in csv.DictReader(file):
                if part == "test" and row["video"] == path.stem:
                    labels[int(row["start"]) : int(row["end"]) + 1] = 1
        found.append((frames, labels))
    return found


def masks_of(frames: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Return masks: the middle of each abnormal frame."""
    masks = np.zeros(frames.shape[:3], np.uint8)
    _, height, width = masks.shape
    masks[:, height // 4 : height // 2, width // 4 : width // 2] = 1
    return masks * labels[:, np.newaxis, np.newaxis]
