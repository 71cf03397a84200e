"""Results of a sweep as table, CSV, Markdown and arguments of the plot."""

import csv

import pytest

from keras_cdae.runs import comparison
from keras_cdae.runs.columns import (
    CENTROID_KEYS,
    CENTROIDS,
    MOTION,
    centroid_use,
)
from keras_cdae.runs.comparison import Spread
from keras_cdae.runs.sweep import Result
from keras_cdae.runs.variants import Variant

CDAE = Variant("cdae", published={"ped2": 96.5})
OTHER = Variant("memae", "memae")
KEYS = [key for key, _ in comparison.RATES]


USE = {
    **dict.fromkeys(CENTROID_KEYS, 8.0),
    "motion_used": 5.0,
    "motion_distinctness": 0.25,
}


def result(variant, seed, rate):
    metrics = {**dict.fromkeys(KEYS, rate), "eer": 0.25, "videos": 2}
    metrics["auc_macro_skip"] = None  # every video has one class
    trivial = {"frame_difference": {"auc_micro_per_video": 0.8672}}
    return Result(
        variant=variant,
        seed=seed,
        epochs=3,
        seconds=60.4 + 2 * seed,
        cost={
            "parameters": 348_886,
            "operations": 299_100_000,
            "frames_per_second": 160.0,
            "target_seconds": 0.002,
        },
        metrics={**metrics, "trivial": trivial},
        centroids=USE if variant.model == "cdae" else {},
    )


@pytest.fixture
def results():
    return [result(CDAE, 0, 0.9), result(OTHER, 0, 0.8), result(CDAE, 1, 0.92)]


def test_the_table_has_means_over_seeds_and_what_was_published(results):
    rows = comparison.table(results, (CDAE, OTHER, Variant("none")), "ped2")
    assert rows == [
        [
            *("cdae", "91.00 ± 1.41", "91.00 ± 1.41", "91.00 ± 1.41", "-"),
            *("91.00 ± 1.41", "348.9", "299.1", "160", "3", "61", "96.5"),
        ],
        [
            *("memae", "80.00", "80.00", "80.00", "-", "80.00"),
            *("348.9", "299.1", "160", "3", "60", "-"),
        ],
        ["frame difference", "86.72", *["-"] * 10],
    ]
    assert all(len(row) == len(comparison.COLUMNS) for row in rows)


def test_centroids_and_times_are_columns_on_the_right(results):
    flow = Variant("flow", "flow-cdae", {"flow": "dis"})
    rows = comparison.table(
        [*results, result(flow, 0, 0.7)],
        (CDAE, OTHER, flow),
        "ped2",
        (*CENTROIDS, *MOTION),
    )
    assert [row[12:] for row in rows] == [
        ["8 / 5", "8.0 / 8.0", "8.000 / 0.250", "2.00", "6.2"],
        ["-", "-", "-", "2.00", "6.2"],
        ["-", "-", "-", "2.00", "8.2"],  # flow is computed beside
        ["-"] * 5,
    ]
    text = comparison.markdown("T", rows, [], (*CENTROIDS, *MOTION))
    assert {line.count("|") for line in text.splitlines()[2:6]} == {18}


def test_the_use_of_centroids_is_that_of_the_last_epoch(tmp_path):
    path = tmp_path / "history.csv"
    assert centroid_use(path) == {}
    lines = ["epoch,loss", "0,1.0"]
    path.write_text("\n".join(lines))
    assert centroid_use(path) == {}
    lines = [",".join(["epoch", *CENTROID_KEYS]), "0" + ",nan" * 6]
    path.write_text("\n".join(lines))
    assert centroid_use(path) == {}
    path.write_text("\n".join([*lines, "1,8,7.5,0.1,6,5.5,0.2"]))
    assert centroid_use(path)["motion_effective"] == 5.5


def test_published_numbers_are_of_one_data_set(results):
    rows = comparison.table(results, (CDAE, OTHER), "folder")
    assert [row[-1] for row in rows] == ["-", "-", "-"]


def test_the_csv_has_a_row_a_run(results, tmp_path):
    comparison.write_csv(tmp_path / "results.csv", results, "ped2")
    with (tmp_path / "results.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["variant"], row["seed"]) for row in rows] == [
        ("cdae", "0"),
        ("memae", "0"),
        ("cdae", "1"),
    ]
    assert float(rows[2]["auc_micro_raw"]) == 0.92
    assert rows[0]["auc_macro_skip"] == ""
    assert rows[0]["published_auc_percent"] == "96.5"
    assert float(rows[2]["training_seconds"]) == 62.4


def test_the_markdown_is_a_table(results):
    rows = comparison.table(results, (CDAE,), "ped2")
    lines = comparison.markdown("Title", rows, ["A note."]).splitlines()
    assert lines[0] == "Title"
    assert {line.count("|") for line in lines[2:6]} == {13}
    assert lines[-1] == "A note."


def test_the_plot_has_every_protocol_that_is_defined(results):
    drawn = comparison.chart(results, (CDAE, OTHER), "ped2")
    assert drawn["times"] is None
    timed = comparison.chart(results, (CDAE, OTHER), "ped2", timed=True)
    assert timed["times"] == {"cdae": 6.25, "memae": 6.25}
    assert list(drawn["rates"]) == ["per-video", "raw"]
    mean, deviation = drawn["rates"]["raw"]["cdae"]
    assert (mean, deviation) == pytest.approx((91.0, 1.414), abs=0.01)
    assert drawn["rates"]["raw"]["memae"] == (80.0, None)
    assert drawn["trivial"] == {"frame difference": pytest.approx(86.72)}
    assert drawn["published"] == {"cdae": 96.5}


def test_a_spread_of_one_seed_is_none():
    assert Spread.of([0.5]) == Spread(0.5, None)
    assert Spread.of([1.0, 3.0]).text(1) == "2.0 ± 1.4"
