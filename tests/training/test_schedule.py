import pytest

from keras_cdae.training.schedule import Plan, Schedule


@pytest.mark.parametrize(
    ("schedule", "epochs", "plan"),
    [
        (Schedule(), 150, Plan(50, 150, 150)),
        (Schedule(), 300, Plan(100, 300, 300)),
        (Schedule(), 1, Plan(1, 1, 1)),
        (Schedule(pretrain_epochs=0), 5, Plan(0, 5, 5)),
        (Schedule(pretrain_epochs=9), 5, Plan(5, 5, 5)),
        (Schedule(decay_after=100), 300, Plan(100, 200, 300)),
    ],
)
def test_plan(schedule, epochs, plan):
    assert schedule.plan(epochs) == plan


@pytest.mark.parametrize(
    "arguments",
    [
        {"pretrain_epochs": -1},
        {"decay_after": -2},
        {"learning_rate": 0.0},
        {"cluster_learning_rate": -1.0},
        {"alternate": "week"},
    ],
)
def test_bad_values_are_named(arguments):
    name, value = next(iter(arguments.items()))
    with pytest.raises(ValueError, match=f"{name}={value!r}"):
        Schedule(**arguments)


def test_config_round_trip():
    schedule = Schedule(decay_after=7, alternate="epoch")
    assert Schedule.from_config(schedule.get_config()) == schedule
