import csv
import json
import shutil

import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("matplotlib")

from keras_cdae.errors import DataError, RunFolderError
from keras_cdae.export import tradeoff
from keras_cdae.runs.results import COLUMNS
from keras_cdae_cli import output
from keras_cdae_cli.benchmark import command as benchmark
from keras_cdae_cli.benchmark_tradeoff import names_of

METRICS = {
    **dict.fromkeys(COLUMNS, 0.5),
    "dataset": "synthetic",
    "title": "synthetic",
    "label_source": "masks",
    "smoothing": None,
    "trivial": {},
    "auc_micro_per_video": 0.75,
    "auc_micro_raw": 0.625,
}


@pytest.fixture
def run_folder(model, tmp_path):
    folder = tmp_path / "small"
    folder.mkdir()
    model.save(folder / "model.keras")
    (folder / "metrics.json").write_text(json.dumps(METRICS))
    return folder


def test_table_csv_and_picture(run_folder, videos, tmp_path):
    target = tmp_path / "found"
    arguments = [
        *("tradeoff", str(run_folder), "--lean", "--threads", "1"),
        *("--video", str(min((videos / "test").iterdir()))),
        *("--frames", "20", "--repeats", "1", "--output", str(target)),
    ]
    result = CliRunner().invoke(benchmark, arguments)
    assert result.exit_code == 0, result.output
    assert "| small | 32 x 32" in result.stdout
    assert "| 75.00 |" in result.stdout.replace("  ", "")
    (row,) = csv.DictReader((target / "tradeoff.csv").open())
    assert (row["name"], row["threads"]) == ("small", "1")
    assert float(row["end_to_end"]) > 1
    assert 0 < float(row["core_ms"]) < 1000
    assert float(row["auc_micro_raw"]) == 0.625
    assert (target / "tradeoff.png").read_bytes().startswith(b"\x89PNG")


def test_metrics_of_another_data_set_do_not_count(run_folder):
    file = run_folder / "model.keras"
    assert tradeoff._stored(file, "synthetic") == METRICS
    assert tradeoff._stored(file, None) == METRICS
    assert tradeoff._stored(file, "ped2") is None


def test_metrics_of_another_model_do_not_count(run_folder, videos):
    file = run_folder / "other.keras"
    shutil.copy(run_folder / "model.keras", file)
    assert tradeoff._stored(file, "synthetic") is None
    message = r"other\.keras: the metrics\.json beside it is of model\.keras"
    with pytest.raises(DataError, match=message):
        tradeoff.measure_tradeoff(file, videos, name="other")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is damaged"),
        ("[]", "holds no plain metrics"),
        (json.dumps({**METRICS, "smoothing": 3.0}), "without smoothing"),
        (json.dumps({**METRICS, "label_source": None}), "with labels"),
    ],
)
def test_metrics_that_are_not_plain(text, message, run_folder):
    (run_folder / "metrics.json").write_text(text)
    file = run_folder / "model.keras"
    with pytest.raises(RunFolderError, match=rf"metrics\.json: .*{message}"):
        tradeoff._stored(file, None)
    assert tradeoff._stored(file, "synthetic") is None  # it is measured


def test_no_metrics_and_no_data_set(run_folder, videos):
    (run_folder / "metrics.json").unlink()
    with pytest.raises(DataError, match="Evaluate the run with"):
        tradeoff.measure_tradeoff(run_folder, videos, name="small")


def test_a_later_model_without_metrics_is_told_first(
    run_folder, videos, tmp_path
):
    """Before anything is measured, which takes minutes a model."""
    other = tmp_path / "other"
    shutil.copytree(run_folder, other)
    (other / "metrics.json").unlink()
    arguments = ["tradeoff", str(run_folder), str(other)]
    arguments += ["--video", str(min((videos / "test").iterdir()))]
    result = CliRunner().invoke(benchmark, arguments)
    assert isinstance(result.exception, DataError)
    assert str(result.exception).startswith(f"{other}: no metrics.json")
    assert "Measuring" not in result.stderr


def test_two_models_of_one_name(run_folder, videos):
    arguments = ["tradeoff", str(run_folder), str(run_folder)]
    arguments += ["--video", str(min((videos / "test").iterdir()))]
    result = CliRunner().invoke(benchmark, arguments)
    assert result.exit_code == 2
    assert "would both be '" in result.stderr
    assert result.stderr.count(f"{run_folder}") == 2


@pytest.mark.parametrize(
    ("models", "names"),
    [
        (["a.1", "runs/b/"], ["a.1", "b"]),
        (["sw/x/seed0", "sw/y/seed0", "z"], ["x/seed0", "y/seed0", "z"]),
        (["x/model.keras", "y/model.keras"], ["x/model", "y/model"]),
        (["ped2-edge", "ped2-edge-192"], ["ped2-edge", "ped2-edge-192"]),
    ],
)
def test_names_in_the_table(models, names):
    assert names_of(models) == names


def test_the_table_is_printed_before_it_is_written(
    run_folder, videos, tmp_path, monkeypatch
):
    row = tradeoff.Tradeoff("m", 32, 32, 9, 0.5, 0.5, 1, 10.0, 1.0, 1.0)
    monkeypatch.setattr(tradeoff, "measure_tradeoff", lambda *_, **__: [row])

    def full(*_):
        raise OSError("full")

    monkeypatch.setattr(output, "write_table", full)
    arguments = ["tradeoff", str(run_folder), "--output", str(tmp_path / "a")]
    arguments += ["--video", str(min((videos / "test").iterdir()))]
    result = CliRunner().invoke(benchmark, arguments)
    assert "32 x 32" in result.stdout
    assert str(result.exception) == "full"
