"""`benchmark compare`, `ablation` and `clusters`."""

import csv
import shutil

import pytest

SMALL = ["--preset", "nano", "--image-size", 32, "--clip-step", 8]
MODELS = ["--models", "frame-prediction,conv2d-ae", "--epochs", 1]


@pytest.fixture(scope="module")
def compared(invoke, camera, tmp_path_factory):
    """The folder of a small comparison, and what was printed."""
    folder = tmp_path_factory.mktemp("compared")
    data = ["--dataset", "synthetic", "--data-dir", camera]
    words = [*data, *SMALL, *MODELS, "--output", folder]
    return folder, words, invoke("benchmark", "compare", *words)


def test_it_prints_a_table_and_leaves_csv_markdown_and_plot(compared):
    folder, _, result = compared
    assert result.code == 0, result.err
    lines = result.out.splitlines()
    assert lines[0].startswith(
        "CDAE and baselines on Synthetic camera: preset nano, 1 epoch each, "
        "seed 0, "
    )
    rows = [line.split("|")[1].strip() for line in lines if "|" in line]
    assert rows[2:] == [
        *("conv2d-ae", "frame-prediction", "frame difference", "frame index")
    ]
    assert "112 scored frames of 2 videos" in result.out
    assert "A reduced budget: the paper trains 150 epochs" in result.out
    assert "[1/2] conv2d-ae, seed0" in result.err
    assert lines[0] in (folder / "comparison.md").read_text()
    assert (folder / "comparison.png").stat().st_size > 10_000
    with (folder / "results.csv").open(newline="") as stream:
        written = list(csv.DictReader(stream))
    assert [row["variant"] for row in written] == [
        "conv2d-ae",
        "frame-prediction",
    ]
    assert all(0 < float(row["auc_micro_raw"]) < 1 for row in written)


@pytest.mark.slow
def test_motion_targets_have_their_time_and_resume(invoke, camera, tmp_path):
    data = ["--dataset", "synthetic", "--data-dir", camera]
    words = [*data, *SMALL, "--targets", "difference,flow-dis"]
    words += ["--set", "num_clusters=3", "--output", tmp_path]
    first = invoke("benchmark", "motion", *words, "--epochs", 2)
    assert first.code == 0, first.err
    lines = first.out.splitlines()
    assert lines[0].startswith("Motion targets (Fig. 6) on Synthetic camera")
    assert "Set in every model that has it: num_clusters=3." in first.out
    assert (
        "| target ms | ms/frame |" in (tmp_path / "comparison.md").read_text()
    )
    assert (tmp_path / "comparison.png").stat().st_size > 10_000
    with (tmp_path / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["variant"] for row in rows] == ["difference", "flow-dis"]
    assert all(float(row["target_seconds"]) > 0 for row in rows)
    assert all(1 <= float(row["motion_used"]) <= 3 for row in rows)
    assert all(0 < float(row["auc_micro_raw"]) < 1 for row in rows)
    again = invoke("benchmark", "motion", *words, "--epochs", 2, "--json")
    assert "Epoch" not in again.err
    assert [r["auc_micro_raw"] for r in again.json["runs"]] == [
        float(row["auc_micro_raw"]) for row in rows
    ]
    result = invoke("eval", tmp_path / "flow-dis" / "seed0", "--json")
    assert result.code == 0, result.err
    assert result.json["auc_micro_raw"] == pytest.approx(
        float(rows[1]["auc_micro_raw"]), abs=1e-3
    )


def test_without_labels_nothing_is_compared(invoke, camera, tmp_path):
    data = shutil.copytree(camera, tmp_path / "camera")
    (data / "labels.csv").unlink()
    words = ["--dataset", "synthetic", "--data-dir", data, *SMALL]
    words += ["--models", "conv2d-ae", "--epochs", 1]
    result = invoke(
        "benchmark", "compare", *words, "--output", tmp_path / "out"
    )
    assert (result.code, result.out) == (1, ""), result.err
    assert "has no labels, so nothing can be compared" in result.err
    assert not (tmp_path / "out").exists()  # said before the training


def test_the_same_command_reads_what_is_there(invoke, compared):
    _, words, first = compared
    again = invoke("benchmark", "compare", *words, "--json")
    assert again.code == 0, again.err
    assert "Epoch" not in again.err
    runs = again.json["runs"]
    assert [run["seed"] for run in runs] == [0, 0]
    for run in runs:
        assert f"{100 * run['auc_micro_raw']:.2f}" in first.out
    assert "frame_difference" in again.json["trivial"]


def test_a_run_of_the_comparison_is_a_run(invoke, compared):
    folder, _, first = compared
    run = folder / "frame-prediction" / "seed0"
    result = invoke("eval", run, "--json", "--no-plots")
    assert result.code == 0, result.err
    assert f"{100 * result.json['auc_micro_raw']:.2f}" in first.out


def test_other_settings_are_refused(invoke, compared):
    _, words, _ = compared
    result = invoke("benchmark", "compare", *words, "--clip-step", 7)
    assert result.code == 1
    assert "clip_step was 8 and is 7" in result.err
    assert "--overwrite" in result.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["compare", "--dataset", "ped2", "--preset", "paper"], "'edge'"),
        (["compare", "--dataset", "ped2", "--models", "cdae,x"], "'x' is none"),
        (["compare", "--dataset", "ped2", "--seeds", "0,a"], "seeds as 0,1,2"),
        (["compare", "--dataset", "ped2", "--seeds", 2**32], "seeds as 0,1,2"),
        (["clusters", "--dataset", "ped2", "--minutes", 0], "x>0"),
        (
            ["ablation", "--dataset", "ped2", "--minutes", 1, "--epochs", 1],
            "--epochs or --minutes",
        ),
    ],
)
def test_wrong_usage(invoke, arguments, words):
    assert words in invoke("benchmark", *arguments).usage


def test_test_video_is_asked_for_before_training(invoke, camera, tmp_path):
    shutil.copytree(camera / "train", tmp_path / "own" / "train")
    data = ["--dataset", "folder", "--data-dir", tmp_path / "own"]
    output = ["--output", tmp_path / "out", "--preset", "nano", "--epochs", 1]
    result = invoke("benchmark", "compare", *data, *output)
    assert result.code == 1
    assert "has no test video to evaluate on" in result.error
    assert not (tmp_path / "out").exists()


def test_what_the_rows_vary_cannot_be_set(invoke, camera):
    data = ["--dataset", "synthetic", "--data-dir", camera]
    result = invoke("benchmark", "clusters", *data, "--set", "num_clusters=8")
    assert "num_clusters cannot be set" in result.usage


@pytest.mark.parametrize(
    "name", ["runtime", "compare", "ablation", "clusters", "motion"]
)
def test_every_benchmark_has_a_help(invoke, name):
    result = invoke("benchmark", name, "--help")
    assert (result.code, result.err) == (0, "")
    assert name in invoke("benchmark", "--help").out


def test_a_missing_data_set_is_said_first(invoke, tmp_path):
    result = invoke(
        *("benchmark", "clusters", "--dataset", "ped2"),
        *("--data-dir", tmp_path / "none"),
    )
    assert result.code == 1
    assert f"{tmp_path / 'none'}: no such folder" in result.err
    assert "Traceback" not in result.err
