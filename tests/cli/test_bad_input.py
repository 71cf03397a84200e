"""Bad data: one line that names the file and the next step, exit code 1."""

import os
import shutil

import numpy as np
import pytest

from keras_cdae.data.images import write_image
from keras_cdae.data.video import write_video


def frames(count, size=(48, 64), dtype=np.uint8):
    rng = np.random.default_rng(0)
    return rng.integers(0, 255, (count, *size, 3)).astype(dtype)


@pytest.fixture
def data(tmp_path):
    """A folder with two good training videos and one good test video."""
    folder = tmp_path / "data"
    for name in ("train/a.avi", "train/b.avi", "test/c.avi"):
        write_video(folder / name, frames(12), fps=10)
    return folder


@pytest.fixture
def train(invoke, tmp_path):
    """Return a function that trains on a folder."""
    small = ["--preset", "nano", "--image-size", "32", "--epochs", "1"]

    def run(data, *more):
        where = ["--dataset", "folder", "--data-dir", data]
        return invoke(
            "train", *where, *small, "--output", tmp_path / "run", *more
        )

    return run


@pytest.fixture
def evaluate(invoke, trained, tmp_path):
    """Return a function that evaluates a good model on a folder."""

    def run(data, *more):
        where = ["--dataset", "folder", "--data-dir", data]
        where += ["--output", tmp_path / "results", "--no-plots"]
        return invoke("eval", trained, *where, *more)

    return run


@pytest.mark.parametrize("name", ["ped2", "avenue", "shanghaitech", "folder"])
def test_no_folder_says_what_to_get_and_how_it_should_lie(invoke, name):
    result = invoke("train", "--dataset", name)
    assert result.code == 1
    assert result.err.startswith("Error: No folder was given.\nFor ")
    assert "--data-dir DIR. It should lie so:\n  " in result.err
    assert ("http" in result.err) == (name != "folder")


def test_a_missing_folder(train, tmp_path):
    result = train(tmp_path / "none")
    assert result.code == 1
    assert f"{tmp_path / 'none'}: no such folder" in result.err
    assert "It should lie so:\n" in result.err
    assert not (tmp_path / "run").exists()


def test_a_folder_without_video(train, tmp_path):
    result = train(tmp_path)
    assert result.code == 1
    assert f"{tmp_path}: no training and test folders" in result.err


def test_a_folder_without_training_video(train, data):
    shutil.rmtree(data / "train")
    result = train(data)
    assert result.code == 1
    assert f"{data}: has no training video" in result.error
    assert "`train`" in result.error


def test_a_folder_without_test_video(evaluate, data):
    shutil.rmtree(data / "test")
    result = evaluate(data)
    assert result.code == 1
    assert f"{data}: has no test video" in result.error


def test_an_incomplete_data_set_is_named_and_used(invoke, tmp_path):
    for split in ("training", "testing"):
        for i in range(6):
            file = tmp_path / f"ped2/{split}/frames/01/{i:03}.png"
            write_image(file, frames(1)[0])
    result = invoke("datasets", "verify", "ped2", tmp_path / "ped2")
    assert result.code == 1
    assert "ERROR   training videos 02, 03, 04, 05," in result.out
    assert "(1 of 16 here)" in result.out
    assert "ERROR   testing video 01 has 6 frames, expected 180" in result.out
    (line,) = result.err.splitlines()
    assert "http" in line


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "the file is empty. Copy it again"),
        (b"this is no video" * 99, "copy it again"),
    ],
)
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_file_that_is_no_video(train, evaluate, data, split, content, words):
    file = data / split / "z.mp4"
    file.write_bytes(content)
    result = train(data) if split == "train" else evaluate(data)
    assert result.code == 1
    assert f"{file}: " in result.error
    assert words in result.error


