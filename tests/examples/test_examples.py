"""Every file in `examples/` runs, with small settings, and says a result."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "examples"
EXAMPLES = sorted(path.stem for path in FOLDER.glob("*.py"))

# It needs an exported file, which the tests beside the exports have.
ELSEWHERE = {"edge_device": "runtime/test_edge.py"}

# What is not here runs without arguments, and has to print something.
ARGUMENTS = {
    "folder_of_videos": ["--epochs", "1"],
    "score_and_plot": ["--epochs", "1"],
}
EXPECTED = {
    "fit_your_own_dataset": r"Median score: \S+ of normal clips, \S+ backward",
    "fit_without_tensorflow": r"(torch|jax): \d+ batches an epoch, loss of mot",
    "folder_of_videos": r"Wrote camera.keras: \d+ held-out normal clips score",
    "score_and_plot": r"\d+ scores; frame \d+ is the least regular: see",
}
FILES = {
    "folder_of_videos": "camera.keras",
    "score_and_plot": "unusual.png",
}
NEEDS = {
    "fit_without_tensorflow": ("torch",),  # and again under jax, below
    "score_and_plot": ("tensorflow", "matplotlib"),
}

pytestmark = pytest.mark.slow


def run_example(name, arguments, folder):
    """Run an example in a folder of its own; return what it printed."""
    environment = {
        **os.environ,
        "KERAS_CDAE_CACHE": str(folder / "cache"),
        "TF_CPP_MIN_LOG_LEVEL": "2",
        # Threads that spin while they wait make a shared machine crawl.
        "OMP_WAIT_POLICY": "PASSIVE",
        "KMP_BLOCKTIME": "0",
    }
    done = subprocess.run(
        [sys.executable, str(FOLDER / f"{name}.py"), *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def need(packages):
    for package in packages:
        if importlib.util.find_spec(package) is None:
            pytest.skip(f"{package} is not installed")


def test_there_are_examples():
    assert set(EXPECTED) <= set(EXAMPLES)
    assert set(ARGUMENTS) | set(FILES) | set(NEEDS) <= set(EXAMPLES)


@pytest.mark.parametrize(("name", "place"), ELSEWHERE.items())
def test_runs_elsewhere(name, place):
    test = (Path(__file__).parents[1] / place).read_text(encoding="utf-8")
    assert f'"{name}.py"' in test
    assert "subprocess.run" in test or "runpy" in test


@pytest.mark.parametrize("name", sorted({*EXAMPLES} - {*ELSEWHERE}))
def test_runs(name, tmp_path):
    need(NEEDS.get(name, ("tensorflow",)))
    printed = run_example(name, ARGUMENTS.get(name, []), tmp_path)
    assert printed.strip()
    assert re.search(EXPECTED.get(name, ""), printed.splitlines()[-1])
    if name in FILES:
        assert (tmp_path / FILES[name]).stat().st_size > 1000


def test_runs_under_jax(tmp_path):
    need(("jax",))
    arguments = ["--backend", "jax", "--epochs", "1"]
    printed = run_example("fit_without_tensorflow", arguments, tmp_path)
    assert printed.splitlines()[-1].startswith("jax: ")


def test_plot_of_own_model_and_video(tmp_path):
    """The two examples on videos fit together, as a user would chain them."""
    need(("tensorflow", "matplotlib"))
    run_example("folder_of_videos", ["--epochs", "1"], tmp_path)
    from keras_cdae.data import make_synthetic

    made = make_synthetic(tmp_path / "d", train_videos=1, frames=60)
    printed = run_example(
        "score_and_plot",
        [str(made / "test/01.mp4"), "--model", "camera.keras"],
        tmp_path,
    )
    assert "56 scores; frame " in printed
