"""What a killed export left beside its target."""

import os
import socket
import subprocess
import sys

import pytest

from keras_cdae.errors import RunFolderError
from keras_cdae.export.exporter import ASIDE, REPLACED, _aside


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def left_by(folder, pid, host=None):
    """A folder as an export of a process leaves it."""
    name = f"{ASIDE}{host or socket.gethostname()}-{pid}-abcdefgh"
    (folder / name).mkdir()
    (folder / name / "model.onnx").write_text("half")
    return folder / name


def export_to(target, text="new"):
    with _aside(target) as temporary:
        temporary.write_text(text)


def test_the_next_export_clears_it(tmp_path, dead):
    left = left_by(tmp_path, dead)
    export_to(tmp_path / "other.onnx")
    assert not left.exists()
    assert [p.name for p in tmp_path.iterdir()] == ["other.onnx"]


def test_what_may_be_in_use_is_left_alone(tmp_path, dead):
    living = left_by(tmp_path, os.getppid())
    elsewhere = left_by(tmp_path, dead, host="another-machine")
    with _aside(tmp_path / "first.onnx") as first:
        first.write_text("first")
        export_to(tmp_path / "second.onnx")  # as another thread would
        assert first.exists()
    assert living.exists()
    assert elsewhere.exists()
    assert (tmp_path / "first.onnx").read_text() == "first"


def test_a_number_that_was_given_again(tmp_path):
    """A killed process may have had this one's number: in a container, say."""
    left = left_by(tmp_path, os.getpid())
    export_to(tmp_path / "model.onnx")
    assert not left.exists()


def test_an_export_between_two_names_comes_back(tmp_path, dead):
    """Killed after the old folder went and before the new one came."""
    left = left_by(tmp_path, dead)
    (left / REPLACED / "model").mkdir(parents=True)
    (left / REPLACED / "model" / "saved_model.pb").write_text("old")
    export_to(tmp_path / "other.onnx")
    assert (tmp_path / "model" / "saved_model.pb").read_text() == "old"
    assert not left.exists()


def test_a_folder_is_replaced(tmp_path):
    target = tmp_path / "model"
    target.mkdir()
    (target / "saved_model.pb").write_text("old")
    with _aside(target) as temporary:
        temporary.mkdir()
        (temporary / "saved_model.pb").write_text("new")
        assert (target / "saved_model.pb").read_text() == "old"
    assert (target / "saved_model.pb").read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failed_export_leaves_the_earlier_one(tmp_path):
    target = tmp_path / "model.onnx"
    target.write_text("old")
    with pytest.raises(RunFolderError, match="why"), _aside(target):
        raise RunFolderError("why")
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]
