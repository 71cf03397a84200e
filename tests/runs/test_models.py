"""Overrides: which names there are, which values fit, what they change."""

import dataclasses

import pytest

from keras_cdae.runs.models import (
    argument,
    arguments,
    changed_since,
    check_names,
    check_overrides,
    model_config,
    new_model,
)
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runs.sweep import check_shared, variant_settings
from keras_cdae.runs.variants import ABLATION, CLUSTERS

SMALL = RunSettings("ped2", "d", preset="nano", image_size=(32, 32))


def with_(**overrides):
    return dataclasses.replace(SMALL, overrides=overrides)


def test_arguments_are_those_of_the_class_and_of_its_bases():
    cdae, memae = arguments("cdae"), arguments("memae")
    assert {"width", "redundancy_weight", "schedule", "alpha"} <= set(cdae)
    assert {"slots", "width", "learning_rate"} <= set(memae)
    assert "num_clusters" not in memae
    assert not {"image_size", "seed", "calibration"} & {*cdae, *memae}
    assert list(cdae) == sorted(cdae)


def test_an_argument_is_the_override_or_the_default():
    assert argument(with_(width=6), "width") == 6
    assert argument(SMALL, "num_clusters") == 32
    assert argument(SMALL, "slots") is None


def test_overrides_make_the_model():
    settings = with_(width=6, skips="none", attention={"embedding_dim": 3})
    check_overrides(settings)
    model = new_model(settings.resolved(1))
    assert (model.width, model.skips) == (6, "none")
    assert model.attention == {"embedding_dim": 3}


@pytest.mark.parametrize("model", ["cdae", "plain-cdae"])
def test_a_schedule_changes_what_it_names(model):
    settings = dataclasses.replace(
        with_(schedule={"learning_rate": 0.5}), model=model
    )
    schedule = new_model(settings.resolved(1)).schedule
    assert schedule.learning_rate == 0.5
    assert schedule.alternation_factor == 0.3  # nano's


@pytest.mark.parametrize("model", ["cdae", "plain-cdae", "memae"])
def test_what_a_preset_gave_once_is_found_again(model):
    settings = dataclasses.replace(
        with_(width=6), model=model, preset="edge"
    ).resolved(1)
    recorded = model_config(settings)
    assert recorded["width"] == 6
    assert changed_since(settings, recorded) == {}
    assert changed_since(settings, {}) == {}
    was = {**recorded, "clip_length": 4, "long_gone": 1}
    expected = {"clip_length": 4, "long_gone": 1}
    if "schedule" in recorded:
        was["schedule"] = {**recorded["schedule"], "beta_2": 0.5}
        expected["schedule"] = {"beta_2": 0.5}
    assert changed_since(settings, was) == expected
    assert changed_since(settings, {"width": 6}) == {}  # new arguments


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"'motion_skips'.*one of alpha, att"):
        check_names("cdae", ["width", "motion_skips"])


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"skips": "both"}, "skips must be one of motion, none"),
        ({"cluster_weight": "0,01"}, "cluster_weight='0,01'"),
        ({"schedule": {"rate": 1}}, "no 'rate': .*one of pretrain_epochs, dec"),
        ({"width": "abc"}, "width='abc'"),
        (
            {"decoder_multipliers": 4},
            r"wrong kind.*Usual: decoder_multipliers=\(4, 4, 2\)\.",
        ),
        ({"attention": {"side": 2}}, "side"),
    ],
)
def test_a_value_that_the_model_refuses(overrides, message):
    with pytest.raises(ValueError, match=message) as caught:
        check_overrides(with_(**overrides))
    assert "\n" not in str(caught.value)


def test_a_sweep_shares_what_a_model_has():
    settings = with_(width=6, redundancy_weight=0.0)
    check_shared(ABLATION, settings.overrides)
    rows = {v.name: variant_settings(v, settings) for v in ABLATION}
    assert rows["motion"].overrides["width"] == 6
    assert "redundancy_weight" not in rows["motion"].overrides
    assert rows["all"].overrides["redundancy_weight"] == 0.0
    assert rows["both-clusters"].overrides["attention"] is None


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"num_clusters": 8}, "num_clusters cannot be set: the rows"),
        ({"slots": 8}, "None of these models has an argument 'slots'"),
    ],
)
def test_a_sweep_refuses_what_would_undo_it(overrides, message):
    with pytest.raises(ValueError, match=message):
        check_shared(CLUSTERS, overrides)
