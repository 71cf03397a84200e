"""Data that goes away, and two processes on one folder."""

import os
import shutil
import signal

from place import EPOCHS, check_run, epochs, weights
from processes import assert_equal


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
        evaluation = place.start("eval", place.whole, "--output", run)
        assert evaluation.wait() == 1, evaluation.output
        assert f"in use by process {first.pid}" in evaluation.error
    finally:
        os.kill(first.pid, signal.SIGCONT)
    assert first.wait() == 0, first.output
    assert_equal(weights(run), weights(place.whole))
    return 3, "the others refused, the first unharmed"


def score_twice(place, times):
    """Two scorings into one folder at once."""
    whole = place.score(place.folder / "scored")
    output = place.folder / "scored-twice"
    both = [place.start_score(output), place.start_score(output)]
    for command in both:
        assert command.wait() == 0, command.output
    assert place.score(output) == whole
    left = [p.name for p in output.iterdir() if p.name.startswith(".")]
    assert not left, left
    return 2, "equal scores"
