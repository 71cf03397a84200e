import csv

import numpy as np
import pytest

from keras_cdae.data.finding import find_videos
from keras_cdae.data.synthetic import (
    KINDS,
    intervals,
    make_synthetic,
)
from keras_cdae.data.video import read_frames, video_info
from keras_cdae.errors import DataError

SMALL = {"frames": 60, "image_size": (48, 64)}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "set"
    return make_synthetic(folder, train_videos=2, test_videos=6, **SMALL)


def rows(root):
    with (root / "labels.csv").open(newline="") as file:
        return [
            (r["video"], int(r["start"]), int(r["end"]))
            for r in csv.DictReader(file)
        ]


def read(path):
    return np.stack(list(read_frames(path)))


def test_layout(root):
    names = [p.name for p in find_videos(root / "train")]
    assert names == ["01.mp4", "02.mp4"]
    assert len(find_videos(root / "test")) == 6
    info = video_info(root / "test" / "06.mp4")
    assert (info.frames, info.height, info.width) == (60, 48, 64)
    assert info.fps == pytest.approx(10)
    text = (root / "README.txt").read_text()
    for kind in KINDS:
        assert kind in text


def test_labels_lie_between_normal_ends(root):
    found = rows(root)
    assert {video for video, _, _ in found} == {"01", "02", "03", "04", "05"}
    for _, start, end in found:
        assert 5 <= start < end <= 55
        assert end - start >= 3


def test_every_video_moves_before_a_fixed_camera(root):
    for path in find_videos(root / "train"):
        frames = read(path).astype(int)
        assert np.abs(frames[10] - frames[40]).max() > 40
        # The wall does not move, only light and noise change it.
        wall = frames[:, :8].mean((2, 3))
        assert wall.std(0).max() < 6


def test_people_flow_from_left_to_right(root):
    """The moving part drifts towards higher columns in normal video."""
    frames = read(root / "train" / "01.mp4").mean(-1)
    moving = np.abs(frames - np.median(frames, axis=0)) > 15
    profile = moving[:, 12:].sum(1).astype(float)
    profile -= profile.mean(0)
    right = (profile[:-2, :-1] * profile[2:, 1:]).sum()
    left = (profile[:-2, 1:] * profile[2:, :-1]).sum()
    assert right > left


def test_the_same_seed_gives_the_same_files(root, tmp_path):
    again = make_synthetic(
        tmp_path / "set", train_videos=1, test_videos=6, **SMALL
    )
    assert rows(again) == rows(root)
    for name in ["train/01.mp4", "test/02.mp4"]:
        np.testing.assert_array_equal(read(again / name), read(root / name))
    other = make_synthetic(
        tmp_path / "b", train_videos=1, test_videos=1, **SMALL, seed=1
    )
    assert not np.array_equal(
        read(other / "train/01.mp4"), read(root / "train/01.mp4")
    )


def test_long_videos_hold_two_events(tmp_path):
    root = make_synthetic(
        tmp_path / "s",
        train_videos=1,
        test_videos=3,
        frames=200,
        image_size=(48, 64),
    )
    found = [r for r in rows(root) if r[0] == "02"]
    assert len(found) == 2
    assert found[0][2] < found[1][1]
    assert all(20 <= s < e <= 180 for _, s, e in rows(root))


def test_refuses_to_overwrite(root, tmp_path):
    with pytest.raises(DataError, match=r"not empty.*--overwrite"):
        make_synthetic(root, **SMALL)
    (tmp_path / "keep.txt").write_text("mine")
    make_synthetic(
        tmp_path, train_videos=1, test_videos=1, **SMALL, overwrite=True
    )
    assert (tmp_path / "keep.txt").read_text() == "mine"
    with pytest.raises(DataError, match=r"keep\.txt"):
        make_synthetic(tmp_path / "keep.txt", **SMALL)


def test_bad_numbers(tmp_path):
    with pytest.raises(ValueError, match="frames >= 60"):
        make_synthetic(tmp_path / "s", frames=59)
    with pytest.raises(ValueError, match="image_size must be"):
        make_synthetic(tmp_path / "s", image_size=(47, 64))
    with pytest.raises(ValueError, match=r"1\.6 times"):
        make_synthetic(tmp_path / "s", image_size=(48, 98))
    assert not (tmp_path / "s").exists()


def test_intervals():
    assert intervals(np.array([1, 1, 0, 0, 1])) == [(0, 2), (4, 5)]
    assert intervals(np.zeros(4)) == []