def test_a_truncated_file_that_has_no_index(train, data, camera):
    whole = (camera / "train" / "01.mp4").read_bytes()
    file = data / "train" / "cut.mp4"
    file.write_bytes(whole[: len(whole) // 2])
    result = train(data)
    assert result.code == 1
    assert f"{file}: cannot be opened as video" in result.error
    assert "copy it again" in result.error


def test_a_truncated_file_is_read_as_far_as_it_goes_and_named(
    evaluate, data, tmp_path
):
    file = write_video(data / "test" / "cut.avi", frames(40), fps=10)
    whole = file.read_bytes()
    begin, end = whole.index(b"movi"), whole.rindex(b"idx1")
    file.write_bytes(whole[: (begin + end) // 2])
    for _ in range(2):  # decoded, then found in the cache
        result = evaluate(data)
        assert result.code == 0, result.err
        assert f"Warning: {file}: the header claims 40 frames" in result.err
        assert "copy it again" in result.err


def test_a_test_video_too_short(evaluate, data):
    file = write_video(data / "test" / "short.avi", frames(3), fps=10)
    result = evaluate(data)
    assert result.code == 1
    assert f"{file}: has 3 frames, and a score needs 5" in result.error
    assert "Take it out" in result.error


def test_a_short_training_video_is_left_out_and_named(train, data):
    file = write_video(data / "train" / "short.avi", frames(3), fps=10)
    result = train(data)
    assert result.code == 0, result.err
    words = "1 of 2 videos have fewer than 5 frames and are left out"
    assert f"Warning: {words}: {file}\n" in result.err


def test_training_video_too_short(train, data):
    for file in (data / "train").iterdir():
        write_video(file, frames(3), fps=10)
    result = train(data)
    assert result.code == 1
    assert "0 of 2 videos have 5 frames or more" in result.error
    assert "Give more or longer" in result.error


@pytest.mark.parametrize("kind", ["size", "16 bit", "alpha", "damaged"])
@pytest.mark.parametrize("split", ["train", "test"])
def test_frames_that_are_not_of_one_kind(train, evaluate, data, split, kind):
    import cv2

    folder = data / split / "frames"
    for i, frame in enumerate(frames(8)):
        write_image(folder / f"{i:02}.png", frame)
    file = folder / "07.png"
    if kind == "size":
        write_image(file, frames(1, (32, 64))[0])
    elif kind == "16 bit":
        cv2.imwrite(str(file), frames(1, dtype=np.uint16)[0])
    elif kind == "alpha":
        cv2.imwrite(str(file), np.zeros((48, 64, 4), np.uint8))
    else:
        file.write_bytes(file.read_bytes()[:100])
    result = train(data) if split == "train" else evaluate(data)
    assert result.code == 1
    assert str(folder) in result.error
    assert "07.png" in result.error
    step = {"size": "Split", "16 bit": "8 bit", "alpha": "Convert"}
    assert step.get(kind, "again") in result.error


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("video,start,end\nc,2,99\n", "has 12 frames"),
        ("video,start,end\nnobody,2,9\n", "no test video is called 'nobody'"),
        ("video,start,end\nc,nine,ten\n", "labels.csv"),
        ("", "labels.csv"),
    ],
)
def test_labels_that_do_not_fit(evaluate, data, text, words):
    (data / "labels.csv").write_text(text)
    result = evaluate(data)
    assert result.code == 1
    assert str(data / "labels.csv") in result.error
    assert words in result.error


def test_labels_of_another_length(evaluate, data, tmp_path):
    folder = tmp_path / "masks"
    folder.mkdir()
    np.save(folder / "c.npy", np.zeros(11, np.uint8))
    result = evaluate(data, "--labels", folder)
    assert result.code == 1
    assert str(folder / "c.npy") in result.error
    assert "11" in result.error
    assert "12" in result.error


def test_no_such_labels(evaluate, data):
    result = evaluate(data, "--labels", "none.csv")
    assert result.code == 1
    assert "none.csv: no such label file" in result.error


@pytest.mark.parametrize("command", ["train", "eval"])
def test_a_place_that_cannot_be_written(invoke, options, trained, command):
    folder = "/proc/run"  # root may write anywhere else
    if not os.path.isdir("/proc"):  # noqa: PTH112
        pytest.skip("no /proc here")
    if command == "train":
        result = invoke("train", *options, "--output", folder)
    else:
        result = invoke("eval", trained, "--output", folder)
    assert result.code == 1
    assert f"{folder}: cannot be written" in result.error
    assert "--output" in result.error


@pytest.mark.parametrize(
    "words",
    [
        ["runtime", "--output", "{file}/t.csv", "--video", "{video}"],
        ["runtime", "--plot", "{file}/t.png", "--video", "{video}"],
        ["tradeoff", "--output", "{file}/t", "--video", "{video}"],
        ["alarms", "--output", "{file}/t.csv", "--dataset", "synthetic"],
    ],
)
def test_no_place_for_a_table_is_said_at_once(invoke, camera, tmp_path, words):
    file = tmp_path / "m.keras"  # never opened
    file.write_text("")
    command, option, *rest = words
    model = ["--model", file] if command == "runtime" else [file]
    place = {"file": file, "video": min((camera / "test").iterdir())}
    given = [word.format(**place) for word in [option, *rest]]
    if command == "alarms":
        given += ["--data-dir", camera]
    result = invoke("benchmark", command, *model, *given)
    assert result.code == 1
    assert result.error.startswith(f"Error: {file}")
    assert "cannot be written" in result.error
    assert result.error.endswith(f"Name another folder with {option}.")


def test_more_threads_than_cores(invoke, camera, monkeypatch):
    import keras_cdae_cli.benchmark_runtime as runtime

    seen = []
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {3}, raising=False)
    monkeypatch.setattr(runtime, "_files", lambda *_: iter([]))
    monkeypatch.setattr(runtime, "_print", lambda *_: seen.append("printed"))
    video = min((camera / "test").iterdir())
    words = ["benchmark", "runtime", "--model", "m", "--video", video]
    result = invoke(*words, "--threads", 1, "--threads", 64)
    assert "64 threads need as many cores" in result.usage
    assert "this process may use 1. Give at most 1." in result.usage
    assert invoke(*words).code == 0  # the default is what there is
    assert seen == ["printed"]


def test_a_read_only_place(invoke, options, tmp_path):
    if os.geteuid() == 0:
        pytest.skip("root may write anywhere")
    tmp_path.chmod(0o555)
    result = invoke("train", *options, "--output", tmp_path / "run")
    assert result.code == 1
    assert f"{tmp_path / 'run'}: cannot be written" in result.error


def test_a_cache_that_cannot_be_written(train, data):
    result = train(data, "--cache-dir", "/proc/cache")
    assert result.code == 1
    assert "/proc/cache: cannot write decoded frames" in result.error
    assert "--cache-dir" in result.error


def test_frames_have_no_room(train, data, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=10)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    result = train(data, "--image-size", 40)
    assert result.code == 1
    assert "Free some space" in result.error
