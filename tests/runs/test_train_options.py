"""What a training leaves, by its options."""

import contextlib
import csv
import dataclasses
import json

import numpy as np
import pytest

import keras_cdae
from keras_cdae.data import Augmentation
from keras_cdae.data.augmentation import AUGMENTATIONS
from keras_cdae.errors import DeviceError
from keras_cdae.runs import train, trainer
from keras_cdae.runs.settings import RunSettings


def test_a_mixed_training_leaves_a_model_in_float32(settings, tmp_path):
    mixed = dataclasses.replace(settings, dtype="mixed_bfloat16", epochs=3)
    train(mixed, tmp_path / "run")
    model = keras_cdae.load(tmp_path / "run")
    assert model.dtype_policy.name == "float32"
    assert {v.dtype for v in model.trainable_weights} == {"float32"}
    clips = np.random.default_rng(0).integers(0, 255, (2, 5, 32, 32, 3))
    assert np.isfinite(model.score(clips.astype("uint8"))["z"]).all()


def test_pseudo_anomalies_change_the_training_and_are_kept(settings, tmp_path):
    odd = dataclasses.replace(settings, pseudo_anomalies=0.5, epochs=3)
    plain = dataclasses.replace(settings, epochs=3)
    first = train(odd, tmp_path / "odd")
    again = train(odd, tmp_path / "again")
    other = train(plain, tmp_path / "plain")
    weights = [
        np.concatenate([w.ravel() for w in m.get_weights()])
        for m in (first, again, other)
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()
    stored = json.loads((tmp_path / "odd" / "config.json").read_text())
    assert stored["settings"]["pseudo_anomalies"] == 0.5


def test_augmentation_changes_the_training_and_is_kept(settings, tmp_path):
    kinds = ("flip", "brightness")
    changed = dataclasses.replace(settings, augment=kinds, epochs=3)
    plain = dataclasses.replace(settings, epochs=3)
    models = [
        train(changed, tmp_path / "changed"),
        train(changed, tmp_path / "again"),
        train(plain, tmp_path / "plain"),
    ]
    weights = [
        np.concatenate([w.ravel() for w in m.get_weights()]) for m in models
    ]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert (weights[0] != weights[2]).any()
    assert RunSettings.read(tmp_path / "changed").augment == kinds


@pytest.mark.backend
def test_held_out_video_decides(settings, tmp_path, monkeypatch):
    def trained(name, large, **arguments):
        monkeypatch.setattr("keras_cdae.runs.gap.LARGE", large)
        run = tmp_path / name
        model = train(dataclasses.replace(settings, **arguments), run)
        with (run / "history.csv").open(newline="") as stream:
            shown = [row.get("augmented") for row in csv.DictReader(stream)]
        return shown, np.concatenate([w.ravel() for w in model.get_weights()])

    _, plain = trained("plain", 2.0)
    shown, asked = trained("asked", 0.0, augment="auto")
    assert shown == ["0.0", "1.0", "1.0", "1.0"]
    assert (asked != plain).any()
    shown, not_asked = trained("not", np.inf, augment="auto")
    assert shown == ["0.0"] * 4
    np.testing.assert_array_equal(not_asked, plain)
    _, whole = trained("whole", 2.0, augment=AUGMENTATIONS)
    assert (asked != whole).any()


@pytest.mark.parametrize(
    ("given", "kinds"),
    [
        ("auto", ()),
        (["auto"], ()),
        ("crop, auto,flip", ("flip", "crop")),
        (("brightness", "auto"), ("brightness",)),
    ],
)
def test_auto_is_kept(given, kinds, settings, tmp_path):
    said = dataclasses.replace(settings, augment=given)
    assert said.augment == ("auto", *kinds)
    assert said.auto_augment
    assert not settings.auto_augment
    config = {"settings": said.to_dict(), "environment": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert RunSettings.read(tmp_path) == said
    assert trainer._augmentation(said).kinds == (kinds or AUGMENTATIONS)


@pytest.mark.parametrize(
    "given", [["brightness", "flip"], "brightness,flip", {"flip", "brightness"}]
)
def test_kinds_have_one_order_however_they_are_given(given, settings, tmp_path):
    said = dataclasses.replace(settings, augment=given)
    assert said.augment == ("flip", "brightness")
    config = {"settings": said.to_dict(), "environment": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert RunSettings.read(tmp_path) == said
    assert dataclasses.replace(settings, augment=None).augment == ()


ROI = {"size": [1, 2], "counts": [1, 1]}


def test_brightness_goes_with_a_region(settings):
    said = dataclasses.replace(settings, augment=["brightness"], roi=ROI)
    assert said.augment == ("brightness",)
    auto = dataclasses.replace(said, augment="auto")
    assert trainer._augmentation(auto).kinds == ("brightness",)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"augment": ("blur",)}, "augment must be some of"),
        ({"augment": Augmentation()}, "augment must be some of"),
        ({"augment": ("auto", "blur")}, "augment must be some of"),
        ({"augment": ("auto", "flip"), "roi": ROI}, "can be brightness alone"),
        (
            {"augment": "auto", "model": "flow-cdae"},
            "flow-cdae takes no augment",
        ),
        ({"augment": ("crop",), "roi": ROI}, "can be brightness alone"),
        (
            {"augment": ("flip",), "model": "flow-cdae"},
            "flow-cdae takes no augment",
        ),
        ({"pseudo_anomalies": 1.5}, "must lie in"),
        (
            {"pseudo_anomalies": 0.2, "model": "conv2d_ae"},
            "for the model cdae alone",
        ),
    ],
)
def test_settings_that_cannot_be(settings, arguments, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(settings, **arguments)


def test_a_run_is_trained_on_its_devices(settings, tmp_path, monkeypatch):
    inside = []

    @contextlib.contextmanager
    def data_parallel(devices):
        inside.append(devices)
        yield
        inside.clear()

    def fit(settings, *others):
        assert inside == [settings.devices]
        raise InterruptedError("far enough")

    monkeypatch.setattr(trainer, "require_devices", lambda devices: None)
    monkeypatch.setattr(trainer, "data_parallel", data_parallel)
    monkeypatch.setattr(trainer, "_fit", fit)
    two = dataclasses.replace(settings, devices=2)
    with pytest.raises(InterruptedError, match="far enough"):
        train(two, tmp_path / "run")
    stored = json.loads((tmp_path / "run" / "config.json").read_text())
    assert stored["settings"]["devices"] == 2


def test_absent_devices_are_missed_before_anything_is_done(tmp_path, settings):
    many = dataclasses.replace(settings, devices=99, batch_size=99)
    with pytest.raises(DeviceError, match=r"devices"):
        train(many, tmp_path / "run")
    assert not (tmp_path / "run").exists()
