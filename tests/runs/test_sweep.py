"""Variants and seeds into run folders: finished, interrupted, other."""

import dataclasses
import json
import shutil

import keras
import numpy as np
import pytest

import keras_cdae
from keras_cdae.errors import RunFolderError
from keras_cdae.runs import budget, variants
from keras_cdae.runs import sweep as sweeps
from keras_cdae.runs.models import new_model
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runs.sweep import Hooks, sweep
from keras_cdae.runs.timing import Stopwatch, TrainingTime

CHOSEN = (
    variants.Variant("conv2d-ae", "conv2d-ae"),
    variants.Variant(
        "motion", "plain-cdae", {"branches": ["motion"], "attention": None}
    ),
)


@pytest.fixture(scope="module")
def small(camera):
    return RunSettings(
        "synthetic",
        str(camera),
        preset="nano",
        image_size=(32, 32),
        epochs=1,
        clip_step=8,
    )


@pytest.fixture(scope="module")
def finished(small, tmp_path_factory):
    """The folder of a finished sweep, and its results."""
    folder = tmp_path_factory.mktemp("sweep")
    return folder, list(sweep(CHOSEN, small, folder, seeds=(3,)))


@pytest.fixture
def no_training(monkeypatch):
    def refuse(*arguments, **options):
        raise AssertionError("a finished run was trained or evaluated again")

    for name in ("train", "evaluate", "cost"):
        monkeypatch.setattr(sweeps, name, refuse)


def test_every_run_has_its_folder_and_its_result(finished):
    folder, results = finished
    assert [(r.variant.name, r.seed) for r in results] == [
        ("conv2d-ae", 3),
        ("motion", 3),
    ]
    for result in results:
        run = folder / result.variant.name / "seed3"
        settings = RunSettings.read(run)
        assert settings.model == result.variant.model
        assert settings.overrides == result.variant.overrides
        assert settings.seed == 3
        assert {"model.keras", "scores.csv", "result.json", "history.csv"} <= {
            path.name for path in run.iterdir()
        }
        spent = TrainingTime.read(run / "timing.json")
        assert result.seconds == sum(spent.epoch_seconds) > 0
        assert result.cost["operations"] > 10**5
        assert result.cost["frames_per_second"] > 0
        assert result.cost["target_seconds"] > 0
        assert result.centroids == {}
        assert 0 <= result.metrics["auc_micro_raw"] <= 1
        assert "frame_difference" in result.metrics["trivial"]
    model = keras_cdae.load(folder / "motion" / "seed3")
    assert model.branches == ("motion",)
    assert model.calibration is not None


def test_a_finished_run_is_not_trained_again(small, finished, no_training):
    folder, results = finished
    seen = []
    hooks = Hooks(begin=lambda run, done, total: seen.append((done, total)))
    again = list(sweep(CHOSEN, small, folder, seeds=(3,), hooks=hooks))
    assert again == results
    assert seen == [(0, 2), (1, 2)]


def test_a_run_with_other_settings_is_not_taken_for_ours(
    small, finished, no_training
):
    other = dataclasses.replace(small, clip_step=4)
    with pytest.raises(RunFolderError, match="clip_step was 8 and is 4"):
        next(sweep(CHOSEN, other, finished[0], seeds=(3,)))


def test_an_evaluation_that_was_cut_short_is_made_up_for(
    small, finished, tmp_path, monkeypatch
):
    folder = shutil.copytree(finished[0], tmp_path / "sweep")
    (folder / "motion" / "seed3" / "result.json").unlink()
    (folder / "motion" / "seed3" / "scores.csv").unlink()
    monkeypatch.setattr(sweeps, "train", None)
    again = list(sweep(CHOSEN, small, folder, seeds=(3,)))
    assert (folder / "motion" / "seed3" / "scores.csv").is_file()
    rate = "auc_micro_raw"
    assert again[1].metrics[rate] == pytest.approx(
        finished[1][1].metrics[rate], abs=1e-3
    )


@pytest.mark.backend
def test_a_baseline_that_was_stopped_goes_on(small, tmp_path):
    """To the weights of a run that nothing stopped."""
    plain = CHOSEN[1:]  # jax is slow with the large kernels of the other
    settings = dataclasses.replace(small, epochs=2)

    class Stop(keras.callbacks.Callback):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    hooks = Hooks(callbacks=lambda: [Stop()])
    with pytest.raises(KeyboardInterrupt):
        next(sweep(plain, settings, tmp_path / "a", hooks=hooks))
    run = tmp_path / "a" / "motion" / "seed0"
    assert not (run / "model.keras").exists()
    timing = run / "timing.json"
    assert len(TrainingTime.read(timing).epoch_seconds) == 1
    next(sweep(plain, settings, tmp_path / "a"))
    assert len(TrainingTime.read(timing).epoch_seconds) == 2
    next(sweep(plain, settings, tmp_path / "b"))
    ours = keras_cdae.load(run)
    theirs = keras_cdae.load(tmp_path / "b" / "motion" / "seed0")
    for a, b in zip(ours.weights, theirs.weights, strict=True):
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(a),
            keras.ops.convert_to_numpy(b),
            atol=1e-6,
        )


