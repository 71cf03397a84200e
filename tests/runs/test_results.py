"""Tables of finished runs."""

import json

import pytest
from click.testing import CliRunner

from keras_cdae.errors import RunFolderError
from keras_cdae.runs.models import model_config
from keras_cdae.runs.results import COLUMNS, collect, to_markdown
from keras_cdae.runs.settings import RunSettings
from keras_cdae_cli.benchmark_results import command


@pytest.fixture
def make_run(tmp_path):
    def make(name, auc, **settings):
        run = tmp_path / name
        run.mkdir()
        values = RunSettings(
            **{"dataset": "ped2", "data_dir": "d", "epochs": 9, **settings}
        ).to_dict()
        (run / "config.json").write_text(json.dumps({"settings": values}))
        rates = dict.fromkeys(COLUMNS, auc)
        metrics = {
            **rates,
            "title": "UCSD Ped2",
            "label_source": "UCSDped2.m",
            "smoothing": None,
            "equation_14": dict.fromkeys(COLUMNS, auc - 0.1),
            "trivial": {"frame_difference": dict.fromkeys(COLUMNS, 0.5)},
            "environment": {"versions": {"keras": "3"}},
        }
        (run / "metrics.json").write_text(json.dumps(metrics))
        return run

    return make


def test_seeds_of_one_recipe_are_one_result(make_run):
    runs = [
        make_run("b", 0.9, seed=1),
        make_run("a", 0.8, seed=0),
        make_run(
            "c",
            0.7,
            seed=0,
            pseudo_anomalies=0.3,
            augment=("flip", "crop"),
        ),
    ]
    first, second = collect(runs)
    assert first.seeds == (0, 1)
    assert first.scores["model"]["auc_micro_raw"] == (0.8, 0.9)
    assert second.command == (
        "keras-cdae train --dataset ped2 --preset edge --epochs 9 "
        "--pseudo-anomalies 0.3 --augment flip,crop"
    )
    text = to_markdown([first, second])
    assert "| model | 85.00 ± 7.07 |" in text
    assert "| Eq. 14 | 75.00 ± 7.07 |" in text
    assert "| frame difference | 50.00 |" in text
    assert "seeds 0, 1; UCSD Ped2; labels: UCSDped2.m" in text
    assert "--augment flip,crop`, seed 0; UCSD Ped2" in text


def test_json_has_every_seed(make_run, tmp_path):
    def run(*arguments):
        done = CliRunner().invoke(command, [*map(str, arguments), "--json"])
        assert done.exit_code == 0, done.output
        return done.stdout

    runs = [make_run("b", 0.9, seed=1), make_run("a", 0.8, seed=0)]
    (printed,) = json.loads(run(*runs))
    assert printed["seeds"] == [0, 1]
    assert printed["command"].startswith("keras-cdae train --dataset ped2")
    raw = printed["scores"]["model"]["auc_micro_raw"]
    assert raw["values"] == [0.8, 0.9]
    assert raw["mean"] == pytest.approx(0.85)
    assert raw["std"] == pytest.approx(0.0707, abs=1e-4)
    assert printed["scores"]["model"]["auc_pixel"]["mean"] is None
    file = tmp_path / "results.json"
    run(*runs, "--output", file)
    assert json.loads(file.read_text()) == [printed]
    (one,) = json.loads(run(runs[1]))
    assert one["scores"]["model"]["ap"]["std"] is None


def test_the_command_has_what_was_set(make_run):
    overrides = {"width": 4, "attention": {"border": 2}}
    run = make_run("a", 0.8, overrides=overrides, model="plain-cdae")
    assert collect([run])[0].command == (
        "keras-cdae train --dataset ped2 --model plain-cdae --preset edge "
        "--epochs 9 --set width=4 --set 'attention={\"border\": 2}'"
    )


