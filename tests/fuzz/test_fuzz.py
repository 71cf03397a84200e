"""Damaged files end in one clear line; see `run.py` for the long run."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

RUN = Path(__file__).with_name("run.py")


@pytest.mark.fuzz
@pytest.mark.skipif(os.name != "posix", reason="needs fork and rlimits")
def test_every_reader_refuses_damaged_files_by_our_errors():
    done = subprocess.run(
        [sys.executable, RUN, "--cases", "60", "--seed", "1"],
        capture_output=True,
        text=True,
        check=False,
        timeout=900,
    )
    assert done.returncode == 0, done.stdout
    assert ", 0 readers failed" in done.stdout
