"""Reading a run folder, a score file, a folder of them."""

import json
import zipfile

import numpy as np
import pytest

from keras_cdae.errors import DataError, ModelFileError
from keras_cdae.reports.gather import read_results
from keras_cdae.reports.locate import locate_videos
from keras_cdae.scoring import write_scores_csv


def test_a_run_folder(run_folder, videos):
    found = read_results(run_folder)
    assert found.title == "Made"
    assert [video.name for video in found.videos] == ["01", "02"]
    assert np.array_equal(found.videos[1].score, videos[1].score)
    assert found.label_source == "labels.csv (intervals)"
    assert found.config["settings"]["seed"] == 7
    assert found.history["val_loss"].tolist() == [0.4, 0.3]
    assert np.isnan(found.history["stage"]).all()
    assert found.model_file is None
    assert found.calibration is None


def test_a_score_file_alone(run_folder):
    """What lies beside it may be of something else."""
    found = read_results(run_folder / "scores.csv")
    assert (found.title, len(found.videos)) == ("scores", 2)
    assert not found.metrics
    assert not found.history


def test_a_folder_of_score_files(tmp_path, videos):
    for video in videos:
        write_scores_csv(tmp_path / f"{video.name}.csv", [video])
    (tmp_path / "segments.csv").write_text("video,start,end\n01,3,9\n")
    found = read_results(tmp_path)
    assert [video.name for video in found.videos] == ["01", "02"]


def test_the_model_file_gives_the_calibration(
    run_folder, make_model, calibration
):
    model = make_model(calibration=calibration)
    model.save(run_folder / "model.keras")
    found = read_results(run_folder)
    assert found.model_file == run_folder / "model.keras"
    assert found.calibration.to_dict() == calibration.to_dict()
    assert found.model["image_size"] == [32, 32]
    assert found.model["num_clusters"] == 4


def test_no_such_folder(tmp_path):
    with pytest.raises(DataError, match="nowhere: no such run folder"):
        read_results(tmp_path / "nowhere")


def test_a_run_that_is_not_evaluated(run_folder):
    (run_folder / "scores.csv").unlink()
    (run_folder / "history.csv").unlink()
    with pytest.raises(DataError, match=f"`keras-cdae eval {run_folder}`"):
        read_results(run_folder)


def test_a_folder_of_something_else(tmp_path):
    (tmp_path / "people.csv").write_text("name,age\n")
    with pytest.raises(DataError, match="and no CSV file that"):
        read_results(tmp_path)


def test_a_table_that_is_no_text(tmp_path):
    (tmp_path / "people.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"people\.csv: is no CSV text file"):
        read_results(tmp_path)


def test_a_score_file_without_a_frame(tmp_path):
    write_scores_csv(tmp_path / "scores.csv", [])
    with pytest.raises(DataError, match="holds no scored frame"):
        read_results(tmp_path)


def test_a_video_twice(tmp_path, videos):
    for name in ("a", "b"):
        write_scores_csv(tmp_path / f"{name}.csv", videos[:1])
    with pytest.raises(DataError, match="more than one file has scores of 01"):
        read_results(tmp_path)


@pytest.mark.parametrize("content", ["{", "[1]"])
def test_damaged_metrics(run_folder, content):
    (run_folder / "metrics.json").write_text(content)
    with pytest.raises(DataError, match=r"metrics\.json: .* Evaluate the run"):
        read_results(run_folder)


def test_a_model_that_is_none(run_folder, tmp_path):
    file = tmp_path / "other.keras"
    file.write_bytes(b"x")
    with pytest.raises(ModelFileError, match="cannot be read as a model"):
        read_results(run_folder, model_file=file)
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("config.json", json.dumps({"class_name": "Dense"}))
    with pytest.raises(ModelFileError, match="cannot be read as a model"):
        read_results(run_folder, model_file=file)


# Where the videos are


def test_videos_by_their_names(run_folder, footage_folder):
    results = read_results(run_folder)
    found = locate_videos(results, videos=footage_folder)
    assert found.paths == {
        name: footage_folder / f"{name}.avi" for name in ("01", "02")
    }


def test_a_data_set_that_is_gone_is_no_error(run_folder):
    assert locate_videos(read_results(run_folder)).paths == {}


def test_the_run_s_own_data_set(run_folder, footage_folder):
    home = run_folder.parent / "gone"  # as its configuration says
    home.mkdir()
    (home / "test").symlink_to(footage_folder)
    found = locate_videos(read_results(run_folder))
    assert sorted(found.paths) == ["01", "02"]
    (run_folder / "config.json").unlink()
    assert locate_videos(read_results(run_folder)).paths == {}


def test_scores_of_another_data_set_than_the_run_s(
    run_folder, footage_folder, tmp_path
):
    home = run_folder.parent / "gone"  # of the videos it was trained on
    (home / "test").mkdir(parents=True)
    (home / "test" / "99.avi").symlink_to(footage_folder / "01.avi")
    metrics = json.loads((run_folder / "metrics.json").read_text())
    metrics["dataset"] = "avenue"
    (run_folder / "metrics.json").write_text(json.dumps(metrics))
    assert locate_videos(read_results(run_folder)).paths == {}


def test_a_data_set(run_folder, footage_folder, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "test").symlink_to(footage_folder)
    results = read_results(run_folder)
    found = locate_videos(results, data_dir=tmp_path / "data")
    assert sorted(found.paths) == ["01", "02"]


def test_other_videos(run_folder, footage_folder, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "99.avi").symlink_to(footage_folder / "01.avi")
    results = read_results(run_folder)
    with pytest.raises(DataError, match="It has 99; the scores are of 01, 02"):
        locate_videos(results, videos=tmp_path / "other")


def test_a_folder_of_no_known_data_set(run_folder, footage_folder):
    results = read_results(run_folder / "scores.csv")
    with pytest.raises(DataError, match="Say it with --dataset NAME"):
        locate_videos(results, data_dir=footage_folder)
