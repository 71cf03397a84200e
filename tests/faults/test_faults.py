"""What a fault leaves is whole; see `run.py` for the long run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")  # a forked process is at work at once

RUN = Path(__file__).with_name("run.py")
FAULTS = (  # a killed training is tested in tests/runs/test_resume.py
    "eval-kill",
    "score-kill",
    "export-kill",
    "full-disk",
    "read-only",
    "no-video",
    "no-frames",
    "sigterm",
    "two-runs",
)


@pytest.mark.faults
@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="needs fork and SIGKILL")
def test_nothing_is_lost():
    done = subprocess.run(
        [sys.executable, RUN, "--kills", "1", "--only", *FAULTS],
        env={**os.environ, "KERAS_BACKEND": "torch"},
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout + done.stderr[-3000:]
    if "SKIPPED" in done.stdout:
        pytest.skip(f"A part could not be tried:\n{done.stdout}")
