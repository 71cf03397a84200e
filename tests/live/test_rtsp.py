"""A real RTSP stream, that is cut and comes back."""

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

from live_doubles import motion_model

from keras_cdae.data.video import read_frames

COMMAND = Path(sys.executable).with_name("keras-cdae")


def lines_of(file):
    return [json.loads(line) for line in file.read_text().splitlines()]


def wait_for(file, events, seconds=60):
    """Wait until the events told are these, those of alarms left out."""
    deadline = time.monotonic() + seconds
    told = []
    while told != events:
        assert time.monotonic() < deadline, told
        time.sleep(0.1)
        told = [
            line["event"]
            for line in lines_of(file)
            if line["event"] not in ("alarm", "clip", "end")
        ]


@pytest.mark.slow
def test_a_stream_that_is_cut_comes_back(rtsp, free_port, tmp_path):
    model = motion_model(tmp_path / "motion.onnx")
    server = rtsp(free_port)
    arguments = ["--model", model, "--clips", tmp_path, "--threshold", "0.1"]
    told, errors = tmp_path / "told", tmp_path / "errors"
    with told.open("w") as out, errors.open("w") as err:
        url = f"rtsp://127.0.0.1:{free_port}/camera"
        process = subprocess.Popen(
            [COMMAND, "watch", url, *arguments], stdout=out, stderr=err
        )
        try:
            wait_for(told, ["connected"])
            time.sleep(2)
            # Silent, as with a cable that was pulled: the read times out.
            server.send_signal(signal.SIGSTOP)
            stopped = time.monotonic()
            wait_for(told, ["connected", "lost"])
            assert time.monotonic() - stopped < 15
            server.kill()
            server.wait()
            rtsp(free_port)
            wait_for(told, ["connected", "lost", "connected"])
            time.sleep(2)
            process.send_signal(signal.SIGTERM)
            assert process.wait(60) == 0
        finally:
            process.kill()
            process.wait()
    *lines, summary = lines_of(told)
    assert summary["event"] == "summary"
    assert summary["reconnects"] == 1
    assert summary["lost_seconds"] > 0.5
    assert summary["frames"] > 60
    assert summary["scored"] + summary["dropped"] > 40
    assert "Traceback" not in errors.read_text()
    clips = [line for line in lines if line["event"] == "clip"]
    assert clips
    for clip in clips:
        frames = sum(1 for _ in read_frames(clip["clip"]))
        assert frames == clip["clip_frames"]
