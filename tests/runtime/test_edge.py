import itertools
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("ai_edge_litert")
pytest.importorskip("onnxruntime")

from keras_cdae.data.camera import camera_frames
from keras_cdae.data.video import read_frames, write_video
from keras_cdae.errors import (
    MissingDependencyError,
    ModelFileError,
    VideoError,
)
from keras_cdae.runtime import EdgeScorer, interpreters

EXAMPLE = Path(__file__).parents[2] / "examples" / "edge_device.py"
WITHOUT_KERAS = """
import sys

class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("keras", "tensorflow", "jax", "torch"):
            raise ImportError(f"{name} is forbidden on the device")

sys.meta_path.insert(0, Forbid())
import keras_cdae
with keras_cdae.runtime.EdgeScorer(sys.argv[1], threads=1) as scorer:
    scores = list(scorer.score_video(sys.argv[2]))
print(len(scores), scores[-1].score)
"""


@pytest.mark.parametrize(
    "key", [(1, "tflite"), (1, "onnx"), (3, "tflite")], ids=str
)
def test_a_video_scores_as_with_keras(key, models, video):
    from keras_cdae.scoring import score_video

    model, path = models[key]
    expected = score_video(model, video)
    with EdgeScorer(path, threads=1) as scorer:
        scores = list(scorer.score_video(video))
    assert [s.frame for s in scores] == expected.frame.tolist()
    for name in ("score", "z", "p"):
        np.testing.assert_allclose(
            [getattr(s, name) for s in scores],
            getattr(expected, name),
            rtol=1e-3,
            atol=1e-3,
            err_msg=name,
        )
    for name, values in expected.terms.items():
        np.testing.assert_allclose(
            [s.terms[name] for s in scores], values, atol=1e-4, err_msg=name
        )
    peak = max(scores, key=lambda s: s.score)
    np.testing.assert_allclose(peak.map, expected.peak_map, rtol=1e-3)
    assert peak.alarm == (peak.score > scorer.threshold)


def test_push_equals_score_video(models, video):
    _, path = models[3, "tflite"]
    with EdgeScorer(path) as scorer:
        expected = [s.score for s in scorer.score_video(video)]
        scorer.reset()
        bgr = (frame[..., ::-1] for frame in read_frames(video))
        pushed = [scorer.push(frame) for frame in bgr]
    assert pushed[:4] == [None] * 4
    assert [s.score for s in pushed[4:]] == expected


def test_reset_begins_anew(models):
    _, path = models[1, "tflite"]
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (5, 32, 32), "uint8")
    scorer = EdgeScorer(path)
    first = [scorer.push(frame) for frame in frames][-1]
    scorer.push(frames[0])
    scorer.reset()
    again = [scorer.push(frame) for frame in frames]
    assert again[:4] == [None] * 4
    assert (again[-1].frame, again[-1].score) == (4, first.score)


def test_threshold_can_be_set(models, video):
    _, path = models[1, "tflite"]
    with EdgeScorer(path, threshold=-1e9) as scorer:
        assert next(iter(scorer.score_video(video))).alarm is True
    with EdgeScorer(path, threshold=1e9) as scorer:
        assert next(iter(scorer.score_video(video))).alarm is False


def test_no_drift_on_a_long_video(models):
    _, path = models[1, "tflite"]
    rng = np.random.default_rng(0)
    loop = rng.integers(0, 255, (10, 32, 32), "uint8")
    with EdgeScorer(path, threads=1) as scorer:
        scores = [
            scorer.push(frame)
            for frame in itertools.islice(itertools.cycle(loop), 2010)
        ]
    assert [s.score for s in scores[-10:]] == [s.score for s in scores[10:20]]


def test_stopping_early_ends_the_decoder(models, video):
    _, path = models[1, "tflite"]
    before = threading.active_count()
    with EdgeScorer(path) as scorer:
        scores = scorer.score_video(video)
        next(scores)
        assert threading.active_count() == before + 1
        scores.close()
    assert threading.active_count() == before


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
def test_keras_is_not_imported(kind, models, video):
    _, path = models[1, kind]
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_KERAS, str(path), str(video)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    count, score = done.stdout.split()
    assert int(count) == 36
    with EdgeScorer(path) as scorer:
        last = list(scorer.score_video(video))[-1]
    assert float(score) == pytest.approx(last.score, rel=1e-5)


def test_the_example_runs(models, video):
    _, path = models[1, "tflite"]
    done = subprocess.run(
        [sys.executable, str(EXAMPLE), str(path), str(video)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["tflite", "onnx"])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.97])
def test_truncated_file(kind, share, models, tmp_path):
    _, path = models[1, kind]
    data = path.read_bytes()
    cut = tmp_path / path.name
    cut.write_bytes(data[: int(share * len(data))])
    with pytest.raises(ModelFileError, match="truncated, or not exported"):
        EdgeScorer(cut)


