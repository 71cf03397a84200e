import csv

import numpy as np
import pytest

import keras_cdae.scoring
from keras_cdae.errors import DataError
from keras_cdae.scoring.jsonl import read_scores_jsonl
from keras_cdae.scoring.scores import (
    VideoScores,
    read_scores_csv,
    write_scores_csv,
)

HEADER = "video,frame,score,z,p,regularity,label"


def video(name="01", length=20, seed=0, **fields):
    rng = np.random.default_rng(seed)
    fields = {
        "frame": np.arange(4, 4 + length),
        "score": rng.normal(size=length),
        **fields,
    }
    return VideoScores(name=name, **fields)


def calibrated(name="01", length=20, seed=0):
    rng = np.random.default_rng(seed + 1)
    return video(
        name,
        length,
        seed,
        z=rng.normal(size=length),
        p=rng.uniform(size=length),
        labels=rng.integers(0, 2, length),
    )


def test_length_and_worst_frame():
    scores = video(score=[0.0, 5.0, 1.0], frame=[4, 5, 6])

    assert len(scores) == 3
    assert scores.worst_frame == 5


def test_regularity_is_equation_15():
    scores = video(length=50)
    s = np.exp(-scores.score)
    expected = (s - s.min()) / (s.max() - s.min())

    np.testing.assert_allclose(scores.regularity, expected, atol=1e-12)
    assert scores.regularity[scores.score.argmax()] == 0.0
    assert scores.regularity[scores.score.argmin()] == 1.0


@pytest.mark.parametrize("offset", [-1e4, 0.0, 700.0, 1e6])
def test_regularity_survives_any_offset(offset):
    score = np.array([0.0, 0.5, 1.0])
    expected = video(score=score, frame=[4, 5, 6]).regularity

    moved = video(score=score + offset, frame=[4, 5, 6]).regularity

    np.testing.assert_allclose(moved, expected, atol=1e-9)


def test_regularity_of_a_wide_and_of_a_narrow_range():
    wide = video(score=[0.0, 50.0, 2000.0], frame=[4, 5, 6]).regularity
    np.testing.assert_allclose(wide, [1.0, np.exp(-50.0), 0.0])
    narrow = video(score=[0.0, 5e-11, 1e-10], frame=[4, 5, 6]).regularity
    np.testing.assert_allclose(narrow, [1.0, 0.5, 0.0], atol=1e-9)


@pytest.mark.parametrize("spread", [0.5, 2.0])
def test_regularity_falls_strictly_as_the_score_rises(spread):
    score = np.linspace(0, spread, 100)

    regularity = video(score=score, length=100).regularity

    assert np.all(np.diff(regularity) < 0)


def test_regularity_of_constant_scores_is_one():
    scores = video(score=np.full(5, 3.0), length=5)

    np.testing.assert_array_equal(scores.regularity, np.ones(5))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"score": np.zeros(3)}, "`score` of video '01' .* as long as"),
        ({"score": np.zeros((20, 1))}, "1-D"),
        ({"score": np.r_[np.nan, np.zeros(19)]}, "finite.*nan at frame 4"),
        ({"frame": np.arange(20)[::-1]}, "must rise"),
        ({"frame": np.arange(20) - 1}, "must rise from 0"),
        ({"frame": np.arange(20) + 0.5}, "whole numbers"),
        ({"frame": [], "score": []}, "not empty"),
        ({"labels": np.full(20, 2)}, "`labels` of video '01' must be 0 or 1"),
        ({"labels": np.full(20, 0.5)}, "whole numbers"),
        ({"labels": np.zeros(19)}, "`labels` .* as long as"),
        ({"z": np.zeros(20)}, "`z` and `p` come together"),
        ({"terms": {"error": np.zeros(3)}}, "terms.'error'"),
        ({"name": ""}, "`name` must not be empty"),
    ],
)
def test_bad_fields_are_named(fields, message):
    with pytest.raises(ValueError, match=message):
        video(**fields)


def test_csv_round_trip_is_exact(tmp_path):
    videos = [
        calibrated("b/01 with, comma", seed=0),
        video('a "quoted"', length=7, seed=5),
        calibrated("Ünïcode", length=1, seed=9),
    ]
    path = tmp_path / "run" / "scores.csv"

    write_scores_csv(path, videos)
    back = read_scores_csv(path)

    assert [v.name for v in back] == [v.name for v in videos]
    for found, expected in zip(back, videos, strict=True):
        for field in ("frame", "score", "z", "p", "labels", "regularity"):
            np.testing.assert_array_equal(
                getattr(found, field), getattr(expected, field)
            )
    assert list(path.parent.iterdir()) == [path]


