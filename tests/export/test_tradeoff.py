import csv
import json

import pytest
from click.testing import CliRunner

pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("matplotlib")

from keras_cdae.errors import DataError
from keras_cdae.export import tradeoff
from keras_cdae_cli.benchmark import command as benchmark

METRICS = {
    "dataset": "synthetic",
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
    assert tradeoff._stored(run_folder, "synthetic") == METRICS
    assert tradeoff._stored(run_folder, None) == METRICS
    assert tradeoff._stored(run_folder, "ped2") is None


@pytest.mark.parametrize("text", ["{", "[]", "{}"])
def test_damaged_metrics(text, run_folder):
    (run_folder / "metrics.json").write_text(text)
    with pytest.raises(DataError, match=r"metrics\.json: damaged"):
        tradeoff._stored(run_folder, "ped2")


def test_no_metrics_and_no_data_set(run_folder, videos):
    (run_folder / "metrics.json").unlink()
    with pytest.raises(DataError, match="Evaluate the run with"):
        tradeoff.measure_tradeoff(run_folder, videos, name="small")


def test_two_models_of_one_name(run_folder, videos):
    arguments = ["tradeoff", str(run_folder), str(run_folder)]
    arguments += ["--video", str(min((videos / "test").iterdir()))]
    result = CliRunner().invoke(benchmark, arguments)
    assert result.exit_code == 2
    assert "Two models have the same name" in result.stderr