def test_minutes_become_epochs_once(small, tmp_path, monkeypatch):
    asked = []

    def epochs_within(settings, minutes, **options):
        asked.append((settings.model, minutes))
        return 7

    trained = []

    def finish(variant, settings, *arguments):
        trained.append((variant.name, settings.seed, settings.epochs))

    monkeypatch.setattr(sweeps, "epochs_within", epochs_within)
    monkeypatch.setattr(sweeps, "_finish", finish)
    for _ in range(2):
        list(sweep(CHOSEN, small, tmp_path, seeds=(0, 1), minutes=0.5))
    assert asked == [("conv2d-ae", 0.5), ("plain-cdae", 0.5)]
    rows = [("conv2d-ae", 0, 7), ("motion", 0, 7)]
    rows += [("conv2d-ae", 1, 7), ("motion", 1, 7)]
    assert trained == 2 * rows
    plan = json.loads((tmp_path / "sweep.json").read_text())
    assert {name: row["epochs"] for name, row in plan.items()} == {
        "conv2d-ae": 7,
        "motion": 7,
    }
    other = dataclasses.replace(small, clip_step=2)
    list(sweep(CHOSEN, other, tmp_path, seeds=(0,), minutes=0.5))
    assert len(asked) == 4  # other clips take another time
    list(sweep(CHOSEN, other, tmp_path, seeds=(0,), minutes=0.5))
    assert len(asked) == 4
    list(
        sweep(CHOSEN, other, tmp_path, seeds=(0,), minutes=0.5, overwrite=True)
    )
    assert len(asked) == 6


def test_overwriting_forgets_every_run_before_the_first(
    small, tmp_path, monkeypatch
):
    runs = [tmp_path / v.name / f"seed{s}" for v in CHOSEN for s in (0, 1)]
    for run in runs:
        run.mkdir(parents=True)
        for name in ("config.json", "model.keras", "history.csv"):
            (run / name).write_text("{}")

    def stop(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeps, "_finish", stop)
    with pytest.raises(KeyboardInterrupt):
        next(sweep(CHOSEN, small, tmp_path, seeds=(0, 1), overwrite=True))
    assert not any((run / "config.json").exists() for run in runs)
    assert not any((run / "model.keras").exists() for run in runs)


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        # 56 clips at step 8 are 7 clips, so one batch of 8.
        ({"training": 2.0}, 30),
        ({"pretraining": 2.0, "alternation": 5.0}, 15),
        ({"training": 1000.0}, 2),  # never less than CDAE needs
    ],
)
def test_epochs_within_a_minute(small, monkeypatch, seconds, expected):
    monkeypatch.setattr(budget, "step_seconds", lambda *_: seconds)
    assert budget.epochs_within(small, 1.0) == expected


def test_steps_are_timed_by_stage(make_model):
    assert set(budget.step_seconds(make_model(), 2)) == {
        "pretraining",
        "alternation",
    }


def test_the_stopwatch_counts_an_epoch_once(tmp_path):
    watch = Stopwatch(tmp_path / "timing.json", clips=10)
    assert TrainingTime.read(watch.path) == TrainingTime(0, ())
    for epoch in (0, 1, 1, 2):  # the second was trained anew
        watch.on_epoch_begin(epoch)
        watch.on_test_begin()
        watch.on_test_end()
        watch.on_epoch_end(epoch)
    assert len(TrainingTime.read(watch.path).epoch_seconds) == 3
    watch.on_epoch_end(0)  # a run that starts anew
    assert len(TrainingTime.read(watch.path).epoch_seconds) == 1


def test_clips_a_second_over_all_epochs():
    spent = TrainingTime(clips=30, epoch_seconds=(2.0, 4.0))
    assert (spent.seconds, spent.clips_per_second) == (6.0, 10.0)


@pytest.mark.parametrize(
    "variant",
    [*variants.ABLATION, *variants.CLUSTERS, *variants.MOTION],
    ids=lambda v: v.name,
)
def test_every_row_of_the_paper_s_tables_can_be_made(small, variant):
    settings = dataclasses.replace(
        small.resolved(3),
        model=variant.model,
        overrides=json.loads(json.dumps(dict(variant.overrides))),
    )
    model = new_model(settings)
    plain = ("motion", "appearance", "both", "both-clusters")
    assert (model.attention is None) == (variant.name in plain)
    count = variant.name.removesuffix("-clusters")
    if count.isdigit():
        assert model.num_clusters == int(count)
    if variant.name == "32-no-redundancy":
        assert (model.num_clusters, model.redundancy_weight) == (32, 0.0)
    assert model.flow == variant.overrides.get("flow")


def test_an_unknown_model(small):
    settings = dataclasses.replace(small.resolved(3), model="resnet")
    with pytest.raises(ValueError, match="expected one of cdae, conv2d-ae"):
        new_model(settings)


def test_published_numbers_are_the_paper_s():
    table = {v.name: dict(v.published) for v in variants.COMPARISON}
    assert table["cdae"] == {"ped2": 96.5, "avenue": 86.0, "shanghaitech": 73.3}
    assert table["convlstm-ae"] == {"ped2": 88.1, "avenue": 77.0}
    assert [v.published["avenue"] for v in variants.ABLATION] == [
        *(79.9, 71.2, 81.4, 82.8, 83.5, 86.0)
    ]
    assert [v.published.get("ped2") for v in variants.CLUSTERS] == [
        *(94.5, 95.6, 95.5, 96.0, 96.5, 96.4, None)
    ]
    assert [v.published.get("ped2") for v in variants.MOTION] == [
        *(96.5, None, 93.9)
    ]