def test_csv_content(tmp_path):
    path = tmp_path / "scores.csv"
    write_scores_csv(
        path,
        [
            video("a", score=[0.1, 0.2], frame=[4, 5], labels=[0, 1]),
            video("b", score=[1.5], frame=[9], z=[2.0], p=[0.25]),
        ],
    )

    assert path.read_text(encoding="utf-8") == (
        f"{HEADER}\na,4,0.1,,,1.0,0\na,5,0.2,,,0.0,1\nb,9,1.5,2.0,0.25,1.0,\n"
    )


def test_csv_of_no_videos(tmp_path):
    path = tmp_path / "scores.csv"
    write_scores_csv(path, [])

    assert path.read_text(encoding="utf-8") == f"{HEADER}\n"
    assert read_scores_csv(path) == []


def test_csv_refuses_two_videos_of_one_name(tmp_path):
    with pytest.raises(ValueError, match=r"Received twice: \['01'\]"):
        write_scores_csv(tmp_path / "scores.csv", [video(), video()])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a score file"),
        ("frame,score\n1,2\n", "Expected the header 'video,frame,score"),
        (f"{HEADER}\na,4,0.5,,\n", "row 2: expected 7 values.*cut short"),
        (f"{HEADER}\n../a,4,0.5,,,1.0,\n", r"row 2: '\.\./a' cannot be"),
        (f"{HEADER}\na,4,much,,,1.0,\n", "could not convert"),
        (f"{HEADER}\na,4.5,1.0,,,1.0,\n", "invalid literal"),
        (f"{HEADER}\na,4,nan,,,1.0,\n", "must be finite"),
        (f"{HEADER}\na,4,1.0,,,1.0,7\n", "must be 0 or 1"),
        (f"{HEADER}\na,4,1,,,1,0\na,5,1,,,1,\n", "filled or empty throughout"),
        (f"{HEADER}\na,4,1,,,1,0\na,4,1,,,1,0\n", "must rise"),
    ],
)
def test_foreign_csv_is_refused_by_path(tmp_path, text, message):
    path = tmp_path / "foreign.csv"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(DataError, match=rf"foreign\.csv.*{message}"):
        read_scores_csv(path)


def test_binary_and_missing_csv_are_refused(tmp_path):
    binary = tmp_path / "binary.csv"
    binary.write_bytes(b"\xff\xfe\x00\x01")

    with pytest.raises(DataError, match="not a CSV text file"):
        read_scores_csv(binary)
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_scores_csv(tmp_path / "absent.csv")


def test_csv_is_readable_by_the_csv_module(tmp_path):
    path = tmp_path / "scores.csv"
    scores = calibrated()
    write_scores_csv(path, [scores])

    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))

    assert [float(row["score"]) for row in rows] == scores.score.tolist()
    assert [int(row["frame"]) for row in rows] == scores.frame.tolist()


def test_package_names_are_sorted_and_lazy():
    names = keras_cdae.scoring.__all__

    assert names == sorted(names)
    assert dir(keras_cdae.scoring) == names
    assert keras_cdae.scoring.VideoScores is VideoScores
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        keras_cdae.scoring.nothing  # noqa: B018


@pytest.mark.parametrize("size", [3, 50])
def test_blocks_are_the_scores_of_the_whole_video(trained, rng, size):
    from keras_cdae.scoring import score_frames

    frames = rng.integers(0, 255, (14, 32, 32, 1)).astype("uint8")
    blocks = []
    whole = score_frames(trained, frames, batch_size=size, each=blocks.append)
    clips = np.stack([frames[i : i + 5] for i in range(10)])
    direct = trained.score(clips)
    maps = np.concatenate([block.map for block in blocks])
    assert [len(b.score) for b in blocks] == (
        [3, 3, 3, 1] if size == 3 else [10]
    )
    np.testing.assert_array_equal(whole.frame, np.arange(4, 14))
    np.testing.assert_allclose(whole.score, direct["score"], rtol=1e-5)
    np.testing.assert_allclose(maps, direct["map"], rtol=1e-4)
    np.testing.assert_array_equal(
        np.concatenate([block.frame for block in blocks]), whole.frame
    )
    highest = int(whole.score.argmax())
    assert whole.peak_frame == highest + 4
    np.testing.assert_array_equal(whole.peak_map, maps[highest])


def test_lines_that_are_no_scores(tmp_path):
    path = tmp_path / "scores.jsonl"
    with pytest.raises(DataError, match="cannot be read: No such file"):
        read_scores_jsonl(path)
    for text in ("", "x\n", "1\n", '{"video": "a"}\n'):
        path.write_text(text)
        with pytest.raises(DataError, match=r"scores\.jsonl: is not a score"):
            read_scores_jsonl(path)
