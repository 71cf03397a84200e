"""The losses of each epoch, as a run folder keeps them."""

import numpy as np
import pytest

from keras_cdae.runs.history import read_history, trim_history


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("epoch,loss\r\n0,3\r\n1,2\r\n2,1\r\n", "epoch,loss\r\n0,3\r\n1,2\r\n"),
        ("epoch,loss\r\n0,3\r\n1", "epoch,loss\r\n0,3\r\n"),
        ("epoch,loss\r\n", "epoch,loss\r\n"),
        ("", ""),
    ],
)
def test_the_history_is_cut_to_the_checkpoint(tmp_path, text, kept):
    path = tmp_path / "history.csv"
    path.write_bytes(text.encode())
    trim_history(path, 2)
    assert path.read_bytes().decode() == kept


def test_no_history_to_cut(tmp_path):
    trim_history(tmp_path / "history.csv", 2)
    assert not (tmp_path / "history.csv").exists()


def test_rows_are_numbers_by_their_column(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("epoch,loss\r\n0,0.5\r\n1,nan\r\n")
    first, second = read_history(path)
    assert first == {"epoch": 0, "loss": 0.5}
    assert np.isnan(second["loss"])
    assert read_history(tmp_path / "none.csv") == []


def test_a_damaged_byte_costs_its_cell_a_cut_its_row(tmp_path):
    path = tmp_path / "history.csv"
    path.write_bytes(b"epoch,loss\r\n0,0.\xff\r\n1\r\n2,0.25\r\n")
    damaged, whole = read_history(path)
    assert damaged["epoch"] == 0
    assert np.isnan(damaged["loss"])
    assert whole == {"epoch": 2, "loss": 0.25}
