"""Files of earlier versions load, and score what they scored then.

`tests/fixtures/make.py` wrote each folder once, with that version.
"""

import json
from pathlib import Path

import numpy as np
import pytest

import keras_cdae
from keras_cdae.runs.settings import RunSettings
from keras_cdae.scoring.jsonl import read_scores_jsonl
from keras_cdae.scoring.scores import read_scores_csv

VERSIONS = sorted((Path(__file__).parents[1] / "fixtures").glob("v*"))


@pytest.fixture(params=VERSIONS, ids=lambda folder: folder.name)
def folder(request):
    return request.param


@pytest.fixture
def expected(folder):
    return json.loads((folder / "expected.json").read_text("utf-8"))


def clips(expected):
    """As `fixtures/make.py` drew them."""
    return np.random.default_rng(expected["seed"]).integers(
        0, 255, (4, 5, 32, 32, 1), "uint8"
    )


def test_there_are_fixtures():
    assert "v0.1" in [folder.name for folder in VERSIONS]


@pytest.mark.backend
@pytest.mark.parametrize("name", ["run", "model.keras"])
def test_models_score_as_they_did(folder, expected, name):
    model = keras_cdae.load(folder / name)
    found = model.score(clips(expected))
    for key in ("score", "z", "p"):
        np.testing.assert_allclose(
            found[key], expected[key], rtol=1e-3, atol=1e-4, err_msg=key
        )


@pytest.mark.backend
def test_a_trained_model_can_be_trained_on(folder):
    """The optimizer's state is in the file, too."""
    model = keras_cdae.load(folder / "run")
    before = [np.array(w) for w in model.get_weights()]
    frames = np.random.default_rng(0).random((4, 5, 32, 32, 1), "float32")
    model.fit(frames, batch_size=4, epochs=1, verbose=0)
    changed = [
        not np.array_equal(old, new)
        for old, new in zip(before, model.get_weights(), strict=True)
    ]
    assert any(changed)


@pytest.mark.parametrize(
    ("name", "module"),
    [("model.tflite", "ai_edge_litert"), ("model.onnx", "onnxruntime")],
)
def test_exports_score_as_they_did(folder, expected, name, module):
    pytest.importorskip(module)
    from keras_cdae.runtime import EdgeScorer

    with EdgeScorer(folder / name) as scorer:
        for index, clip in enumerate(clips(expected)):
            scorer.reset()
            *none, score = [scorer.push(frame[..., 0]) for frame in clip]
            assert none == [None] * 4
            for key in ("score", "z", "p"):
                assert getattr(score, key) == pytest.approx(
                    expected[key][index], rel=1e-3, abs=1e-4
                )
            assert score.alarm


def test_run_folders(folder):
    settings = RunSettings.read(folder / "run")
    assert (settings.dataset, settings.preset) == ("synthetic", "nano")
    assert settings.image_size == (32, 32)
    assert RunSettings.read_backend(folder / "run") == "tensorflow"


def test_scores(folder, expected):
    (table,) = read_scores_csv(folder / "run" / "scores.csv")
    lines = read_scores_jsonl(folder / "scores.jsonl")
    assert len(table) == len(lines) == expected["frames"]
    assert table.score[0] == expected["first_score"]
    for key in ("frame", "score", "z", "p", "regularity", "labels"):
        np.testing.assert_array_equal(getattr(table, key), getattr(lines, key))


def test_metrics_can_be_measured_again(folder, expected):
    from keras_cdae.metrics import frame_metrics

    (table,) = read_scores_csv(folder / "run" / "scores.csv")
    metrics = frame_metrics([table.score], [table.labels])
    stored = json.loads((folder / "run/metrics.json").read_text("utf-8"))
    for key in ("auc_micro_raw", "eer", "ap", "frames"):
        assert metrics[key] == pytest.approx(stored[key], abs=1e-12)
    assert stored["auc_micro_raw"] == expected["auc_micro_raw"]


def test_fixtures_are_small():
    for folder in VERSIONS:
        files = [path for path in folder.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) < 2**20
