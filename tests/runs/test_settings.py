"""Settings: checked, filled in by the preset, read back from the folder."""

import dataclasses
import json
from pathlib import Path

import pytest

from keras_cdae.errors import DeviceError, RunFolderError
from keras_cdae.runs.folder import (
    check_folder,
    require_writable,
    start_folder,
)
from keras_cdae.runs.settings import RunSettings, environment


@pytest.mark.parametrize(
    "name", ["epochs", "batch_size", "clip_step", "devices"]
)
def test_numbers_out_of_range(name):
    with pytest.raises(ValueError, match=f"Received: {name}=0"):
        RunSettings("ped2", "data", **{name: 0})


@pytest.mark.parametrize(
    ("name", "value"), [("seed", -1), ("seed", 2**32), ("hold_out", 1.0)]
)
def test_a_seed_and_a_share_out_of_range(name, value):
    with pytest.raises(ValueError, match=f"{name} must lie in"):
        RunSettings("ped2", "data", **{name: value})


def test_the_preset_fills_in_what_was_not_said():
    settings = RunSettings("ped2", "/data", preset="paper").resolved(1)
    assert settings.epochs == 150  # Ped2's
    assert settings.batch_size == 8
    assert settings.image_size == (256, 256)
    assert settings.channels == 1
    assert settings.clip_step == 1
    assert (
        RunSettings("avenue", "/data", preset="paper").resolved(3).epochs == 300
    )


def test_devices_have_to_divide_a_batch():
    with pytest.raises(DeviceError, match="3 devices do not divide a batch"):
        RunSettings("ped2", "data", batch_size=8, devices=3)
    unsaid = RunSettings("ped2", "data", preset="paper", devices=3)
    with pytest.raises(DeviceError, match="batch of 8 clips"):
        unsaid.resolved(1)


def test_what_was_said_stays():
    said = RunSettings(
        "ped2",
        "/data",
        epochs=2,
        batch_size=3,
        image_size=(32, 40),
        channels=3,
        clip_step=5,
    )
    assert said.resolved(1) == said


def test_the_folder_becomes_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert RunSettings("ped2", "a/b").resolved(1).data_dir == str(
        tmp_path / "a" / "b"
    )
    home = RunSettings("ped2", "~/b").resolved(1).data_dir
    assert home == str(Path.home() / "b")


def test_an_unknown_preset():
    with pytest.raises(ValueError, match="expected one of paper, edge, nano"):
        RunSettings("ped2", "data", preset="huge").resolved(1)


@pytest.fixture
def resolved():
    return RunSettings("ped2", "/data", overrides={"width": 4}).resolved(1)


def test_the_folder_gives_back_equal_settings(tmp_path, resolved):
    start_folder(tmp_path, resolved)
    assert RunSettings.read(tmp_path) == resolved
    assert RunSettings.read_backend(tmp_path) == environment()["backend"]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"settings": 1, "environment": {"backend": 1}}',
        '{"settings": {"image_size": null}}',
        "\xff",
        "[" * 100_000,
    ],
)
def test_a_foreign_configuration(tmp_path, text):
    (tmp_path / "config.json").write_text(text, encoding="latin-1")
    with pytest.raises(RunFolderError, match=r"config\.json: not a config"):
        RunSettings.read(tmp_path)
    with pytest.raises(RunFolderError, match=r"config\.json: not a config"):
        RunSettings.read_backend(tmp_path)


def test_a_setting_of_another_version(tmp_path, resolved):
    start_folder(tmp_path, resolved)
    config = json.loads((tmp_path / "config.json").read_text())
    config["settings"]["unheard_of"] = 1
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunFolderError, match=r"unheard_of.*--overwrite"):
        RunSettings.read(tmp_path)


def test_a_setting_of_another_type(tmp_path, resolved):
    start_folder(tmp_path, resolved)
    config = json.loads((tmp_path / "config.json").read_text())
    config["settings"]["epochs"] = "many"
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(RunFolderError, match="epochs is 'many'"):
        RunSettings.read(tmp_path)


