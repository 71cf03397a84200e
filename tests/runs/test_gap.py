import logging

import pytest

from keras_cdae.runs.gap import generalization_gap, warn_of_gap

HEADER = "epoch,loss,appearance_loss,val_loss,val_appearance_loss"


@pytest.fixture
def history(tmp_path):
    def write(*rows, header=HEADER):
        path = tmp_path / "history.csv"
        lines = [header, *(",".join(map(str, row)) for row in rows)]
        path.write_text("\n".join(lines) + "\n")
        return path

    return write


def test_the_last_epochs_count(history):
    early = [(n, 1, 1, 9, 9) for n in range(5)]
    late = [(5, 2, 0.1, 2, 0.3), (6, 2, 0.2, 2, 0.5), (7, 2, 0.3, 2, 0.4)]
    assert generalization_gap(history(*early, *late)) == pytest.approx(2.0)


def test_no_history(tmp_path):
    assert generalization_gap(tmp_path / "history.csv") is None


def test_a_baseline_has_one_loss(history):
    path = history((0, 0.1, 0.25), header="epoch,loss,val_loss")
    assert generalization_gap(path) == pytest.approx(2.5)


@pytest.mark.parametrize(
    ("rows", "header"),
    [
        ((), HEADER),
        ([(0, 0.1)], "epoch,loss"),
        ([(0, 0, 0, 1, 1)], HEADER),
        ([(0, "nan", "nan", 1, 1)], HEADER),
    ],
)
def test_where_no_loss_tells(rows, header, history, caplog):
    path = history(*rows, header=header)
    assert generalization_gap(path) is None
    warn_of_gap(path)
    assert not caplog.records


@pytest.mark.parametrize("can_augment", [True, False])
def test_what_was_tried_is_not_advised(can_augment, history, caplog):
    path = history((0, 1, 0.001, 1, 0.0049))
    warn_of_gap(path, can_augment=can_augment)
    assert ("(--augment)" in caplog.text) == can_augment
    assert "days), " in caplog.text
    assert "or train for fewer epochs." in caplog.text


@pytest.mark.parametrize(("gap", "told"), [(0.9, 0), (1.4, 0), (4.9, 1)])
def test_it_is_told_where_it_is_large(gap, told, history, caplog):
    path = history((0, 1, 0.001, 1, 0.001 * gap))
    with caplog.at_level(logging.WARNING):
        warn_of_gap(path)
    assert len(caplog.records) == told
    if told:
        assert "4.9 times worse than the training clips" in caplog.text
