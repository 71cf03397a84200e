"""`keras-cdae score`, `calibrate` and `benchmark alarms`."""

import csv
import json
import shutil

import numpy as np
import pytest

from keras_cdae.data.images import write_image
from keras_cdae.data.video import read_frames, write_video
from keras_cdae.runs.loader import load


@pytest.fixture
def videos(camera, tmp_path):
    """The normal videos of the camera, and one that is none."""
    folder = shutil.copytree(camera / "train", tmp_path / "videos")
    (folder / "broken.mp4").write_text("no video")
    return folder


def test_scores_segments_and_the_broken_one(invoke, trained, videos, tmp_path):
    out = tmp_path / "out"
    arguments = ["score", videos, "--model", trained, "--output", out]
    arguments += ["--jobs", "1", "--threshold", "-99"]
    result = invoke(*arguments)
    assert result.code == 3
    assert "| 01 " in result.out
    lines = result.err.splitlines()
    assert lines[-3].startswith("2 videos, 112 scored frames, 2 segments: see")
    assert lines[-2] == "1 of 3 failed:"
    assert f"{videos / 'broken.mp4'}: cannot be opened as video" in lines[-1]
    assert (out / "01.csv").exists()
    again = invoke(*arguments, "--json")
    assert again.code == 3
    assert again.json["counts"] == {
        "scored": 0,
        "kept": 2,
        "failed": 1,
        "frames": 112,
        "segments": 2,
    }
    assert again.json == json.loads((out / "summary.json").read_text())


def test_all_done_is_0_and_none_done_is_1(invoke, trained, videos, tmp_path):
    rest = ["--model", trained, "--output", tmp_path / "out", "--jobs", "1"]
    assert invoke("score", videos / "01.mp4", *rest).code == 0
    result = invoke("score", videos / "broken.mp4", "nowhere", *rest)
    assert result.code == 1
    assert "nowhere: no such file or folder" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "Missing argument 'PATHS...'"),
        (["a"], "Missing option '--model'"),
        (["a", "--model", "m"], "Missing option '--output'"),
        (["a", "--model", "m", "--jobs", "0"], "x>=1"),
        (["a", "--model", "m", "--threshold", "nan"], "not a finite"),
        (["a", "--model", "m", "--format", "xml"], "'csv', 'jsonl'"),
        (["a", "--model", "m", "--engine", "spark"], "'local', 'ray'"),
    ],
)
def test_wrong_usage(invoke, arguments, words):
    assert words in invoke("score", *arguments).usage


def test_what_the_model_cannot_do_is_wrong_usage(invoke, trained, tmp_path):
    rest = ["--model", trained, "--output", tmp_path / "out"]
    result = invoke("score", "a", *rest, "--alarms-per-hour", "40000")
    assert "must be below the 36000 clips" in result.usage
    result = invoke("score", "a", *rest, "--threshold", "1", "--low", "2")
    assert "low must not be above the threshold" in result.usage


def test_calibrate_writes_a_new_file(invoke, trained, camera, tmp_path):
    target = tmp_path / "new.keras"
    arguments = ["calibrate", trained, "--data-dir", camera / "train"]
    result = invoke(*arguments, "--output", target)
    assert result.code == 0, result.err
    assert "112 clips, 0.00311 hours of normal video" in result.out
    row = next(x for x in result.out.splitlines() if x.startswith("| 1 "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[3:] == ["no", "1", "10"]
    calibration = load(target).calibration
    assert calibration.clips == 112
    assert calibration.fps == 10.0
    assert calibration.source == "2 videos of the camera in train"
    assert load(trained).calibration.clips == 56  # untouched
    refused = invoke(*arguments, "--output", target)
    assert "replace it with --overwrite" in refused.usage
    refused = invoke(*arguments, "--output", tmp_path / "new.h5")
    assert "--output must end in .keras" in refused.usage
    rates = ["--alarms-per-hour", "600", "--alarms-per-hour", "3600"]
    result = invoke(
        *arguments, "--output", target, "--overwrite", "--json", *rates
    )
    supported = [rate["supported"] for rate in result.json["rates"]]
    assert supported == ["barely", "yes"]
    assert result.json["hours"] == pytest.approx(112 / 36000)


def test_calibrate_replaces_a_run_s_model_when_asked(
    invoke, trained, videos, tmp_path
):
    run = shutil.copytree(trained, tmp_path / "run")
    arguments = ["calibrate", run, "--data-dir", videos]
    assert "--overwrite" in invoke(*arguments).usage
    result = invoke(*arguments, "--overwrite")
    assert result.code == 3  # one was left out
    assert "broken.mp4" in result.err
    assert load(run).calibration.clips == 112
    shipped = invoke(
        "calibrate", "ped2-edge", "--data-dir", videos, "--overwrite"
    )
    assert "is shipped and stays as it is" in shipped.usage


def test_calibrate_refuses_too_little(invoke, trained, videos, tmp_path):
    rest = ["--output", tmp_path / "new.keras"]
    result = invoke(
        "calibrate", trained, "--data-dir", videos / "01.mp4", *rest
    )
    assert result.code == 1
    assert "56 clips of normal video are too few" in result.err
    result = invoke("calibrate", trained, "--data-dir", "nowhere", *rest)
    assert result.code == 1
    assert "nowhere: no such file or folder" in result.error
    assert not (tmp_path / "new.keras").exists()


def test_calibrate_refuses_two_rates_before_it_scores(
    invoke, trained, videos, tmp_path, monkeypatch
):
    frames = list(read_frames(videos / "01.mp4"))
    write_video(tmp_path / "two/fast.mp4", np.stack(frames), fps=60)
    shutil.copy(videos / "01.mp4", tmp_path / "two/slow.mp4")
    monkeypatch.setattr("keras_cdae.jobs.calibrate.score_video", None)
    result = invoke(
        "calibrate", trained, "--data-dir", tmp_path / "two",
        "--output", tmp_path / "new.keras",
    )  # fmt: skip
    assert result.code == 1
    assert "10 (slow.mp4), 60 (fast.mp4)" in result.error
    assert "--fps" in result.error


def test_calibrate_takes_another_score(invoke, trained, camera, tmp_path):
    target = tmp_path / "other.keras"
    held_out = ["--dataset", "synthetic", "--output", target]
    terms = {"unexplained_motion": 24, "appearance_distance": 8}
    changes = ["--set", f"score_terms={json.dumps(terms)}"]
    result = invoke("calibrate", trained, *held_out, *changes, "--json")
    assert result.code == 0, result.err
    first, other = load(trained), load(target)
    assert result.json["clips"] == first.calibration.clips == 56
    assert result.json["source"] == first.calibration.source
    assert other.score_terms == terms
    assert other.calibration.threshold(3600) != first.calibration.threshold(
        3600
    )
    for ours, theirs in zip(other.weights, first.weights, strict=True):
        np.testing.assert_array_equal(np.array(ours), np.array(theirs))
    # Without --set it is the calibration of the training.
    cache = tmp_path / "cache"
    again = invoke(
        "calibrate", trained, *held_out, "--overwrite", "--cache-dir", cache
    )
    assert again.code == 0, again.err
    assert list(cache.iterdir())
    assert load(target).calibration == first.calibration


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--set", "width=8"], "the rest needs training. Received: width"),
        (["--set", "fusion=sum"], "fusion must be one of product, pixelwise"),
        (
            ["--set", "score_terms=3"],
            "unexplained_motion. Received: score_terms=3",
        ),
        (["--data-dir", "a", "--data-dir", "b"], "give one --data-dir"),
    ],
)
def test_calibrate_refuses_what_it_cannot_do(
    invoke, trained, tmp_path, arguments, message
):
    target = tmp_path / "new.keras"
    common = ["calibrate", trained, "--output", target]
    result = invoke(*common, "--dataset", "synthetic", *arguments)
    assert message in result.usage
    assert not target.exists()
    assert "--data-dir, or name a data set" in invoke(*common).usage


