"""A model by its file, its run folder or its name."""

import importlib.machinery
import importlib.util
import subprocess
import sys

import keras
import numpy as np
import pytest

import keras_cdae
from keras_cdae.errors import ModelFileError
from keras_cdae.runs import find
from keras_cdae.runs.find import find_model, shipped_models


@pytest.fixture
def file(tmp_path, make_model):
    path = tmp_path / "run" / "model.keras"
    path.parent.mkdir()
    make_model().save(path)
    return path


def test_a_file_and_its_folder_are_the_same_model(file, tiny_clips):
    by_file, by_folder = keras_cdae.load(file), keras_cdae.load(file.parent)
    for ours, theirs in zip(by_file.weights, by_folder.weights, strict=True):
        np.testing.assert_array_equal(
            keras.ops.convert_to_numpy(ours), keras.ops.convert_to_numpy(theirs)
        )
    assert find_model(str(file.parent)) == file


def test_the_home_folder_is_known(file, monkeypatch):
    monkeypatch.setenv("HOME", str(file.parent.parent))
    assert find_model("~/run") == file


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A package of models with one in it."""
    folder = tmp_path / "models"
    folder.mkdir()
    (folder / "ped2-edge.keras").write_bytes(b"")
    (folder / "README.md").write_text("")
    spec = importlib.machinery.ModuleSpec("models", None, is_package=True)
    spec.submodule_search_locations.append(str(folder))
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda _: spec)
    return folder


def test_a_shipped_model_has_a_name(shipped):
    assert shipped_models() == {"ped2-edge": shipped / "ped2-edge.keras"}
    assert find_model("ped2-edge") == shipped / "ped2-edge.keras"
    with pytest.raises(ModelFileError, match=r"Shipped: ped2-edge\.$"):
        find_model("ped3-edge")


def test_a_file_of_that_name_comes_first(shipped, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ped2-edge").write_bytes(b"")
    assert find_model("ped2-edge").resolve() == tmp_path / "ped2-edge"


def test_no_package_of_models(monkeypatch):
    monkeypatch.setattr(find.importlib.util, "find_spec", lambda _: None)
    assert shipped_models() == {}
    with pytest.raises(ModelFileError, match="ped2-edge: no such run folder"):
        find_model("ped2-edge")


def test_a_folder_without_a_model(tmp_path):
    with pytest.raises(ModelFileError, match="not a run folder"):
        keras_cdae.load(tmp_path)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ModelFileError, match=r"interrupted.*--resume --output"):
        keras_cdae.load(tmp_path)


def test_a_cut_file(file):
    file.write_bytes(file.read_bytes()[:999])
    with pytest.raises(ModelFileError, match=r"model\.keras: cannot be loaded"):
        keras_cdae.load(file)


def test_another_model(tmp_path):
    path = tmp_path / "other.keras"
    keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)]).save(path)
    with pytest.raises(ModelFileError, match="holds a Sequential, not a CDAE"):
        keras_cdae.load(path)


def test_finding_imports_no_keras():
    code = (
        "import sys; import keras_cdae.runs.find, keras_cdae.runs.settings; "
        "sys.exit('keras' in sys.modules)"
    )
    assert (
        subprocess.run([sys.executable, "-c", code], check=False).returncode
        == 0
    )
