"""Kill, fill, take away: what happens to a run, its results and its exports.

    python tests/faults/run.py --kills 20

Each row of the table that it prints is one kind of fault: how often it was
injected, and what was lost. Anything lost, half written, or not said in one
clear line fails the row.
"""

import argparse
import contextlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import zipfile
from pathlib import Path

if __name__ == "__main__":
    # Nothing compiles under torch: a process is at work at once.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        sys.modules["tensorflow"] = None  # its import takes longer than a run

# Imported here, so that no child has to.
from processes import Command, Moment, arrays, assert_equal

import keras_cdae.export.exporter
import keras_cdae.runs.evaluator
import keras_cdae.runs.trainer  # noqa: F401
from keras_cdae.data.synthetic import make_synthetic
from keras_cdae.runs.checkpoint import checkpoints
from keras_cdae.scoring.scores import read_scores_csv

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
        self.whole = folder / "whole"
        assert self.train(self.whole).wait() == 0

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


def kill_training(place, times):
    """SIGKILL at random moments of training; resumed until it is done."""
    killed = rounds = 0
    while killed < times:
        run = place.folder / f"killed-{rounds}"
        rounds += 1
        done = 0
        while killed < times and not (
            (run / "model.keras").exists() and not (run / "checkpoint").exists()
        ):
            started = (run / "config.json").exists()
            command = place.resume(run) if started else place.train(run)
            killed += command.kill_at(Moment(run, place.rng))
            check_run(run)
            assert epochs(run) >= done, "a finished epoch was lost"
            done = epochs(run)
        if not (run / "config.json").exists():  # killed before its start
            assert place.train(run).wait() == 0
        place.finish(run)
        shutil.rmtree(run)
    return killed, f"{rounds} runs, equal weights"


def kill_evaluation(place, times):
    """SIGKILL at random moments of an evaluation that writes its results."""
    killed = 0
    command = place.start("eval", place.whole, "--no-plots")
    assert command.wait() == 0, command.output
    expected = (place.whole / "scores.csv").read_bytes()
    run = place.folder / "evaluated"
    shutil.copytree(place.whole, run)
    results = [run / "scores.csv", run / "metrics.json"]
    while killed < times:
        for path in results:
            path.unlink(missing_ok=True)
        command = place.start("eval", run, "--no-plots")
        killed += command.kill_at(Moment(run, place.rng, changes=3))
        if results[0].exists():
            read_scores_csv(results[0])
            assert results[0].read_bytes() == expected
        if results[1].exists():
            json.loads(results[1].read_text("utf-8"))
        check_run(run)
    command = place.start("eval", run, "--no-plots")
    assert command.wait() == 0, command.output
    assert results[0].read_bytes() == expected
    return killed, "equal scores"


def kill_export(place, times):
    """SIGKILL at random moments of an export over an earlier one."""
    killed = 0
    target = place.folder / "exports" / "model.keras"
    arguments = ["export", place.whole, "--format", "keras", "--output", target]
    command = place.start(*arguments)
    assert command.wait() == 0, command.output
    before = weights(target.parent)
    while killed < times:
        command = place.start(*arguments)
        moment = Moment(target.parent, place.rng, changes=3)
        killed += command.kill_at(moment)
        assert_equal(weights(target.parent), before)
        visible = [p.name for p in target.parent.glob("[!.]*")]
        assert set(visible) <= {"model.keras", "model.keras.json"}
    return killed, "the earlier export whole or replaced"


def mount(folder, options):
    """A small file system; None where this user may not make one."""
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
        capture_output=True,
        check=False,
    )
    return folder if done.returncode == 0 else None


def fill_disk(place, times):
    """A disk that fills up while a checkpoint is written."""
    whole = sum(a.nbytes for a in weights(place.whole).values())
    small = mount(place.folder / "small", f"size={int(3.5 * whole)}")
    if small is None:
        return None, "SKIPPED: needs the right to mount"
    try:
        run = small / "run"
        command = place.train(run)
        running = command.wait_until(lambda: epochs(run) >= 1)
        assert running, command.output
        filler = small / "filler"
        with contextlib.suppress(OSError), filler.open("wb", 0) as stream:
            while True:
                stream.write(bytes(4096))
        assert command.wait() == 1, command.output
        assert "the disk is full" in command.error
        assert "--resume" in command.error
        check_run(run)
        kept = epochs(run)
        assert kept >= 1
        filler.unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        place.finish(run)
    finally:
        subprocess.run(["umount", "-l", small], check=False)
    return 1, f"{kept} of {EPOCHS} epochs kept, equal weights after"


