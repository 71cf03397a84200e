"""`keras-cdae eval`: files, stdout, and models that are none."""

import csv
import json
import shutil
import zipfile

import pytest

from keras_cdae.runs.lock import run_lock

KEYS = {  # fixed by the specification
    "auc_micro_per_video",
    "auc_micro_raw",
    "auc_macro_skip",
    "auc_macro_padded",
    "eer",
    "eer_per_video",
    "ap",
    "ap_per_video",
    "frames",
    "videos",
    "abnormal_frames",
    "label_source",
    "smoothing",
}
MORE = {
    "auc_micro_regularity",
    "equation_14",
    "events",
    "macro_videos",
    "trivial",
}
FACTS = {"dataset", "title", "warnings", "environment"}
FILES = ("regularity.png", "reconstruction.png", "worst.png")


@pytest.fixture
def run(trained, tmp_path):
    """A copy of a finished run."""
    return shutil.copytree(trained, tmp_path / "run")


def data(camera):
    return ["--dataset", "synthetic", "--data-dir", camera]


def test_json_is_all_that_is_on_stdout(invoke, run):
    result = invoke("eval", run, "--json", "--no-plots")
    assert result.code == 0, result.err
    assert set(result.json) == KEYS | MORE | FACTS
    assert result.json["dataset"] == "synthetic"
    assert result.json["frames"] == 112
    assert result.json["videos"] == 2
    assert result.json["label_source"] == "labels.csv (intervals)"
    assert result.json["smoothing"] is None
    assert set(result.json["trivial"]) == {"frame_difference", "frame_index"}
    for trivial in result.json["trivial"].values():
        assert set(trivial) >= KEYS


def test_a_run_folder_gets_metrics_scores_and_pictures(invoke, run):
    result = invoke("eval", run)
    assert result.code == 0, result.err
    assert result.err.splitlines()[-1] == f"Look at {run / 'worst.png'}"
    for name in FILES:
        assert (run / name).read_bytes().startswith(b"\x89PNG")
    metrics = json.loads((run / "metrics.json").read_text())
    assert set(metrics) == KEYS | MORE | FACTS


def test_scores_are_one_row_a_scored_frame(invoke, run):
    metrics = invoke("eval", run, "--json", "--no-plots").json
    with (run / "scores.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert list(rows[0]) == (
        ["video", "frame", "score", "z", "p", "regularity", "label"]
    )
    assert len(rows) == metrics["frames"]
    assert [row["frame"] for row in rows[:2]] == ["4", "5"]
    assert rows[55]["frame"] == "59"
    assert sum(int(row["label"]) for row in rows) == metrics["abnormal_frames"]


def test_the_table_can_be_pasted(invoke, run):
    result = invoke("eval", run, "--no-plots")
    lines = result.out.splitlines()
    assert result.out.isascii()
    assert lines[0] == "Synthetic camera, all in percent"
    table = [line for line in lines if line.startswith("|")]
    assert len(table) == 2 + 9
    assert len({len(line) for line in table}) == 1
    assert {line.count("|") for line in table} == {
        6
    }  # model, Eq. 14, two trivial scores
    assert all(line == line.rstrip() for line in lines)
    assert max(map(len, lines)) <= 100
    assert "labels: labels.csv (intervals); smoothing: off." in result.out


def test_a_file_gives_the_same_numbers_and_no_files(
    invoke, run, camera, tmp_path, monkeypatch
):
    folder = invoke("eval", run, "--json", "--no-plots").json
    file = shutil.move(run / "model.keras", tmp_path / "other.keras")
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    as_option = invoke("eval", "--model", file, *data(camera), "--json")
    assert as_option.json == folder
    assert sorted(tmp_path.iterdir()) == before


def test_output_names_the_folder_of_results(invoke, trained, tmp_path):
    folder = tmp_path / "a" / "b"
    result = invoke("eval", trained, "--output", folder)
    assert result.code == 0, result.err
    written = {path.name for path in folder.iterdir()}
    assert written == {"metrics.json", "scores.csv", *FILES}
    assert not (trained / "metrics.json").exists()


def test_smoothing_is_named(invoke, run):
    words = ["--smoothing", 2, "--no-plots"]
    metrics = invoke("eval", run, *words, "--json").json
    assert metrics["smoothing"] == "gaussian, sigma 2 frames"
    for trivial in metrics["trivial"].values():
        assert trivial["smoothing"] == metrics["smoothing"]