def test_no_configuration(tmp_path):
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "none", tmp_path / "file"):
        with pytest.raises(RunFolderError, match=f"{path.name}: not a run"):
            RunSettings.read(path)
        with pytest.raises(RunFolderError) as caught:
            RunSettings.read_backend(path)
        assert "configuration of this version" not in str(caught.value)


def test_a_new_run_takes_any_folder_without_one(tmp_path, resolved):
    (tmp_path / "notes.txt").write_text("")
    for run in (tmp_path, tmp_path / "deep" / "er"):
        check_folder(run, resolved, resume=False, overwrite=False)
    assert (tmp_path / "deep" / "er").is_dir()


@pytest.mark.parametrize("name", ["config.json", "model.keras"])
def test_a_run_is_not_overwritten(tmp_path, resolved, name):
    (tmp_path / name).write_text("")
    with pytest.raises(RunFolderError, match="holds a run already"):
        check_folder(tmp_path, resolved, resume=False, overwrite=False)
    check_folder(tmp_path, resolved, resume=False, overwrite=True)
    assert (tmp_path / name).exists()  # checking takes nothing away


def test_a_run_resumes_with_the_same_settings_only(tmp_path, resolved):
    start_folder(tmp_path, resolved)
    check_folder(tmp_path, resolved, resume=True, overwrite=False)
    moved = dataclasses.replace(resolved, data_dir="/elsewhere", devices=2)
    check_folder(tmp_path, moved, resume=True, overwrite=False)
    other = dataclasses.replace(resolved, seed=9, overrides={})
    with pytest.raises(RunFolderError, match=r"seed was 0 and is 9; overrides"):
        check_folder(tmp_path, other, resume=True, overwrite=False)


def test_a_run_of_a_preset_that_has_changed_does_not_resume(tmp_path, resolved):
    start_folder(tmp_path, resolved)
    path = tmp_path / "config.json"
    config = json.loads(path.read_text())
    assert config["model"]["width"] == resolved.overrides.get("width", 8)
    config["model"]["alpha"] = 25.0
    path.write_text(json.dumps(config))
    with pytest.raises(RunFolderError, match=r"edge has .* {'alpha': 25\.0}"):
        check_folder(tmp_path, resolved, resume=True, overwrite=False)
    for damaged in ("edge", {"schedule": 5}):
        path.write_text(json.dumps({**config, "model": damaged}))
        with pytest.raises(RunFolderError, match="not a configuration"):
            check_folder(tmp_path, resolved, resume=True, overwrite=False)
    del config["model"]  # from before it was kept
    path.write_text(json.dumps(config))
    check_folder(tmp_path, resolved, resume=True, overwrite=False)


def test_a_finished_run_does_not_resume(tmp_path, resolved):
    start_folder(tmp_path, resolved)
    (tmp_path / "model.keras").write_text("")
    (tmp_path / "checkpoint").mkdir()
    with pytest.raises(RunFolderError, match="this run is finished"):
        check_folder(tmp_path, resolved, resume=True, overwrite=False)
    # Killed after the model was written: the end is done once more.
    (tmp_path / "checkpoint" / "epoch-0030.weights.h5").write_text("")
    check_folder(tmp_path, resolved, resume=True, overwrite=False)


def test_a_start_takes_away_what_an_earlier_run_left(tmp_path, resolved):
    (tmp_path / "checkpoint").mkdir()
    for name in ("model.keras", "history.csv", "metrics.json", "scores.csv"):
        (tmp_path / name).write_text("")
    (tmp_path / "notes.txt").write_text("")
    start_folder(tmp_path, resolved)
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {"config.json", "notes.txt"}


def test_a_file_in_the_way(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunFolderError, match=r"cannot be written .*--output"):
        require_writable(tmp_path / "file" / "run")
