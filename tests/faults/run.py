"""Kill, fill, take away: what happens to a run, its results and its exports.

    python tests/faults/run.py --kills 20

Each row of the table that it prints is one kind of fault: how often it was
injected, and what was lost. Anything lost, half written, or not said in one
clear line fails the row.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
import traceback
from pathlib import Path

if __name__ == "__main__":
    # Nothing compiles under torch: a process is at work at once.
    os.environ.setdefault("KERAS_BACKEND", "torch")
    if os.environ["KERAS_BACKEND"] != "tensorflow":
        sys.modules["tensorflow"] = None  # its import takes longer than a run

# All imported here, so that no child has to.
import disks
import kills
import others
from place import Place

import keras_cdae.export.exporter
import keras_cdae.jobs.video
import keras_cdae.runs.evaluator
import keras_cdae.runs.trainer  # noqa: F401

FAULTS = {
    "train-kill": kills.kill_training,
    "eval-kill": kills.kill_evaluation,
    "score-kill": kills.kill_scoring,
    "export-kill": kills.kill_export,
    "sigterm": kills.terminate,
    "full-disk": disks.fill_training,
    "full-disk-results": disks.fill_results,
    "read-only": disks.read_only,
    "no-video": others.take_video,
    "no-frames": others.take_frames,
    "two-runs": others.run_twice,
    "two-scorings": others.score_twice,
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
