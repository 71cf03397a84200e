"""SIGKILL at random moments, and SIGTERM."""

import json
import shutil
import signal

from place import EPOCHS, check_run, epochs, weights
from processes import Moment, assert_equal

from keras_cdae.scoring.scores import read_scores_csv


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


def kill_scoring(place, times):
    """SIGKILL at random moments of scoring a folder of videos."""
    whole = place.score(place.folder / "scored")
    killed = rounds = 0
    while killed < times:
        output = place.folder / f"scored-{rounds}"
        rounds += 1
        done = {}
        while killed < times and len(done) < len(whole):
            command = place.start_score(output)
            killed += command.kill_at(Moment(output, place.rng, changes=20))
            for path, modified in done.items():
                assert path.stat().st_mtime_ns == modified, "done twice"
            done = finished(output)
        assert place.score(output) == whole
        assert {p: p.stat().st_mtime_ns for p in done} == done
        left = [p.name for p in output.iterdir() if p.name.startswith(".")]
        assert not left, left
        shutil.rmtree(output)
    return killed, f"{rounds} folders, equal scores, none done twice"


def finished(output):
    """Return when each video's result was written."""
    found = {}
    for path in output.glob("*.segments.json"):
        record = json.loads(path.read_text("utf-8"))
        (video,) = read_scores_csv(output / f"{record['video']}.csv")
        assert len(video) == record["scores"]
        found[path] = path.stat().st_mtime_ns
    return found


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
    command = place.start(*arguments)
    assert command.wait() == 0, command.output
    assert_equal(weights(target.parent), before)
    left = [p.name for p in target.parent.glob(".*")]
    assert not left, left
    return killed, "the earlier export whole or replaced, nothing left over"


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
    whole = place.score(place.folder / "scored")
    output = place.folder / "stopped"
    command = place.start_score(output)
    assert command.wait_until(lambda: list(output.glob("*.segments.json")))
    assert command.send(signal.SIGTERM) in (0, 130), command.output
    assert "Traceback" not in command.output, command.output
    assert place.score(output) == whole
    return 2, f"{kept} of {EPOCHS} epochs kept, equal weights and scores after"
