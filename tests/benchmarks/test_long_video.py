"""The long-video benchmark repeats a video and watches scores and memory."""

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("tensorflow")
pytest.importorskip("ai_edge_litert")
pytest.importorskip("av")

from keras_cdae.data import H264Writer, read_frames
from keras_cdae.export import export
from keras_cdae.runtime.score import Score

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "long_video.py"


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("long_video", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["long_video"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["long_video"]


@pytest.fixture
def video(tmp_path, rng):
    path = tmp_path / "short.mp4"
    with H264Writer(path, fps=10) as writer:
        for _ in range(12):
            writer.write(rng.integers(0, 255, (48, 64, 3), "uint8"))
    return path


def test_repetitions_decode_alike(script, video, tmp_path):
    target = tmp_path / "long.mp4"
    assert script.repeat_video(video, target, 30) == 12
    frames = np.stack(list(read_frames(target)))
    assert len(frames) == 36
    np.testing.assert_array_equal(frames[:12], frames[12:24])
    np.testing.assert_array_equal(frames[:12], frames[24:])


def scores(values):
    for frame, value in enumerate(values):
        if frame >= 4:
            yield Score(frame, value, None, None, None, {}, np.zeros((1, 1)))


def test_drift_is_seen(script):
    one = [0.1 * place for place in range(8)]
    same = script.watch(scores(one * 3), 8, 24, first=4)
    assert (same.frames, same.compared) == (24, 8)
    assert same.largest_difference == 0
    assert [frame for frame, _ in same.resident][-1] == 24
    drifted = [*one, *one[:-1], 1.7]
    seen = script.watch(scores(drifted), 8, 16, first=4)
    assert seen.largest_difference == pytest.approx(1.0)


def test_a_whole_run(make_model, video, tmp_path):
    model = tmp_path / "m.tflite"
    export(
        make_model(),
        model,
        format="tflite",
        check=False,
        allow_uncalibrated=True,
    )
    command = [sys.executable, SCRIPT, model, video, "--frames", "40", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert (seen["loop"], seen["frames"], seen["compared"]) == (12, 40, 16)
    assert seen["largest_difference"] == 0
    assert seen["resident"][-1][0] == 40
    assert seen["resident"][-1][1] > 10