def read_only(place, times):
    """An output folder that cannot be written."""
    folder = mount(place.folder / "read-only", "size=1m,ro")
    if folder is None:
        return None, "SKIPPED: needs the right to mount"
    try:
        command = place.train(folder / "run")
        assert command.wait() == 1, command.output
        assert "cannot be written" in command.error
        command = place.start("eval", place.whole, "--output", folder)
        assert command.wait() == 1, command.output
        assert "cannot be written" in command.error
    finally:
        subprocess.run(["umount", "-l", folder], check=False)
    return 2, "one clear line each"


def take_video(place, times):
    """The training videos disappear between two epochs."""
    run = place.folder / "no-video"
    command = place.train(run)
    assert command.wait_until(lambda: epochs(run) >= 1), command.output
    aside = place.folder / "aside"
    (place.data / "train").rename(aside)
    try:
        assert command.wait() == 0, command.output
        assert_equal(weights(run), weights(place.whole))
    finally:
        aside.rename(place.data / "train")
    return 1, "equal weights: the frames are in the cache"


def take_frames(place, times):
    """The decoded frames disappear between two epochs."""
    run = place.folder / "no-frames"
    command = place.train(run)
    assert command.wait_until(lambda: epochs(run) >= 1), command.output
    shutil.rmtree(place.folder / "cache")
    assert command.wait() == 1, command.output
    assert "decoded frames" in command.error
    check_run(run)
    kept = epochs(run)
    place.finish(run)
    return 1, f"{kept} of {EPOCHS} epochs kept, equal weights after"


def terminate(place, times):
    """SIGTERM, as a system that shuts down sends it."""
    run = place.folder / "terminated"
    command = place.train(run)
    assert command.wait_until(lambda: epochs(run) >= 1), command.output
    code = command.send(signal.SIGTERM)
    assert code == 130, (code, command.output)
    assert "Traceback" not in command.output, command.output
    assert "Every finished epoch is kept" in command.output
    kept = epochs(run)
    place.finish(run)
    return 1, f"{kept} of {EPOCHS} epochs kept, equal weights after"


def run_twice(place, times):
    """Two trainings on one folder."""
    run = place.folder / "twice"
    first = place.train(run)
    assert first.wait_until(lambda: (run / "config.json").exists())
    os.kill(first.pid, signal.SIGSTOP)
    try:
        for second in (place.resume(run), place.train(run, "--overwrite")):
            assert second.wait() == 1, second.output
            assert f"in use by process {first.pid}" in second.error
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0, first.output
    assert_equal(weights(run), weights(place.whole))
    return 2, "the second refused, the first unharmed"


FAULTS = {
    "train-kill": kill_training,
    "eval-kill": kill_evaluation,
    "export-kill": kill_export,
    "full-disk": fill_disk,
    "read-only": read_only,
    "no-video": take_video,
    "no-frames": take_frames,
    "sigterm": terminate,
    "two-runs": run_twice,
}


def main():
    """Inject the faults that were asked for, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=2, help="of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=FAULTS, default=FAULTS)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    place = Place(folder, arguments.seed)
    failed = 0
    print("| fault | injected | outcome | s |\n|---|---:|---|---:|")
    for name in arguments.only:
        started = time.monotonic()
        try:
            count, outcome = FAULTS[name](place, arguments.kills)
        except Exception as error:
            failed += 1
            count, outcome = "?", f"LOST: {error!r}"[:600]
            traceback.print_exc()
        seconds = time.monotonic() - started
        shown = "-" if count is None else count
        print(f"| {name} | {shown} | {outcome} | {seconds:.0f} |", flush=True)
    if failed:
        print(f"see {folder}")
        sys.exit(1)
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
