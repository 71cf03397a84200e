"""The folder that faults are injected in, and what is compared."""

import io
import json
import os
import random
import shutil
import subprocess
import zipfile

from processes import Command, arrays, assert_equal

from keras_cdae.data.finding import find_videos
from keras_cdae.data.synthetic import make_synthetic
from keras_cdae.runs.checkpoint import checkpoints

EPOCHS = 6
OPTIONS = [
    *("--dataset", "synthetic", "--preset", "nano", "--image-size", "32"),
    *("--epochs", str(EPOCHS), "--pretrain-epochs", "3"),
    *("--batch-size", "4", "--clip-step", "8", "--seed", "5"),
]


class Place:
    """A folder with data, a finished run to compare with, and logs.

    Args:
        folder: an empty folder.
        seed: of the moments.
    """

    def __init__(self, folder, seed):
        self.folder = folder
        self.rng = random.Random(seed)
        self.count = 0
        os.environ["KERAS_CDAE_CACHE"] = str(folder / "cache")
        self.data = make_synthetic(
            folder / "data", train_videos=2, test_videos=1, frames=60
        )
        self.videos = self._copies(folder / "videos")
        self.whole = folder / "whole"
        assert self.train(self.whole).wait() == 0

    def _copies(self, folder):
        """Return five videos with names of their own."""
        folder.mkdir()
        found = find_videos(self.data / "train")
        videos = [folder / f"{i}{found[0].suffix}" for i in range(5)]
        for index, video in enumerate(videos):
            shutil.copy(found[index % len(found)], video)
        return videos

    def start(self, *arguments):
        """Start a command."""
        self.count += 1
        return Command(arguments, self.folder / f"{self.count}.log")

    def train(self, run, *more):
        """Start a training."""
        return self.start(
            "train", *OPTIONS, "--data-dir", self.data, "--output", run, *more
        )

    def resume(self, run):
        """Go on with a training."""
        return self.start("train", "--resume", "--output", run)

    def score_arguments(self, output, videos=None):
        """Return the arguments that score videos in this very process."""
        options = ("--model", self.whole, "--output", output, "--jobs", "1")
        return ("score", *(videos or self.videos), *options)

    def start_score(self, output, videos=None):
        """Start a scoring."""
        return self.start(*self.score_arguments(output, videos))

    def score(self, output):
        """Score to the end; return every file of scores."""
        command = self.start_score(output)
        assert command.wait() == 0, command.output
        files = sorted(output.glob("*.csv"))
        assert len(files) == len(self.videos)
        return {file.name: file.read_bytes() for file in files}

    def finish(self, run):
        """Resume to the end, and compare with the run nothing stopped."""
        finished = (run / "model.keras").exists()
        if not finished or checkpoints(run / "checkpoint"):
            command = self.resume(run)
            assert command.wait() == 0, command.output
        assert_equal(weights(run), weights(self.whole))
        left = list(run.rglob(".*"))
        assert not left, left


def weights(run):
    """The arrays in a run's model."""
    with zipfile.ZipFile(run / "model.keras") as archive:
        return arrays(io.BytesIO(archive.read("model.weights.h5")))


def epochs(run):
    """How many epochs are finished, in a checkpoint or a model."""
    if (run / "model.keras").exists():
        return EPOCHS
    return max((n for n, _ in checkpoints(run / "checkpoint")), default=0)


def check_run(run):
    """Every file under a final name is whole."""
    if (run / "config.json").exists():
        json.loads((run / "config.json").read_text("utf-8"))
    if (run / "model.keras").exists():
        with zipfile.ZipFile(run / "model.keras") as archive:
            assert archive.testzip() is None
    for _, path in checkpoints(run / "checkpoint"):
        assert len(arrays(path)) > 50


def mount(folder, options):
    """A small file system; None where this user may not make one."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    return folder if done.returncode == 0 else None


def unmount(folder):
    """Take a small file system away."""
    subprocess.run(["umount", "-l", folder], check=False)
