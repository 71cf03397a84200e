"""What a later version wrote: one line that says so, and what to do."""

import json
import shutil
import zipfile
from pathlib import Path

import pytest

import keras_cdae
from keras_cdae.errors import ModelFileError, RunFolderError
from keras_cdae.jobs.model import read_model
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runtime.metadata import ASSETS, FILE_NAME, read_metadata
from keras_cdae_cli import main

FOLDER = Path(__file__).parents[1] / "fixtures" / "v0.1"


def newer(key):
    """Return a function that gives a model's config a newer format."""

    def change(data):
        document = json.loads(data)
        inner = document["config"]
        if key == "format":
            inner = inner["calibration"]
        inner[key] = 99
        return json.dumps(document)

    return change


def test_run_folder(tmp_path):
    values = json.loads((FOLDER / "run/config.json").read_text("utf-8"))
    values["format"] = 99
    (tmp_path / "config.json").write_text(json.dumps(values), "utf-8")
    with pytest.raises(RunFolderError, match=r"format 99.*Install a newer one"):
        RunSettings.read(tmp_path)


def test_model(with_members):
    path = with_members({"config.json": newer("format_version")})
    with pytest.raises(
        ModelFileError, match=r"changed\.keras.*format version 99.*Install"
    ):
        keras_cdae.load(path)


def test_calibration_of_a_model(with_members):
    path = with_members({"config.json": newer("format")})
    for read in (keras_cdae.load, read_model):
        with pytest.raises(
            ModelFileError,
            match=r"changed\.keras: A calibration.*Install.*format=99",
        ):
            read(path)


@pytest.mark.parametrize("where", ["metadata", "calibration"])
def test_export(where, tmp_path):
    values = json.loads((FOLDER / "model.tflite.json").read_text("utf-8"))
    (values if where == "metadata" else values[where])["format"] = 99
    assets = tmp_path / ASSETS
    assets.mkdir()
    (assets / FILE_NAME).write_text(json.dumps(values), "utf-8")
    with pytest.raises(ModelFileError, match=r"99.*|Install.*99") as caught:
        read_metadata(tmp_path)
    assert "Install" in str(caught.value)
    assert str(tmp_path) in str(caught.value)


def test_tflite_file(tmp_path):
    """The number is read before the interpreter sees the file."""
    pytest.importorskip("ai_edge_litert")
    from keras_cdae.runtime import EdgeScorer

    path = tmp_path / "model.tflite"
    shutil.copy(FOLDER / "model.tflite", path)
    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read(FILE_NAME))
        begin = archive.infolist()[0].header_offset
        comment = archive.comment
    path.write_bytes(path.read_bytes()[:begin])
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(FILE_NAME, json.dumps({**values, "format": 99}))
        archive.comment = comment
    with pytest.raises(ModelFileError, match=r"in format 99.*Install"):
        EdgeScorer(path)


def test_the_command_line_says_it_in_one_line(with_members, tmp_path, capfd):
    path = with_members({"config.json": newer("format_version")})
    arguments = ["export", str(path), "--format", "keras", "--output"]
    assert main.run([*arguments, str(tmp_path / "new.keras")]) == 1
    lines = capfd.readouterr().err.strip().splitlines()
    errors = [line for line in lines if line.startswith("Error: ")]
    assert len(errors) == 1
    assert "format version 99" in errors[0]
    assert not (tmp_path / "new.keras").exists()
