"""Which videos are found, and how they are named."""

from pathlib import Path

import pytest

from keras_cdae.data.images import write_image
from keras_cdae.jobs.find import find_all, unique_names


def free(name, path):
    return False


def named(*paths, output="/nowhere", taken=free):
    found, failures = find_all(map(Path, paths), output=Path(output))
    return unique_names(found, taken=taken), failures


@pytest.fixture
def tree(tmp_path):
    """Empty files at several depths."""
    for name in ("a/x.mp4", "a/y.avi", "b/deep/x.mp4", "b/.hidden/z.mp4"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    (tmp_path / "b/notes.txt").touch()
    return tmp_path


def test_folders_are_searched_to_the_bottom(tree):
    names, failures = named(tree)
    assert names == ["a/x", "a/y", "b/deep/x"]
    assert not failures


def test_one_name_in_two_folders(tree):
    paths = tree / "a/x.mp4", tree / "b/deep/x.mp4"
    assert named(*paths)[0] == ["a/x", "deep/x"]
    assert named(tree / "a", tree / "b")[0] == ["x", "y", "deep/x"]


def test_one_stem_with_two_suffixes(tree):
    (tree / "a/x.avi").touch()
    assert named(tree / "a")[0] == ["x.avi", "x.mp4", "y"]


def test_a_folder_of_frames_beside_a_video_of_its_name(tree, rng):
    frame = rng.integers(0, 255, (8, 8, 3)).astype("uint8")
    write_image(tree / "a/x/0.png", frame)
    assert named(tree / "a")[0] == ["x", "x.mp4", "y"]


def test_a_video_named_twice_is_one(tree):
    assert named(tree / "a/x.mp4", tree / "a")[0] == ["x", "y"]


def test_a_link_does_not_name_the_video_beside_it(tree, caplog):
    (tree / "a/link.mp4").symlink_to(tree / "a/x.mp4")
    for paths in ([tree / "a"], [tree / "a/x.mp4", tree / "a/link.mp4"]):
        caplog.clear()
        assert sorted(named(*paths)[0])[0] == "x"
        assert "link" not in named(*paths)[0]
        (message, *_) = caplog.messages
        assert "are one video, which is scored once: as" in message
        assert message.endswith(f"{tree / 'a/x.mp4'}.")


def test_names_can_be_read_back(tree):
    from keras_cdae.scoring.scores import is_inner_name

    for name in ("esc\x1b[31mred", "new\nline", "new_line"):
        (tree / f"a/{name}.mp4").touch()
    names, _ = named(tree / "a")
    assert len(set(names)) == len(names) == 5
    assert all(map(is_inner_name, names))
    assert "esc_[31mred" in names


def test_a_taken_name_grows(tree):
    names, _ = named(tree / "a/x.mp4", taken=lambda name, path: name == "x")
    assert names == ["a/x"]


def test_where_every_name_is_taken_a_hash_tells_apart(tree):
    (name,), _ = named(tree / "a/x.mp4", taken=lambda name, path: True)
    assert name.startswith(tree.as_posix()[1:])
    assert len(name.rpartition("-")[2]) == 8


def test_the_output_and_annotated_videos_are_left_out(tree):
    (tree / "a/x.annotated.mp4").touch()
    names, _ = named(tree, output=tree / "b")
    assert names == ["a/x", "a/y"]


def test_paths_without_a_video_are_failures(tree):
    (tree / "none").mkdir()
    paths = (tree / "none", tree / "gone.mp4", tree / "b/notes.txt")
    names, failures = named(*paths, tree / "a")
    assert names == ["x", "y"]
    assert [failure.path for failure in failures] == list(paths)
    words = ["no video and no frames", "no such file", "not a video"]
    for failure, expected in zip(failures, words, strict=True):
        assert expected in failure.reason
