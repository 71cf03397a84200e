import json

import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")

from keras_cdae.export import clips
from keras_cdae.export import export as export_model
from keras_cdae.runs.settings import RunSettings
from keras_cdae_cli import benchmark_parity, output
from keras_cdae_cli.benchmark import command as benchmark
from keras_cdae_cli.export import command as export


@pytest.fixture(scope="module")
def keras_file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "camera.keras"
    model.save(path)
    return path


def test_export_writes_beside_the_model(keras_file):
    result = CliRunner().invoke(
        export, [str(keras_file), "--format", "tflite", "--quantize", "float16"]
    )
    assert result.exit_code == 0, result.output
    assert (keras_file.parent / "camera-float16.tflite").is_file()
    assert (keras_file.parent / "camera-float16.tflite.json").is_file()
    assert "Difference to Keras" in result.stdout
    assert "Wrote" in result.stderr


def test_export_int8_from_a_folder_as_json(keras_file, videos, tmp_path):
    target = tmp_path / "m.tflite"
    arguments = [
        *(str(keras_file), "--format", "tflite", "--quantize", "int8"),
        *("--calibration-data", str(videos / "train")),
        *("--output", str(target), "--json"),
        *("--auc", "--dataset", "synthetic", "--data-dir", str(videos)),
    ]
    result = CliRunner().invoke(export, arguments)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["path"] == str(target)
    assert values["quantize"] == "int8"
    assert values["parity"]["rank_correlation"] > 0.95
    assert set(values["auc"]) == set(output.PROTOCOLS)
    keras, int8 = values["auc"]["auc_micro_raw"]
    assert int8 == pytest.approx(keras, abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["m.keras"], "Missing option '--format'"),
        (["m.keras", "--format", "flat"], "'flat' is not one of"),
        (
            ["m.keras", "--format", "onnx", "--quantize", "dynamic"],
            "onnx offers",
        ),
        (
            ["m.keras", "--format", "onnx", "--auc"],
            "--auc needs test video",
        ),
        (
            ["m.keras", "--format", "onnx", "--output", "m.tflite"],
            "must end in .onnx",
        ),
        (
            ["m.keras", "--format", "onnx", "--data-dir", "d"],
            "--data-dir needs a data set's name: --dataset NAME",
        ),
        (
            ["m.keras", "--format", "onnx", "--alarms-per-hour", "nan"],
            "'nan' is not a finite number",
        ),
        (
            ["m.keras", "--format", "keras", "--auc", "--dataset", "ped2"],
            "--auc measures what an export costs",
        ),
    ],
)
def test_usage_errors(arguments, message):
    result = CliRunner().invoke(export, arguments)
    assert result.exit_code == 2
    assert message in result.stderr


def test_the_model_itself_is_no_target(keras_file):
    before = keras_file.read_bytes()
    arguments = [str(keras_file), "--format", "keras", "--no-check"]
    result = CliRunner().invoke(
        export, [*arguments, "--output", str(keras_file)]
    )
    assert result.exit_code == 2
    assert "is the model that is exported" in result.stderr
    assert keras_file.read_bytes() == before


@pytest.fixture
def run_folder(model, tmp_path):
    """A run whose training video is gone."""
    folder = tmp_path / "run"
    settings = RunSettings("folder", str(tmp_path / "gone")).to_dict()
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({"settings": settings}))
    model.save(folder / "model.keras")
    return folder


@pytest.mark.parametrize("said", [["--data-dir"], ["--dataset", "folder"]])
def test_what_is_not_said_of_the_data_is_the_run_s(
    run_folder, tmp_path, monkeypatch, said
):
    class AskedForError(Exception):
        pass

    def asked(_, *place):
        raise AskedForError(*place)

    monkeypatch.setattr(clips, "dataset_clips", asked)
    arguments = [str(run_folder), "--format", "tflite"]
    place = tmp_path
    if said == ["--data-dir"]:
        said = [*said, str(place)]
    else:  # then it is the run's folder
        place = tmp_path / "gone"
    result = CliRunner().invoke(export, [*arguments, *said])
    assert isinstance(result.exception, AskedForError)
    assert result.exception.args == ("folder", place)


def test_drawn_clips_in_place_of_the_run_s_video_are_told(
    run_folder, tmp_path, caplog
):
    export_model(run_folder, tmp_path / "copy.keras", format="keras")
    (record,) = caplog.records
    assert record.getMessage().startswith(
        f"{run_folder}: the check is on drawn clips"
    )


def test_no_auc_of_video_without_labels(keras_file, videos, tmp_path):
    for split in ("train", "test"):
        (tmp_path / split).symlink_to(videos / split)
    arguments = [str(keras_file), "--format", "tflite", "--auc"]
    arguments += ["--dataset", "folder", "--data-dir", str(tmp_path)]
    arguments += ["--output", str(tmp_path / "m.tflite")]
    result = CliRunner().invoke(export, arguments)
    assert "the test video has no labels" in str(result.exception)
    assert not (tmp_path / "m.tflite").exists()


def test_benchmark_of_a_file(exported, videos, tmp_path):
    video = min((videos / "test").iterdir())
    target, plot = tmp_path / "speed.csv", tmp_path / "speed.png"
    arguments = [
        *("runtime", "--model", str(exported("tflite").path)),
        *("--video", str(video), "--threads", "1", "--plot", str(plot)),
        *("--frames", "20", "--repeats", "1", "--output", str(target)),
    ]
    result = CliRunner().invoke(benchmark, arguments)
    assert result.exit_code == 0, result.output
    assert "Frames a second" in result.stdout
    header, row = target.read_text().splitlines()
    assert header.startswith("name,threads,end_to_end")
    assert row.startswith("tflite-none.tflite,1,")
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_parity_of_every_format(keras_file, videos, monkeypatch):
    few = [("saved_model", "none"), ("tflite", "float16")]
    assert set(few) < set(benchmark_parity.choices())
    monkeypatch.setattr(benchmark_parity, "choices", lambda: few)
    arguments = ["parity", "--model", str(keras_file)]
    arguments += ["--dataset", "synthetic", "--data-dir", str(videos)]
    result = CliRunner().invoke(benchmark, arguments)
    assert result.exit_code == 0, result.output
    first, _, second = result.stdout.partition("On the test video")
    assert "| tflite float16 |" in first
    for title in output.PROTOCOLS.values():
        assert f"| {title}" in second
    assert "saved_model" in second
    assert "would be refused" not in result.stderr


def test_the_check_takes_the_data_set_given(keras_file, videos, tmp_path):
    target = tmp_path / "m.onnx"
    arguments = [str(keras_file), "--format", "onnx", "--output", str(target)]
    arguments += ["--lean", "--json"]
    arguments += ["--dataset", "synthetic", "--data-dir", str(videos)]
    result = CliRunner().invoke(export, arguments)
    assert result.exit_code == 0, result.output
    values = json.loads(result.stdout)
    assert values["parity"]["clips"] > 50  # drawn ones are 16
    assert values["left_out"] == ["error"]
