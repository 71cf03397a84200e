"""`keras-cdae demo`."""

import pytest


@pytest.mark.slow
def test_demo_ends_with_a_picture(invoke, tmp_path):
    words = ["--output", tmp_path / "demo", "--epochs", 2, "--frames", 60]
    first = invoke("demo", *words)
    assert first.code == 0, first.err
    picture = tmp_path / "demo" / "run" / "worst.png"
    assert first.err.splitlines()[-1] == f"Look at {picture}"
    assert picture.is_file()
    assert "| micro AUC, raw " in first.out
    assert (tmp_path / "demo" / "video" / "labels.csv").is_file()