def test_the_command_has_what_the_preset_had_then(make_run):
    run = make_run("a", 0.8, overrides={"schedule": {"beta_2": 0.5}})
    path = run / "config.json"
    config = json.loads(path.read_text())
    settings = RunSettings.read(run).resolved(1)
    path.write_text(json.dumps({**config, "model": model_config(settings)}))
    (now,) = collect([run])
    assert now.command.endswith("--set 'schedule={\"beta_2\": 0.5}'")
    model = model_config(settings)
    model["alpha"] = 25.0
    model["schedule"]["learning_rate"] = 0.1
    path.write_text(json.dumps({**config, "model": model}))
    (then,) = collect([run])
    assert then.command.removeprefix("keras-cdae train --dataset ped2 ") == (
        '--preset edge --epochs 9 --set \'schedule={"beta_2": 0.5, '
        '"learning_rate": 0.1}\' --set alpha=25.0'
    )


def test_the_command_has_what_the_preset_has_not(make_run):
    usual = {"image_size": (128, 128), "channels": 1, "batch_size": 8}
    run = make_run("a", 0.8, **usual, clip_step=2)
    command = "keras-cdae train --dataset ped2 --preset edge --epochs 9"
    assert collect([run])[0].command == f"{command} --clip-step 2"
    unusual = {"image_size": (96, 192), "channels": 3, "batch_size": 4}
    run = make_run("b", 0.8, **unusual, hold_out=0.2, pretrain_epochs=3)
    assert collect([run])[0].command == (
        f"{command} --pretrain-epochs 3 --image-size 96x192 --channels 3 "
        "--batch-size 4 --hold-out 0.2"
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "moon"}, "config.json: Unknown data set 'moon'"),
        ({"preset": "vast"}, "config.json: Unknown preset: .* paper, edge"),
    ],
)
def test_a_run_of_something_unknown_is_refused(make_run, change, message):
    run = make_run("a", 0.8, **change)
    with pytest.raises(RunFolderError, match=message):
        collect([run])


def test_places_are_there_where_there_are_masks(make_run):
    text = to_markdown(collect([make_run("a", 0.8)]))
    assert text.splitlines()[2].endswith("| EER | AP |")
    run = make_run("b", 0.8, seed=1)
    path = run / "metrics.json"
    metrics = json.loads(path.read_text())
    places = {"auc_pixel": 0.6, "rbdc": 0.5, "tbdc": 0.4}
    metrics["trivial"]["frame_difference"]["rbdc"] = 0.1
    path.write_text(json.dumps({**metrics, **places}))
    lines = to_markdown(collect([run])).splitlines()
    assert lines[2].endswith("| EER | AP | pixel AUC | RBDC | TBDC |")
    assert lines[4].endswith("| 60.00 | 50.00 | 40.00 |")
    assert lines[5].endswith("| - | - | - |")  # Eq. 14
    assert lines[6].endswith("| - | 10.00 | - |")  # frame difference


def test_what_was_not_measured_is_a_dash(make_run):
    run = make_run("a", 0.8)
    path = run / "metrics.json"
    metrics = json.loads(path.read_text())
    path.write_text(json.dumps({**metrics, "auc_macro_skip": None}))
    assert "| model | 80.00 | 80.00 | - |" in to_markdown(collect([run]))


def test_the_same_run_twice_is_refused(make_run):
    runs = [make_run("a", 0.8), make_run("b", 0.8)]
    with pytest.raises(RunFolderError, match="same settings and seed 0"):
        collect(runs)


def test_a_run_without_metrics_is_refused(make_run):
    run = make_run("a", 0.8)
    (run / "metrics.json").unlink()
    with pytest.raises(RunFolderError, match="keras-cdae eval"):
        collect([run])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"smoothing": 3.0}, "without smoothing"),
        ({"label_source": None}, "with labels"),
    ],
)
def test_other_protocols_are_refused(make_run, change, message):
    run = make_run("a", 0.8)
    path = run / "metrics.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(RunFolderError, match=message):
        collect([run])


def test_damaged_metrics_are_named(make_run):
    run = make_run("a", 0.8)
    (run / "metrics.json").write_text("{")
    with pytest.raises(RunFolderError, match=r"metrics\.json: is damaged"):
        collect([run])
