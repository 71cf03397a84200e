import logging

import pytest

from keras_cdae.data.augmentation import SwitchedAugmentation
from keras_cdae.runs.gap import AugmentOnGap, generalization_gap, warn_of_gap

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


def logs_of(gap):
    return {
        "loss": 1.0,
        "appearance_loss": 0.001,
        "val_loss": 1.0,
        "val_appearance_loss": gap if isinstance(gap, str) else 0.001 * gap,
    }


def told(caplog):
    return [r.getMessage() for r in caplog.records if r.levelno > logging.INFO]


def trained(watcher, gaps, first=0):
    """Go through epochs of these gaps; return the logged `augmented`."""
    watcher.on_train_begin()
    shown = []
    for epoch, gap in enumerate(gaps, start=first):
        logs = logs_of(gap)
        watcher.on_epoch_end(epoch, logs)
        shown.append(logs["augmented"])
    return shown


@pytest.mark.parametrize(
    ("gaps", "expected"),
    [
        ([4] * 9, [0, 0, 0, 1, 1, 1, 1, 1, 1]),
        ([1.9] * 9, [0] * 9),
        ([1.5, 1.5, 2.9, 1, 1, 1], [0] * 6),  # of 9; the mean counts
        ([1, 1, 1, 9, 9, 9, 9, 9, 9], [0] * 9),  # too late: once, at a third
    ],
)
def test_a_third_decides(gaps, expected, tmp_path, caplog):
    switch = SwitchedAugmentation()
    watcher = AugmentOnGap(switch, tmp_path / "history.csv", 9)
    with caplog.at_level(logging.INFO):
        assert trained(watcher, gaps) == expected
    changed = bool(expected[-1])
    assert switch.on == changed
    (record,) = caplog.records  # decided, and said, once
    assert (record.levelno == logging.WARNING) == changed
    assert "After 3 of 9 epochs held-out video" in record.getMessage()
    if changed:
        assert "4.0 times worse" in caplog.text
        assert "from here on (flip, crop, brightness)" in caplog.text


@pytest.mark.parametrize("done", [1, 2, 3, 5])
def test_a_training_that_goes_on_decides_as_before(done, history, caplog):
    gaps = [3, 5, 4, 1, 1, 1, 1, 1, 1]
    rows = [
        (n, *logs_of(gap).values(), float(n >= 3))
        for n, gap in enumerate(gaps[:done])
    ]
    path = history(*rows, header=f"{HEADER},augmented")
    switch = SwitchedAugmentation()
    watcher = AugmentOnGap(switch, path, 9)
    shown = trained(watcher, gaps[done:], first=done)
    assert shown == [0, 0, 0, 1, 1, 1, 1, 1, 1][done:]
    assert "After 3 of 9 epochs" in told(caplog)[0]


@pytest.mark.parametrize("epochs", [1, 2])
def test_few_epochs(epochs, tmp_path, caplog):
    watcher = AugmentOnGap(
        SwitchedAugmentation(), tmp_path / "history.csv", epochs
    )
    assert trained(watcher, [4] * epochs) == [0, 1][:epochs]
    assert len(told(caplog)) == epochs - 1  # nothing comes after the only one


def test_no_decision_without_a_loss(tmp_path, caplog):
    switch = SwitchedAugmentation()
    watcher = AugmentOnGap(switch, tmp_path / "history.csv", 3)
    watcher.on_train_begin()
    for epoch in range(3):
        watcher.on_epoch_end(epoch, {"loss": float("nan"), "val_loss": 1.0})
    assert not switch.on
    assert not caplog.records


def test_what_was_turned_on_is_not_advised(history, caplog):
    header = f"{HEADER},augmented"
    warn_of_gap(history((0, 1, 0.001, 1, 0.0049, 0.0), header=header))
    assert "(--augment)" in caplog.text
    caplog.clear()
    warn_of_gap(history((0, 1, 0.001, 1, 0.0049, 1.0), header=header))
    assert "known by heart" in caplog.text
    assert "(--augment)" not in caplog.text


@pytest.mark.parametrize("changed", [0.0, 1.0])
def test_a_damaged_history_keeps_what_was_decided(changed, history):
    damaged = {**logs_of("0.0\N{REPLACEMENT CHARACTER}"), "val_loss": "nan"}
    rows = [(n, *damaged.values(), 0.0) for n in range(3)]
    rows.append((3, *logs_of(1.0).values(), changed))
    switch = SwitchedAugmentation()
    path = history(*rows, header=f"{HEADER},augmented")
    watcher = AugmentOnGap(switch, path, 9)
    assert trained(watcher, [1.0], first=4) == [changed]
