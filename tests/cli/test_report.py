"""`keras-cdae report`: of a run, of a score file, of what is none."""

import shutil

import pytest

pytest.importorskip("jinja2")
pytest.importorskip("av")
pytest.importorskip("matplotlib")


@pytest.fixture(scope="module")
def evaluated(trained, invoke, tmp_path_factory):
    """A copy of a finished run, evaluated; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("evaluated") / "run"
    shutil.copytree(trained, folder)
    result = invoke("eval", folder, "--no-plots")
    assert result.code == 0, result.err
    return folder


def test_a_run_finds_its_videos_and_its_model(invoke, evaluated):
    result = invoke("report", evaluated)
    assert result.code == 0, result.err
    assert result.out == ""
    page = evaluated / "report.html"
    last = result.err.splitlines()[-1]
    assert last.startswith(f"Wrote {page}: ")
    assert last.endswith("2 of 2 videos play in it.")
    assert "Note: " not in result.err
    text = page.read_text(encoding="utf-8")
    for part in ("protocols", "calibration", "centroids", "training", "setup"):
        assert f'<section id="{part}"' in text
    assert "seed</th><td>3</td>" in text


def test_without_maps_the_model_is_not_run(invoke, evaluated, tmp_path):
    page = tmp_path / "page.html"
    result = invoke("report", evaluated, "--no-maps", "--output", page)
    assert result.code == 0, result.err
    assert "Looking" not in result.err
    text = page.read_text(encoding="utf-8")
    assert '<section id="calibration"' in text  # read from its file
    assert '<section id="centroids"' not in text


def test_a_score_file_says_how_to_get_pictures(invoke, evaluated, tmp_path):
    scores = shutil.copy(evaluated / "scores.csv", tmp_path / "monday.csv")
    result = invoke("report", scores)
    assert result.code == 0, result.err
    assert (tmp_path / "monday.html").is_file()
    assert "Note: No video file was found" in result.err
    assert "--videos DIR" in result.err
    assert "0 of 2 videos play in it." in result.err


def test_a_folder_of_videos(invoke, evaluated, camera, tmp_path):
    scores = shutil.copy(evaluated / "scores.csv", tmp_path / "monday.csv")
    result = invoke("report", scores, "--videos", camera / "test")
    assert result.code == 0, result.err
    assert "2 of 2 videos play in it." in result.err
    assert "Add --model MODEL" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere"], "nowhere: no such run folder or score file"),
        (["{run}", "--videos", "nowhere"], "nowhere: no such file or folder"),
        (["{run}", "--model", "nowhere"], "nowhere: no such run folder"),
        (["{run}/config.json"], "config.json: is not a score file"),
        (["{run}/model.keras"], "model.keras: is a model, and a report is of"),
        (["ped2-edge"], "--output FOLDER`, then give FOLDER"),
    ],
)
def test_what_is_not_there(
    invoke, evaluated, arguments, words, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    given = [word.format(run=evaluated) for word in arguments]
    result = invoke("report", *given)
    assert result.code == 1
    assert words in result.error


def test_a_run_that_is_not_evaluated(invoke, trained):
    result = invoke("report", trained)
    assert result.code == 1
    assert f"`keras-cdae eval {trained}`" in result.error


def test_wrong_usage(invoke, evaluated):
    assert "x>=1" in invoke("report", evaluated, "--max-mib", 0).usage
    assert "Missing argument" in invoke("report").usage
