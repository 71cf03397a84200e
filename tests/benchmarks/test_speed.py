"""The benchmark runs and prints sensible numbers; no time is asserted."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "speed.py"
SMALL = ["--preset", "nano", "--steps", "2", "--batch-size", "2"]

pytestmark = pytest.mark.slow


def run(*arguments):
    return subprocess.run(
        [sys.executable, str(SCRIPT), *SMALL, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def test_json():
    backend = keras.backend.backend()
    done = run("--backend", backend, "--json")
    assert done.returncode == 0, done.stderr[-2000:]
    report = json.loads(done.stdout)
    assert report["preset"] == "nano"
    (result,) = report["backends"].values()
    assert result["backend"] == backend
    assert set(result["step_seconds"]) == {"pretraining", "alternation"}
    assert min(result["step_seconds"].values()) > 0
    for stage, ratio in result["loop_over_network"].items():
        for clock, value in ratio.items():
            loop = result["loop_seconds"][stage][clock]
            alone = result["network_seconds"][stage][clock]
            assert value == pytest.approx(loop / alone)
            assert alone > 0
    assert set(result["loop_over_network"]) == set(result["step_seconds"])
    assert result["scored_frames_per_second"] > 0
    assert result["peak_memory_mb"] > 10
    assert report["pipeline"]["clips_per_second"]["ClipBatches"] > 0
    assert report["pipeline_ahead"]["fastest_backend"] == backend


def test_table_says_what_failed():
    done = run("--preset", "huge", "--backend", keras.backend.backend())
    assert done.returncode == 1
    assert "Unknown preset" in done.stdout
