"""Equal weights and equal clips give equal losses on every backend."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BACKENDS = [
    name
    for name in ("tensorflow", "jax", "torch")
    if importlib.util.find_spec(name)
]


def run(backend, folder):
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("steps.py"), folder],
        env={**os.environ, "KERAS_BACKEND": backend},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == backend
    return result


@pytest.mark.slow
@pytest.mark.skipif(len(BACKENDS) < 2, reason="needs two backends to compare")
def test_training_steps_agree(tmp_path):
    first, *others = [run(backend, tmp_path) for backend in BACKENDS]
    assert len(first["losses"]) == 6
    assert first["losses"][0]["loss"] > 0
    for other in others:
        for mine, theirs in zip(first["losses"], other["losses"], strict=True):
            assert mine.keys() == theirs.keys()
            for name, value in mine.items():
                np.testing.assert_allclose(
                    theirs[name],
                    value,
                    rtol=1e-4,
                    atol=1e-4,
                    err_msg=f"{name}, {other['backend']}",
                )
        np.testing.assert_allclose(
            other["scores"], first["scores"], rtol=1e-3, atol=1e-3
        )