def test_damaged_file(models, tmp_path):
    _, path = models[1, "tflite"]
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 255
    damaged = tmp_path / "m.tflite"
    damaged.write_bytes(data)
    with pytest.raises(ModelFileError, match="checksum is wrong"):
        EdgeScorer(damaged)


@pytest.mark.parametrize("name", ["m.tflite", "m.onnx"])
def test_foreign_file(name, tmp_path):
    (tmp_path / name).write_bytes(b"not a model" * 50)
    with pytest.raises(ModelFileError, match="not exported by keras-cdae"):
        EdgeScorer(tmp_path / name)


def test_missing_or_other_file(tmp_path):
    with pytest.raises(ModelFileError, match="no such file"):
        EdgeScorer(tmp_path / "m.tflite")
    (tmp_path / "m.keras").write_bytes(b"")
    with pytest.raises(ModelFileError, match=r"opens .tflite and .onnx"):
        EdgeScorer(tmp_path / "m.keras")


def test_a_renamed_file_is_told(models, tmp_path):
    _, path = models[1, "onnx"]
    shutil.copy(path, tmp_path / "m.tflite")
    with pytest.raises(ModelFileError, match="not exported by keras-cdae"):
        EdgeScorer(tmp_path / "m.tflite")


def test_no_interpreter(models, monkeypatch):
    _, path = models[1, "tflite"]
    monkeypatch.setattr(interpreters, "TFLITE_MODULES", ("absent_module",))
    with pytest.raises(
        MissingDependencyError, match="pip install ai-edge-litert"
    ):
        EdgeScorer(path)
    _, path = models[1, "onnx"]
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingDependencyError, match="pip install onnxruntime"):
        EdgeScorer(path)


def test_bad_frames(models):
    _, path = models[3, "tflite"]
    with EdgeScorer(path) as scorer:
        with pytest.raises(TypeError, match="type list"):
            scorer.push([[0]])
        with pytest.raises(VideoError, match="64-bit image"):
            scorer.push(np.zeros((8, 8, 3)))
        with pytest.raises(VideoError, match="alpha channel"):
            scorer.push(np.zeros((8, 8, 4), "uint8"))
        with pytest.raises(VideoError, match=r"is grey, and 3\.tflite"):
            scorer.push(np.zeros((8, 8), "uint8"))
        scorer.push(np.zeros((8, 8, 3), "uint8"))
        with pytest.raises(VideoError, match="frame 1 has 9 x 8 pixels"):
            scorer.push(np.zeros((9, 8, 3), "uint8"))
    for threads in (0, "2"):
        with pytest.raises(ValueError, match="threads must be at least 1"):
            EdgeScorer(path, threads=threads)
    for threshold in (float("nan"), "1"):
        with pytest.raises(ValueError, match="threshold must be a finite"):
            EdgeScorer(path, threshold=threshold)


def test_a_closed_scorer_says_so(models):
    _, path = models[1, "tflite"]
    with EdgeScorer(path) as scorer:
        pass
    frame = np.zeros((8, 8), "uint8")
    for _ in range(4):
        scorer.push(frame)
    with pytest.raises(ValueError, match="is closed"):
        scorer.push(frame)


def test_grey_video_warns_a_colour_model(models, tmp_path, caplog):
    _, path = models[3, "tflite"]
    frames = np.full((6, 32, 32), 90, "uint8")
    video = write_video(tmp_path / "grey.avi", frames, fps=10)
    with EdgeScorer(path) as scorer:
        assert len(list(scorer.score_video(video))) == 2
    assert "its first frame is grey" in caplog.text


def test_video_that_cannot_be_scored(models, tmp_path):
    _, path = models[1, "tflite"]
    short = tmp_path / "short.avi"
    write_video(short, np.zeros((3, 16, 16), "uint8"), fps=10)
    with EdgeScorer(path) as scorer:
        with pytest.raises(VideoError, match="needs 5 frames, this one has 3"):
            list(scorer.score_video(short))
        with pytest.raises(VideoError, match="no such file"):
            list(scorer.score_video(tmp_path / "absent.mp4"))


class Camera:
    """Stands in for `cv2.VideoCapture`."""

    def __init__(self, frames):
        self.frames = list(frames)
        self.released = False

    def isOpened(self):
        return bool(self.frames)

    def grab(self):
        return bool(self.frames)

    def retrieve(self):
        return True, self.frames.pop(0)

    def release(self):
        self.released = True


def test_a_camera_that_ends(models, monkeypatch):
    _, path = models[1, "tflite"]
    camera = Camera(np.zeros((7, 40, 40, 3), "uint8"))
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: camera)
    scores = []
    with (
        EdgeScorer(path) as scorer,
        pytest.raises(VideoError, match="camera 0: ended after 7 frames"),
    ):
        scores.extend(scorer.score_camera(0))
    assert camera.released


def test_a_camera_that_is_absent(monkeypatch):
    monkeypatch.setattr(cv2, "VideoCapture", lambda *_: Camera([]))
    with pytest.raises(VideoError, match="cannot be opened"):
        next(camera_frames("rtsp://nowhere"))
