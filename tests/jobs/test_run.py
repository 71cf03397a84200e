"""Scoring many videos: failures, names, what is done again and what not."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from job_videos import BAD, GOOD

from keras_cdae.data.video import read_frames, video_info
from keras_cdae.errors import CDAEError, ModelFileError
from keras_cdae.jobs import ScoreSettings, local, score_many
from keras_cdae.jobs import ray as ray_engine
from keras_cdae.runs.loader import load
from keras_cdae.scoring import (
    read_scores_csv,
    read_scores_jsonl,
    score_video,
)


def files(folder, pattern="*"):
    return {
        path.relative_to(folder).as_posix(): path
        for path in folder.rglob(pattern)
        if path.is_file()
    }


def contents(folder):
    """The scores in a folder, video by video."""
    found = files(folder, "*.csv")
    return {name: read_scores_csv(path) for name, path in found.items()}


def assert_equal(found, expected):
    """The same frames; numbers may differ by rounding.

    Some processors add in another order when there are more threads.
    """
    assert sorted(found) == sorted(expected)
    for name, (theirs,) in expected.items():
        (ours,) = found[name]
        assert ours.name == theirs.name
        np.testing.assert_array_equal(ours.frame, theirs.frame)
        for column in ("score", "z", "p", "regularity"):
            np.testing.assert_allclose(
                getattr(ours, column),
                getattr(theirs, column),
                rtol=1e-5,
                atol=1e-5,
                err_msg=f"{name}: {column}",
            )


def stamps(folder, pattern="*.csv"):
    return {
        name: path.stat().st_mtime_ns
        for name, path in files(folder, pattern).items()
    }


def test_bad_videos_are_named_and_do_not_stop_the_rest(
    score, videos, model_file, tmp_path
):
    summary = score(videos)
    assert {video["video"] for video in summary.videos} == GOOD
    assert {failure.path.name for failure in summary.failures} == BAD
    for failure in summary.failures:
        assert str(failure.path) in failure.reason
        assert "\n" not in failure.reason
    assert summary.kept == 0
    assert summary.frames == 30 + 40 + 50 + 20 - 4 * 4
    stored = json.loads((tmp_path / "out/summary.json").read_text())
    assert stored == summary.to_dict()
    assert stored["counts"]["failed"] == 5
    wanted = {f"{name}.csv" for name in GOOD}
    wanted |= {f"{name}.segments.json" for name in GOOD} | {"summary.json"}
    assert set(files(tmp_path / "out")) == wanted
    assert not list((tmp_path / "out").glob(".*"))


def test_scores_are_those_of_score_video(score, videos, model_file, tmp_path):
    score(videos / "long.avi")
    (kept,) = read_scores_csv(tmp_path / "out/long.csv")
    plain = score_video(load(model_file), videos / "long.avi")
    assert kept.name == "long"
    np.testing.assert_array_equal(kept.frame, plain.frame)
    np.testing.assert_array_equal(kept.score, plain.score)
    np.testing.assert_array_equal(kept.z, plain.z)
    np.testing.assert_array_equal(kept.p, plain.p)


def test_a_second_run_touches_nothing(score, videos, tmp_path):
    score(videos)
    before = stamps(tmp_path / "out", "*.[cj]s*")
    summary = score(videos)
    after = stamps(tmp_path / "out", "*.[cj]s*")
    del before["summary.json"], after["summary.json"]
    assert after == before
    assert summary.kept == len(summary.videos) == 4
    assert len(summary.failures) == 5


def test_what_changed_is_done_again(score, videos, model_files, tmp_path):
    paths = [videos / "mon", videos / "still"]
    score(*paths)
    os.utime(videos / "mon/cam.mp4", ns=(1, 1))
    assert score(*paths).kept == 1
    assert score(*paths).kept == 2
    assert score(*paths, overwrite=True).kept == 0
    assert score(*paths, model=model_files / "plain.keras").kept == 0
    (tmp_path / "out/cam.csv").write_text("cut")
    assert score(*paths, model=model_files / "plain.keras").kept == 1


def test_a_new_threshold_needs_no_decoding(
    score, videos, tmp_path, monkeypatch
):
    video = videos / "long.avi"
    (first,) = score(video, threshold=1e6).videos
    assert first["segments"] == []
    scores = (tmp_path / "out/long.csv").read_bytes()
    monkeypatch.setattr("keras_cdae.jobs.video.score_video", None)
    (second,) = score(video, threshold=-1e6, merge_seconds=0.5).videos
    assert (tmp_path / "out/long.csv").read_bytes() == scores
    (segment,) = second["segments"]
    assert (segment["start"], segment["end"]) == (4, 50)
    assert segment["seconds"] == pytest.approx(4.6)
    assert segment["start_seconds"] == pytest.approx(0.4)
    assert segment["peak"] == second["highest"]["frame"]


def test_short_segments_are_dropped(score, videos):
    video = videos / "long.avi"
    (kept,) = score(video, threshold=-1e6, min_seconds=4.6).videos
    (dropped,) = score(video, threshold=-1e6, min_seconds=4.7).videos
    assert (len(kept["segments"]), len(dropped["segments"])) == (1, 0)


def test_json_lines_hold_the_same(score, videos, tmp_path):
    video = videos / "long.avi"
    score(video)
    (csv,) = read_scores_csv(tmp_path / "out/long.csv")
    score(video, format="jsonl")
    assert not (tmp_path / "out/long.csv").exists()
    kept = read_scores_jsonl(tmp_path / "out/long.jsonl")
    np.testing.assert_array_equal(kept.score, csv.score)
    np.testing.assert_array_equal(kept.p, csv.p)
    row = json.loads((tmp_path / "out/long.jsonl").read_text().splitlines()[0])
    assert list(row) == (
        ["video", "frame", "score", "z", "p", "regularity", "label"]
    )
    assert row["label"] is None


def test_an_uncalibrated_model_gives_scores_alone(
    score, videos, model_files, tmp_path
):
    summary = score(videos / "still", model=model_files / "plain.keras")
    assert not summary.calibrated
    (video,) = summary.videos
    assert video["segments"] is None
    assert video["highest"]["z"] is None
    assert video["fps"] is None
    (scores,) = read_scores_csv(tmp_path / "out/still.csv")
    assert scores.z is None
    with pytest.raises(ValueError, match="keras-cdae calibrate"):
        score(videos, model=model_files / "plain.keras", annotate=True)


def test_frames_without_a_rate_take_the_calibration_s(score, videos):
    assert score(videos / "still").videos[0]["fps"] == 10.0
    assert score(videos / "still", fps=4.0).videos[0]["fps"] == 4.0


def test_another_pace_is_told(score, videos):
    video = videos / "long.avi"
    summary = score(video, fps=60.0)
    told = [w for w in summary.warnings if "motion looks slower" in w]
    assert len(told) == 1
    assert told[0].startswith("long.avi: 60 frames a second are scored")
    assert told[0] in summary.videos[0]["warnings"]
    assert not any("motion looks" in w for w in score(video).warnings)


def test_what_is_kept_is_told_again(score, videos):
    paths = [videos / "mon", videos / "tue"]
    first = score(*paths, fps=60.0)
    again = score(*paths, fps=60.0)
    assert again.kept == 2
    assert sorted(again.warnings) == sorted(first.warnings)
    assert any("normal clips cannot show" in w for w in again.warnings)
    # Thresholds that can be shown.
    assert score(*paths, fps=10.0, threshold=3.0).warnings == []


def test_an_annotated_video_has_every_frame(score, videos, tmp_path):
    plain = score(videos / "long.avi", threshold=-1e6).videos[0]
    (video,) = score(videos / "long.avi", threshold=-1e6, annotate=True).videos
    assert video["highest"] == plain["highest"]
    path = tmp_path / "out/long.annotated.mp4"
    frames = np.stack(list(read_frames(path)))
    assert frames.shape == (50, 48 + 40, 64, 3)  # the strip is below
    assert video_info(path).fps == 10.0
    border = frames[:, 24, 0].astype(int)
    red = border[:, 0] - border[:, 2] > 80
    assert not red[:4].any()  # frames that have no score
    assert red[5:].all()
    score(videos / "long.avi", threshold=-1e6)
    assert not path.exists()  # it told of other settings


def test_results_are_never_taken_for_videos(score, videos, tmp_path):
    (tmp_path / "out").mkdir()
    score(videos / "mon", annotate=True)
    summary = score(tmp_path / "out", videos / "mon", annotate=True)
    assert summary.kept == 1
    assert [failure.path for failure in summary.failures] == [tmp_path / "out"]


def test_what_killed_runs_left_is_cleared(score, videos, tmp_path):
    import socket

    done = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"],
        capture_output=True,
        text=True,
        check=True,
    )
    host = socket.gethostname()
    left = tmp_path / f"out/.work-{host}-{done.stdout.strip()}-abc"
    alive = tmp_path / f"out/.work-{host}-1-abc"
    for folder in (left, alive):
        (folder / "tmp").mkdir(parents=True)
    score(videos / "mon")
    assert not left.exists()
    assert alive.exists()
    left.mkdir()
    assert score(videos / "mon").kept == 1  # nothing to do: cleared as well
    assert not left.exists()


def test_a_model_that_is_none(score, videos, tmp_path):
    (tmp_path / "x.keras").write_text("nothing")
    with pytest.raises(ModelFileError, match=r"x\.keras: is no Keras model"):
        score(videos, model=tmp_path / "x.keras")


def test_bad_arguments(videos, model_file, tmp_path):
    for wrong, words in [
        ({"engine": "spark"}, "engine must be 'local' or 'ray'"),
        ({"jobs": 0}, "jobs must be at least 1"),
    ]:
        with pytest.raises(ValueError, match=words):
            score_many([videos], model_file, tmp_path / "out", **wrong)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"format": "xml"}, "format must be one of"),
        ({"threshold": float("nan")}, "threshold must be finite"),
        ({"min_seconds": -1}, "min_seconds must not be negative"),
        ({"alarms_per_hour": 0}, "alarms_per_hour must be positive"),
        ({"fps": 0}, "fps must be positive"),
    ],
)
def test_bad_settings(wrong, words):
    with pytest.raises(ValueError, match=words):
        ScoreSettings(**wrong)


@pytest.fixture(scope="session")
def reference(made_videos, model_file, tmp_path_factory):
    """What this process writes."""
    folder = tmp_path_factory.mktemp("reference")
    score_many([made_videos], model_file, folder, jobs=1)
    return contents(folder)


@pytest.mark.slow
def test_processes_give_the_same_scores(
    score, made_videos, reference, tmp_path
):
    summary = score(made_videos, jobs=2)
    assert_equal(contents(tmp_path / "out"), reference)
    assert len(summary.failures) == 5


@pytest.mark.slow
def test_ray_gives_the_same_scores(
    made_videos, model_file, reference, tmp_path
):
    ray = pytest.importorskip("ray")
    ray.init("local", num_cpus=2, include_dashboard=False)
    try:
        summary = score_many(
            [made_videos], model_file, tmp_path / "out", engine="ray"
        )
    finally:
        ray.shutdown()
    assert_equal(contents(tmp_path / "out"), reference)
    assert len(summary.failures) == 5


@pytest.mark.slow
def test_a_cluster_that_runs_is_found(
    made_videos, model_file, reference, tmp_path, monkeypatch
):
    pytest.importorskip("ray")
    programs = Path(sys.executable).parent
    # A token of our own; and workers as urgent as whoever waits for them.
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN", "0" * 64)
    monkeypatch.setenv("RAY_worker_niceness", "0")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--head", f"--port={port}", "--node-ip-address=127.0.0.1"]
    options += ["--num-cpus=2", "--include-dashboard=false"]
    options += ["--disable-usage-stats", "--block"]
    # Blocking: `ray stop` would stop other clusters of this machine, too.
    cluster = subprocess.Popen(
        [programs / "ray", "start", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    engine = ["--engine", "ray", "--ray-address", f"127.0.0.1:{port}"]
    folder = ["--model", model_file, "--output", tmp_path / "out"]
    try:
        _wait_for(port, cluster)
        # Its own process: Ray reads its settings when it is imported.
        result = subprocess.run(
            [programs / "keras-cdae", "score", made_videos, *folder, *engine],
            capture_output=True,
            text=True,
            timeout=300,
        )
    finally:
        cluster.terminate()
        cluster.wait(60)
    assert result.returncode == 3, result.stderr
    assert_equal(contents(tmp_path / "out"), reference)
    for name in BAD:
        assert name in result.stderr


def _wait_for(port, cluster):
    end = time.monotonic() + 120
    while time.monotonic() < end and cluster.poll() is None:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        time.sleep(0.2)
    raise AssertionError("Ray did not start")


@pytest.mark.parametrize("mode", ["", "token"])
def test_a_cluster_that_wants_a_token(mode, monkeypatch):
    monkeypatch.setenv("RAY_AUTH_MODE", mode)
    error = ConnectionError("Failed to connect to Ray cluster")
    words = ray_engine._no_cluster("10.0.0.1:6379", error)
    assert ("set RAY_AUTH_MODE=token" in words) is (mode != "token")
    assert "Failed to connect" in words


@pytest.mark.slow
def test_a_worker_that_dies_costs_one_video(
    made_videos, model_file, reference, tmp_path, monkeypatch
):
    give, killed = local._Worker.give, []

    def give_and_kill(worker, task):
        if killed:
            give(worker, task)
            return
        # Stopped first: a broken video is done before a kill arrives.
        os.kill(worker.process.pid, signal.SIGSTOP)
        os.waitpid(worker.process.pid, os.WUNTRACED)
        give(worker, task)
        killed.append(task.path)
        worker.process.kill()

    monkeypatch.setattr(local._Worker, "give", give_and_kill)
    summary = score_many([made_videos], model_file, tmp_path, jobs=2)
    (lost,) = [f for f in summary.failures if "signal 9" in f.reason]
    assert lost.path in killed
    assert "process that scored it died" in lost.reason
    # The others did the rest, and a second call does what was lost.
    score_many([made_videos], model_file, tmp_path, jobs=1)
    assert_equal(contents(tmp_path), reference)


def test_no_cluster_is_said_at_once(made_videos, model_file, tmp_path):
    pytest.importorskip("ray")
    with pytest.raises(CDAEError, match=r"no cluster at 127\.0\.0\.1:1"):
        ray_engine.run_ray(
            None, [], workers=None, address="127.0.0.1:1", tell=print
        )


SCRIPT = """
import sys
from keras_cdae.jobs import score_many
if __name__ == "__main__":
    score_many([sys.argv[1]], sys.argv[2], sys.argv[3], jobs=1)
"""


@pytest.mark.slow
def test_after_a_kill_nothing_is_computed_twice(
    score, videos, model_file, tmp_path
):
    from job_videos import moving_square

    from keras_cdae.data.video import write_video

    for seed in range(12):
        path = videos / f"more/{seed:02}.mp4"
        write_video(path, moving_square(120, seed), fps=10)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    out = tmp_path / "out"
    process = subprocess.Popen(
        [sys.executable, script, videos, model_file, out],
        stderr=subprocess.DEVNULL,
    )
    end = time.monotonic() + 120
    while len(files(out, "*.segments.json")) < 3:
        assert time.monotonic() < end
        assert process.poll() is None
        time.sleep(0.01)
    process.kill()
    process.wait()
    done = set(files(out, "*.segments.json"))
    before = stamps(out)
    summary = score(videos)
    after = stamps(out)
    kept = {name.replace(".segments.json", ".csv") for name in done}
    assert {n: after[n] for n in kept} == {n: before[n] for n in kept}
    assert summary.kept == len(done) >= 3
    assert len(summary.videos) == 16
    assert not list(out.glob(".*"))
