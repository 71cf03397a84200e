"""The runs that are kept in docs/runs are what the pages say they are."""

import csv
import json
import re
from pathlib import Path

import pytest

from keras_cdae.runs.results import collect, to_markdown

ROOT = Path(__file__).parents[2]
RUNS = sorted((ROOT / "docs/runs").iterdir())
RESULTS = collect(RUNS)
PED2 = [result for result in RESULTS if result.title == "Ped2"]
PAGE = (ROOT / "docs/results.md").read_text(encoding="utf-8")


def titles(results):
    return [f"{r.title}: {r.command}" for r in results]


@pytest.mark.parametrize("result", RESULTS, ids=titles(RESULTS))
def test_the_page_has_the_table_that_the_command_prints(result):
    assert to_markdown([result]).strip() in PAGE


def test_every_seed_of_a_recipe_is_there():
    claimed = [r for r in PED2 if len(r.seeds) > 1]
    assert [r.seeds for r in claimed] == [(0, 1, 2)] * 3


@pytest.mark.parametrize("result", PED2, ids=titles(PED2))
def test_the_glance_agrees(result):
    rows = to_markdown([result]).splitlines()[4:]
    cells = {
        row.split(" | ")[0].strip("| "): row.split(" | ")[1:3] for row in rows
    }
    glance = PAGE.split("## Ped2 at a glance")[1].split("## ")[0]
    glance = glance.replace("*", "")
    for name in ("model", "Eq. 14"):
        if name in cells:
            assert " / ".join(cells[name]) in glance


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_a_kept_run_is_whole_and_of_no_machine(run):
    config = json.loads((run / "config.json").read_text())
    assert config["settings"]["data_dir"] == "DIR"
    with (run / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == config["settings"]["epochs"]
    spent = json.loads((run / "timing.json").read_text())
    assert len(spent["epoch_seconds"]) == len(rows)
    for path in run.iterdir():
        assert not re.search(r"/(home|tmp|root|work)/", path.read_text())


def test_the_shipped_model_is_the_run_of_seed_0():
    metrics = json.loads(
        (ROOT / "docs/runs/ped2-edge-seed0/metrics.json").read_text()
    )
    protocols = {
        "micro AUC, per-video min-max": "auc_micro_per_video",
        "micro AUC of 1 - S(t), Eq. 15": "auc_micro_regularity",
        "micro AUC, raw": "auc_micro_raw",
        "macro AUC, one-class skipped": "auc_macro_skip",
        "macro AUC, padded": "auc_macro_padded",
        "EER, raw": "eer",
        "EER, per-video min-max": "eer_per_video",
        "AP, raw": "ap",
        "AP, per-video min-max": "ap_per_video",
        "pixel AUC": "auc_pixel",
        "RBDC, regions": "rbdc",
        "TBDC, tracks": "tbdc",
    }
    for name in ("README.md", "saved_models/ped2-edge.md"):
        lines = (ROOT / name).read_text(encoding="utf-8").splitlines()
        rows = [line.split("|") for line in lines if line.startswith("| ")]
        found = {row[1].strip(): row[2].strip() for row in rows}
        for title, key in protocols.items():
            assert found[title] == f"{100 * metrics[key]:.2f}", (name, title)
