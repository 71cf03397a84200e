"""A region of interest, from `--roi` to the score of an export."""

import json
import shutil

import numpy as np
import pytest

from keras_cdae.data import decode_roi
from keras_cdae.data.images import read_image, write_image
from keras_cdae.data.video import read_frames, video_info


@pytest.fixture(scope="module")
def size(camera):
    info = video_info(min((camera / "train").iterdir()))
    return info.height, info.width


@pytest.fixture(scope="module")
def picture(size, tmp_path_factory):
    """White but for the upper quarter."""
    roi = np.full(size, 255, "uint8")
    roi[: size[0] // 4] = 0
    return write_image(tmp_path_factory.mktemp("roi") / "roi.png", roi)


@pytest.fixture(scope="module")
def run(invoke, options, picture, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "inside"
    words = ["--roi", picture, "--output", folder]
    result = invoke("train", *options, *words)
    assert result.code == 0, result.err
    said = "Region of interest: 75% of the picture. What the model sees: "
    assert f"{said}{folder / 'roi.png'}" in result.err
    return folder


@pytest.fixture(scope="module")
def with_clock(camera, size, tmp_path_factory):
    """A test video, and the same with noise where nothing counts."""
    video = min((camera / "test").iterdir())
    frames = np.stack(list(read_frames(video, image_size=None, channels=3)))
    noise = np.random.default_rng(0).integers(0, 256, frames.shape, "uint8")
    rows = size[0] // 4
    busy = np.concatenate([noise[:, :rows], frames[:, rows:]], axis=1)
    folder = tmp_path_factory.mktemp("videos")
    for name, video in (("calm", frames), ("busy", busy)):
        (folder / name).mkdir()
        for number, frame in enumerate(video):
            write_image(folder / name / f"{number:03}.png", frame)
    return folder


def test_the_run_keeps_it(run, size):
    settings = json.loads((run / "config.json").read_text())["settings"]
    roi = decode_roi(settings["roi"])
    assert roi.shape == size
    assert not roi[: size[0] // 4].any()
    assert roi[size[0] // 4 :].all()
    seen = read_image(run / "roi.png")
    assert seen.shape == (32, 32, 3)
    assert not seen[:8].any()
    assert seen[8:].any()


def test_the_page_says_how_much(invoke, run, camera, tmp_path):
    pytest.importorskip("jinja2")
    assert invoke("eval", run).code == 0
    page = tmp_path / "page.html"
    result = invoke("report", run, "--output", page, "--no-maps")
    assert result.code == 0, result.err
    text = page.read_text()
    assert "75% of the picture" in text
    assert "counts" not in text.split("settings of the run")[1]
    model = shutil.copy(run / "model.keras", tmp_path / "alone.keras")
    words = ["--model", model, "--dataset", "synthetic", "--no-maps"]
    scores = ["report", run / "scores.csv", "--output", page]
    result = invoke(*scores, *words, "--data-dir", camera)
    assert result.code == 0, result.err
    assert "75% of the picture" in page.read_text()


def test_a_damaged_region(invoke, run, tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    config = json.loads((copy / "config.json").read_text())
    config["settings"]["roi"]["counts"] = [1, 2]
    (copy / "config.json").write_text(json.dumps(config))
    result = invoke("eval", copy)
    assert "not a configuration of this version" in result.error


def error_of(result):
    """The error, after the line that says how much counts."""
    first, rest = result.err.split("\n", 1)
    assert first.startswith("Region of interest: ")
    return type(result)(result.code, result.out, rest).error


def scores_of(folder):
    return [
        np.loadtxt(folder / f"{name}.csv", delimiter=",", skiprows=1, usecols=2)
        for name in ("calm", "busy")
    ]


def test_score_does_not_see_the_rest(
    invoke, run, trained, with_clock, tmp_path
):
    for model in (run, trained):
        output = tmp_path / model.name
        words = ["--model", model, "--output", output, "--fps", 10]
        result = invoke("score", with_clock, *words)
        assert result.code == 0, result.err
    np.testing.assert_array_equal(*scores_of(tmp_path / run.name))
    calm, busy = scores_of(tmp_path / trained.name)
    assert (busy != calm).all()


def test_eval_and_results(invoke, run):
    result = invoke("eval", run, "--json")
    assert result.code == 0, result.err
    assert 0 <= result.json["auc_micro_raw"] <= 1
    assert result.json["roi_share"] == 0.75
    text = invoke("eval", run).out
    assert "75% of the picture; what is labelled outside it counts" in text
    result = invoke("benchmark", "results", run)
    assert "--roi PICTURE" in result.out


@pytest.mark.parametrize("format", ["tflite", "onnx"])
def test_exports_do_not_see_the_rest(
    format, invoke, run, with_clock, camera, tmp_path
):
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf2onnx")
    runtime = {"tflite": "ai_edge_litert", "onnx": "onnxruntime"}
    pytest.importorskip(runtime[format])
    from keras_cdae.runtime import EdgeScorer

    target = tmp_path / f"model.{format}"
    words = ["--format", format, "--output", target, "--auc", "--json"]
    result = invoke("export", run, *words, "--dataset", "synthetic")
    assert result.code == 0, result.err
    assert result.json["parity"]["score_rel"] < 1e-4
    found = []
    with EdgeScorer(target) as scorer:
        assert scorer.metadata["input"]["roi"]["size"] == [32, 32]
        for name in ("calm", "busy"):
            found.append(
                [s.score for s in scorer.score_video(with_clock / name)]
            )
            scorer.reset()
    np.testing.assert_array_equal(*found)


def test_another_region_does_not_resume(invoke, options, run, size, tmp_path):
    other = np.full(size, 255, "uint8")
    other[:, : size[1] // 2] = 0
    other = write_image(tmp_path / "roi.png", other)
    words = ["--roi", other, "--resume", "--output", run]
    result = invoke("train", *words)
    assert result.code == 1
    assert "cannot resume with other settings: roi was" in error_of(result)


def test_pictures_that_will_not_do(invoke, options, size, tmp_path):
    black = write_image(tmp_path / "black.png", np.zeros(size, "uint8"))
    result = invoke("train", *options, "--roi", black, "--output", tmp_path)
    assert "nothing in it is white" in result.error
    tall = np.full((size[0], size[0] // 2), 255, "uint8")
    tall = write_image(tmp_path / "tall.png", tall)
    result = invoke("train", *options, "--roi", tall, "--output", tmp_path)
    assert "Paint it over a frame of the video." in error_of(result)
    result = invoke("train", *options, "--roi", tmp_path / "none.png")
    assert "none.png" in result.error
    grey = np.full(size, 255, "uint8")
    grey[: size[0] // 2] = np.linspace(0, 255, size[1])  # a frame, painted on
    grey = write_image(tmp_path / "grey.png", grey)
    result = invoke("train", *options, "--roi", grey, "--output", tmp_path)
    assert "is no picture in black and white. Paint all of it" in result.error
    assert not (tmp_path / "config.json").exists()


def test_what_is_too_small_keeps_the_run_that_is_there(
    invoke, options, run, size, tmp_path
):
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    speck = np.zeros(size, "uint8")
    speck[0, 0] = 255
    whole = np.full(size, 255, "uint8")
    for name, picture, said in (
        ("speck", speck, "roi must have a pixel that counts at 32 x 32"),
        ("whole", whole, "The region of interest is the whole picture"),
    ):
        path = write_image(tmp_path / f"{name}.png", picture)
        words = ["--overwrite", "--roi", path, "--output", copy]
        result = invoke("train", *options, *words)
        assert said in error_of(result)
        assert "not foreseen" not in error_of(result)
        assert (copy / "model.keras").is_file()


def test_no_region_with_flow(invoke, options, picture, tmp_path):
    words = ["--model", "flow-cdae", "--roi", picture, "--output", tmp_path]
    result = invoke("train", *options, *words)
    assert "flow-cdae takes no roi" in result.usage


def test_scores_are_rated_where_it_counts(invoke, run):
    result = invoke("benchmark", "scores", run, "--json")
    assert result.code == 0, result.err
    assert all(0 <= each["auc"]["patch"] <= 1 for each in result.json)