def test_video_without_labels_is_scored(invoke, run, camera, tmp_path):
    bare = tmp_path / "bare"
    shutil.copytree(camera / "test", bare / "test")
    words = ["--dataset", "folder", "--data-dir", bare]
    result = invoke("eval", run, *words, "--output", tmp_path / "scores")
    assert result.code == 0, result.err
    assert "Scored 112 frames of 2 videos; there are no labels" in result.out
    with (tmp_path / "scores" / "scores.csv").open(newline="") as stream:
        assert {row["label"] for row in csv.DictReader(stream)} == {""}
    as_json = invoke("eval", run, *words, "--json", "--no-plots").json
    assert as_json["label_source"] is None
    assert as_json["frames"] == 112


def test_another_data_set_does_not_replace_the_run_s_results(
    invoke, run, camera, tmp_path
):
    assert invoke("eval", run, "--no-plots").code == 0
    before = (run / "metrics.json").read_text()
    bare = tmp_path / "bare"
    shutil.copytree(camera / "test", bare / "test")
    result = invoke("eval", run, "--dataset", "folder", "--data-dir", bare)
    assert result.code == 0, result.err
    assert f"trained on synthetic in {camera}, whose results" in result.err
    assert "--output FOLDER" in result.err
    assert "Wrote" not in result.err
    assert (run / "metrics.json").read_text() == before


def test_one_evaluation_a_folder(invoke, run):
    with run_lock(run):
        result = invoke("eval", run, "--no-plots")
    assert result.code == 1
    assert f"{run}: in use by process" in result.error
    assert not (run / "metrics.json").exists()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("m.tflite", "is an export: open it with `keras-cdae watch`"),
        ("m.onnx", "is an export: open it with `keras-cdae watch`"),
        ("m/saved_model.pb", "is a SavedModel, which TensorFlow opens"),
    ],
)
def test_an_export_is_no_model_to_measure(
    invoke, camera, tmp_path, name, message
):
    file = tmp_path / name
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(b"")
    model = file.parent if file.suffix == ".pb" else file
    result = invoke("eval", model, *data(camera))
    assert result.code == 1
    assert f"{model}: {message}" in result.error


def test_pictures_need_matplotlib_and_results_do_not(invoke, run, monkeypatch):
    import keras_cdae.reports.pictures
    from keras_cdae.errors import MissingDependencyError

    def fail(*_):
        raise MissingDependencyError("pip install 'keras-cdae[plot]'")

    monkeypatch.setattr(keras_cdae.reports.pictures, "draw_pictures", fail)
    result = invoke("eval", run)
    assert result.code == 0
    assert result.err.splitlines()[-1].startswith("No pictures: pip install")
    assert (run / "scores.csv").is_file()


# Models that are none


def test_no_such_model(invoke, camera):
    result = invoke("eval", "nowhere", *data(camera))
    assert result.code == 1
    assert "nowhere: no such run folder or model" in result.error
    assert "keras-cdae train" in result.error


def test_a_folder_without_a_model(invoke, camera, tmp_path):
    result = invoke("eval", tmp_path, *data(camera))
    assert result.code == 1
    assert f"{tmp_path}: not a run folder: it has no model" in result.error


def test_a_file_needs_a_data_set(invoke, run):
    assert "--dataset NAME" in invoke("eval", run / "model.keras").usage


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "zip"])
def test_a_corrupt_model(invoke, run, damage):
    file = run / "model.keras"
    if damage == "zip":
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("config.json", "{}")
    else:
        whole = file.read_bytes()
        content = {"cut": whole[: len(whole) // 2], "empty": b"", "text": b"x"}
        file.write_bytes(content[damage])
    result = invoke("eval", run)
    assert result.code == 1
    assert f"{file}: cannot be loaded as a model: " in result.error
    assert "train or copy it again" in result.error


def test_another_keras_model(invoke, camera, tmp_path):
    import keras

    file = tmp_path / "other.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(file)
    result = invoke("eval", file, *data(camera))
    assert result.code == 1
    assert f"{file}: holds a Sequential, not a CDAE" in result.error
    assert "keras-cdae train" in result.error


def test_a_model_that_would_run_code_is_refused(invoke, camera, tmp_path):
    import keras

    file = tmp_path / "lambda.keras"
    keras.Sequential(
        [keras.Input((2,)), keras.layers.Lambda(lambda x: x)]
    ).save(file)
    result = invoke("eval", file, *data(camera))
    assert result.code == 1
    assert f"{file}: cannot be loaded as a model" in result.error