def test_alarms_of_what_was_held_out(invoke, trained, camera, tmp_path):
    table = tmp_path / "alarms.csv"
    result = invoke("benchmark", "alarms", trained, "--output", table, "--json")
    assert result.code == 0, result.err
    assert len(result.json["videos"]) == 1  # of two; its halves are split
    with table.open() as stream:
        rows = list(csv.DictReader(stream))
    assert [row["promised"] for row in rows] == (
        ["1.0", "10.0", "60.0", "600.0", "3600.0"]
    )
    assert {row["splits"] for row in rows} == {"2"}
    assert rows[0]["supported"] == "0"
    assert rows[4]["supported"] == "2"


def test_alarms_of_all_video(invoke, trained):
    result = invoke("benchmark", "alarms", trained, "--hold-out", "1")
    assert "each of 2 videos by thresholds of the others" in result.out
    assert "Nothing was held out" not in result.err
    result = invoke("benchmark", "alarms", trained, "--hold-out", "0")
    assert "Warning: Nothing was held out" in result.err
    assert "it takes 10 / rate hours" in result.out


def test_ctrl_c_says_how_to_go_on(
    invoke, trained, videos, tmp_path, monkeypatch
):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("keras_cdae.jobs.run.score_many", interrupted)
    words = ["score", videos, "--model", trained, "--output", tmp_path / "out"]
    result = invoke(*words, "--jobs", 1)
    assert result.code == 130
    assert "the same command goes on" in result.err


def test_frames_have_no_rate(invoke, trained, camera, tmp_path):
    folder = tmp_path / "data/train"
    for video in ("01", "02"):
        frames = read_frames(camera / f"train/{video}.mp4")
        for number, frame in enumerate(frames):
            write_image(folder / f"{video}/{number:03}.png", frame)
    target = tmp_path / "new.keras"
    result = invoke(
        "calibrate", trained, "--data-dir", folder, "--output", target
    )
    assert result.code == 0, result.err
    row = next(x for x in result.out.splitlines() if x.startswith("| 1 "))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:4] == ["-", "-", "no"]
    assert "112 clips of normal video without a frame rate: give" in result.out
    alarms = ["benchmark", "alarms", trained, "--dataset", "folder"]
    result = invoke(*alarms, "--data-dir", tmp_path / "data")
    assert result.code == 2
    assert "The frame rate is not known: give --fps." in result.err


def test_alarms_of_a_folder_without_normal_video(
    invoke, trained, camera, tmp_path
):
    shutil.copytree(camera / "test", tmp_path / "test")
    alarms = ["benchmark", "alarms", trained, "--dataset", "folder"]
    result = invoke(*alarms, "--data-dir", tmp_path)
    assert result.code == 1
    assert "has no normal video. Put some into its folder" in result.error


def test_alarms_refuses_more_alarms_than_clips(invoke, trained):
    rate = ["--alarms-per-hour", "40000"]
    result = invoke("benchmark", "alarms", trained, *rate)
    assert result.code == 2
    assert "below the 36000 clips in an hour at 10 frames" in result.err
