"""Every form of ground truth, whole and broken."""

import csv
import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from keras_cdae.data import label_files
from keras_cdae.data.labels import (
    PED2_INTERVALS,
    masks_to_labels,
    number_of,
    open_labels,
    read_labels,
    shorten,
)
from keras_cdae.errors import LabelError

PED2_FRAMES = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)


@pytest.fixture(scope="module")
def real() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {folder}")
    return folder


def save_gt(path, videos, name="gt"):
    cells = np.empty((1, len(videos)), object)
    for index, video in enumerate(videos):
        cells[0, index] = np.asarray(video)
    scipy.io.savemat(path, {name: cells})
    return path


def save_m(path, *bodies):
    lines = ["TestVideoFile = {};"]
    lines += [f"TestVideoFile{{end+1}}.gt_frame = {body};" for body in bodies]
    path.write_text("\n".join(lines))
    return path


def save_text(path, text):
    path.write_text(text)
    return path


def labels_of(*runs, frames):
    labels = np.zeros(frames, np.uint8)
    for start, end in runs:
        labels[start:end] = 1
    return labels


def assert_labels(found, expected):
    assert list(found) == list(expected)
    for video, labels in expected.items():
        assert found[video].dtype == np.uint8
        np.testing.assert_array_equal(found[video], labels)


# Intervals


def test_ucsd_m_with_one_and_several_ranges(tmp_path):
    path = save_m(tmp_path / "a.m", "[3:5]", "[1:2, 4 : 6]", "[]", "7:8")
    found = read_labels(path, {"01": 10, "02": 6, "03": 4, "04": 8})
    assert_labels(
        found,
        {
            "01": labels_of((2, 5), frames=10),
            "02": labels_of((0, 2), (3, 6), frames=6),
            "03": labels_of(frames=4),
            "04": labels_of((6, 8), frames=8),
        },
    )


def test_ucsd_m_ignores_comments_and_a_byte_order_mark(tmp_path):
    path = tmp_path / "a.m"
    path.write_text(
        "\ufeff% TestVideoFile{end+1}.gt_frame = [9:9];\r\n"
        "TestVideoFile{1}.gt_frame=[1:2] % note\r\n",
        encoding="utf-8",
    )
    assert [x.tolist() for x in label_files.read_ucsd_m(path)] == [[[0, 2]]]


@pytest.mark.parametrize(
    ("body", "match"),
    [
        ("[5:3]", r"a\.m: line 2 has the interval 5 to 3; frames count from 1"),
        ("[0:3]", "the interval 0 to 3"),
        ("[-1:3]", "line 2 holds other than whole ranges"),
        ("[1.5:3]", "line 2 holds other than whole ranges"),
        ("[1:2:3]", "line 2 holds other than whole ranges"),
        ("zeros(3)", "line 2 is not a gt_frame list"),
        ("[1:2", "line 2 is not a gt_frame list"),
        ("[1:99999999999999999999]", "other than whole ranges"),
    ],
)
def test_ucsd_m_refuses_bad_ranges(tmp_path, body, match):
    with pytest.raises(LabelError, match=match) as caught:
        label_files.read_ucsd_m(save_m(tmp_path / "a.m", body))
    assert "\n" not in str(caught.value)


def test_ucsd_m_refuses_an_index_out_of_order(tmp_path):
    path = save_text(tmp_path / "a.m", "TestVideoFile{2}.gt_frame = [1:2];")
    with pytest.raises(LabelError, match="line 1 is out of order"):
        label_files.read_ucsd_m(path)


def test_ucsd_m_refuses_other_text(tmp_path):
    path = save_text(tmp_path / "a.m", "x = 1;")
    with pytest.raises(LabelError, match="no gt_frame list in it"):
        label_files.read_ucsd_m(path)


def test_mat_intervals_do_not_wrap_around_in_uint8(tmp_path):
    videos = [
        np.array([[1, 250], [3, 255]], np.uint8),
        np.empty((0, 0)),
        np.array([[2.0], [2.0]]),
    ]
    path = save_gt(tmp_path / "avenue.mat", videos)
    assert_labels(
        read_labels(path, {"01": 300, "02": 5, "03": 2}),
        {
            "01": labels_of((0, 3), (249, 255), frames=300),
            "02": labels_of(frames=5),
            "03": labels_of((1, 2), frames=2),
        },
    )


@pytest.mark.parametrize(
    ("video", "match"),
    [
        ([[5], [3]], "video 1 has the interval 5 to 3"),
        ([[0], [3]], "video 1 has the interval 0 to 3"),
        ([[-2], [3]], "video 1 has the interval -2 to 3"),
        ([[1.5], [3]], "gt of video 1 holds fractions"),
        ([[np.nan], [3]], "gt of video 1 holds fractions"),
        ([[1, 2, 3]], r"gt of video 1 has shape \(1, 3\); expected \(2, n\)"),
        ([["a"], ["b"]], "a cell holds other than real numbers"),
    ],
)
def test_mat_intervals_refuse_bad_intervals(tmp_path, video, match):
    path = save_gt(tmp_path / "ped2.mat", [video])
    with pytest.raises(LabelError, match=match):
        label_files.read_mat_intervals(path)


def test_mat_with_an_empty_cell_and_an_object_as_matlab_writes_them(tmp_path):
    path = save_gt(tmp_path / "gt.mat", [[[2], [4]], np.empty((0, 0))])
    content = path.read_bytes()
    matrix = struct.pack("<I", 14)
    start = content.rindex(matrix)  # of the empty cell
    size = struct.unpack_from("<I", content, 132)[0]
    size -= len(content) - start - 8
    whole = struct.pack("<I", size) + content[136:start] + bytes(matrix)
    opaque = struct.pack("<4I", 6, 8, 17, 0)  # of class 17, a string
    path.write_bytes(
        content[:132]
        + whole
        + bytes(4)
        + matrix
        + struct.pack("<I", len(opaque))
        + opaque
    )
    first, second = label_files.read_mat_intervals(path)
    assert first.tolist() == [[1, 4]]
    assert second.shape == (0, 2)


def test_mat_without_the_variable_or_the_cells(tmp_path):
    path = tmp_path / "ped2.mat"
    scipy.io.savemat(path, {"labels": [1, 2]})
    with pytest.raises(LabelError, match="no cell array 'gt'"):
        label_files.read_mat_intervals(path)
    scipy.io.savemat(path, {"gt": [1, 2]})
    with pytest.raises(LabelError, match="no cell array 'gt'"):
        label_files.read_mat_intervals(path)
    save_gt(path, [[[1], [2]]] * 4)
    cells = scipy.io.loadmat(path)["gt"].reshape(2, 2)
    scipy.io.savemat(path, {"gt": cells})
    with pytest.raises(LabelError, match=r"'gt' has shape \(2, 2\)"):
        label_files.read_mat_intervals(path)


def test_mat_of_another_version_names_the_way_out(tmp_path):
    path = tmp_path / "ped2.mat"
    head = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    path.write_bytes(head + b"\x89HDF\r\n" * 20)
    with pytest.raises(LabelError, match=r"MATLAB 7\.3 .* save as -v7"):
        label_files.read_mat_intervals(path)


def test_broken_mat_files_are_label_errors(tmp_path):
    whole = save_gt(tmp_path / "gt.mat", [[[1], [2]]] * 12).read_bytes()
    path = tmp_path / "broken.mat"
    generator = np.random.default_rng(0)
    broken = [whole[:cut] for cut in (1, 60, 130, 200, len(whole) - 9)]
    broken += [generator.bytes(size) for size in (10, 500)]
    for content in broken:
        path.write_bytes(content)
        with pytest.raises(LabelError, match=r"broken\.mat: "):
            label_files.read_mat_intervals(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_damaged_mat_files_never_crash(tmp_path, compressed):
    # SciPy's own parser ends the process on some of these.
    path = tmp_path / "broken.mat"
    cells = scipy.io.loadmat(save_gt(path, [[[1], [2]]] * 12))["gt"]
    scipy.io.savemat(path, {"gt": cells}, do_compression=compressed)
    whole = path.read_bytes()
    generator = np.random.default_rng(0)
    refused = []
    for _ in range(500):
        content = bytearray(whole)
        for place in generator.integers(128, len(whole), 2):
            content[place] = generator.integers(256)
        path.write_bytes(bytes(content))
        try:
            read_labels(path, {f"{i:02d}": 10 for i in range(12)})
        except LabelError as error:
            refused.append(str(error))
    assert len(refused) > 250
    assert all(text.startswith(str(path)) for text in refused)
    assert not any("\n" in text for text in refused)


def test_interval_beyond_the_end_of_its_video(tmp_path):
    path = save_m(tmp_path / "a.m", "[1:4]", "[2:9]")
    match = r"a\.m: video 02 is abnormal up to frame 9 but has 8 frames; check"
    with pytest.raises(LabelError, match=match):
        read_labels(path, {"01": 4, "02": 8})


def test_wrong_number_of_videos(tmp_path):
    path = save_m(tmp_path / "a.m", "[1:4]", "[2:3]")
    match = "labels of 2 videos, but there are 3 test videos"
    with pytest.raises(LabelError, match=match):
        read_labels(path, {"01": 4, "02": 8, "03": 8})


def test_labels_of_the_whole_set_serve_a_part_by_number(tmp_path):
    path = save_m(tmp_path / "a.m", "[1:1]", "[2:2]", "[3:3]")
    source = open_labels(path, ["02"], published=3)
    np.testing.assert_array_equal(source.labels("02", 3), [0, 1, 0])
    with pytest.raises(LabelError, match="no labels for video 01"):
        source.labels("01", 3)
    with pytest.raises(LabelError, match="labels of 3 videos"):
        open_labels(path, ["04"], published=3)
    with pytest.raises(LabelError, match="labels of 3 videos"):
        open_labels(path, ["door"], published=3)


# CSV


def test_interval_csv_with_stems_suffixes_and_a_normal_video(tmp_path):
    path = save_text(
        tmp_path / "labels.csv",
        "video,start,end,note\na,0,2,x\na,3,4,\n\nb.mp4, 1 ,3,\n",
    )
    assert_labels(
        read_labels(path, {"a": 4, "b": 3, "c": 2}),
        {
            "a": labels_of((0, 2), (3, 4), frames=4),
            "b": labels_of((1, 3), frames=3),
            "c": labels_of(frames=2),
        },
    )


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("video,begin,end\na,1,2\n", "no column start .found: video, begin"),
        ("video,start,end\na,3,2\n", "line 2 has the interval 3 to 2"),
        ("video,start,end\na,2,2\n", "the end is exclusive"),
        ("video,start,end\na,-1,2\n", "the interval -1 to 2"),
        ("video,start,end\na,0.5,2\n", "line 2 holds '0.5'"),
        ("video,start,end\na,,2\n", "line 2 holds ''"),
        ("video,start,end\na,1\n", "line 2 has 2 values; expected 3"),
        ("video,start,end\nzoo,1,2\n", "no test video is called 'zoo'"),
        ("video,start,end\na,1,6\n", "abnormal up to frame 6 but has 5"),
        ("video,frame,label\na,1,0\n", "line 2 is frame 1 of a; expected fra"),
        ("video,frame,label\na,0,2\n", "labels other than 0 and 1"),
        ("video,frame,label\na,0,1\n", "labels of 1 frames, but video a has 5"),
        ("video,frame,label\nb,0,1\n", "no labels for video a"),
        ("video,frame,label\na,0,x\n", "line 2 holds 'x'"),
        ("video,start,end\n" + "a" * 200000 + ",1,2", "field larger than"),
        ("a" * 200000 + "\na,1,2", "field larger than"),
        ("\0\0\0", "not a text file"),
        ("", "the file is empty"),
    ],
)
def test_bad_csv(tmp_path, text, match):
    path = save_text(tmp_path / "labels.csv", text)
    with pytest.raises(LabelError, match=match) as caught:
        read_labels(path, {"a": 5})
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_csv_that_is_no_text(tmp_path):
    path = tmp_path / "labels.csv"
    path.write_bytes(b"\xff\xfe\x00\x80")
    with pytest.raises(LabelError, match="not a text file"):
        read_labels(path, {"a": 5})


def test_csv_that_is_a_video(tmp_path):
    path = save_text(tmp_path / "labels.csv", "video,start,end\n")
    os.truncate(path, 2**26 + 1)
    with pytest.raises(LabelError, match="too large for a list of labels"):
        read_labels(path, {"a": 5})


def test_frame_csv_by_column(tmp_path):
    path = save_text(
        tmp_path / "f.csv", "video,frame,x,y\na,0,0,1\na,1,1,1\nb,0,0,0\n"
    )
    counts = {"a": 2, "b": 1}
    assert read_labels(path, counts)["a"].tolist() == [0, 1]
    assert read_labels(path, counts, column="y")["a"].tolist() == [1, 1]
    assert open_labels(path, ["a", "b"]).title == "f.csv (x)"
    with pytest.raises(LabelError, match="no column z"):
        read_labels(path, counts, column="z")


# Masks


def test_avenue_masks(tmp_path):
    frames = [np.zeros((4, 6), np.uint8) for _ in range(3)]
    frames[1][2, 3] = 1
    save_gt(tmp_path / "8_label.mat", frames, "volLabel")
    save_gt(tmp_path / "10_label.mat", frames[:1], "volLabel")
    source = open_labels(tmp_path, ["08", "10", "11"])
    assert source.title == f"{tmp_path.name} (pixel masks)"
    assert source.videos == {"08", "10"}
    np.testing.assert_array_equal(source.labels("08", 3), [0, 1, 0])
    np.testing.assert_array_equal(source.masks("08"), frames)
    assert source.masks("08").dtype == np.uint8
    assert source.masks("11") is None
    with pytest.raises(LabelError, match="no labels for video 11"):
        source.labels("11", 3)
    with pytest.raises(LabelError, match="labels of 1 frames, but video 10"):
        source.labels("10", 3)


@pytest.mark.parametrize(
    ("cells", "match"),
    [
        ([np.zeros((4, 6)), np.zeros((4, 5))], "the masks have the shapes"),
        ([np.zeros((2, 2, 2))] * 2, "the masks have the shapes"),
        ([np.array([["a", "b"]])] * 2, "a cell holds other than real"),
    ],
)
def test_bad_avenue_masks(tmp_path, cells, match):
    path = save_gt(tmp_path / "1_label.mat", cells, "volLabel")
    with pytest.raises(LabelError, match=match):
        label_files.read_volume_masks(path)


def test_npy_frame_and_pixel_masks(tmp_path):
    np.save(tmp_path / "01_0014.npy", np.array([0, 1, 1], np.int8))
    pixels = np.zeros((3, 4, 5), bool)
    pixels[2, 0, 0] = True
    np.save(tmp_path / "01_0015.npy", pixels)
    np.save(tmp_path / "01_0016.npy", pixels.astype(np.uint8) * 255)
    counts = dict.fromkeys(("01_0014", "01_0015", "01_0016"), 3)
    assert_labels(
        read_labels(tmp_path, counts),
        {
            "01_0014": np.array([0, 1, 1]),
            "01_0015": np.array([0, 0, 1]),
            "01_0016": np.array([0, 0, 1]),
        },
    )
    source = open_labels(tmp_path, list(counts))
    assert source.masks("01_0014") is None
    np.testing.assert_array_equal(source.masks("01_0016"), pixels)


@pytest.mark.parametrize(
    ("array", "match"),
    [
        (np.zeros((1, 5)), r"shape \(1, 5\); expected \(frames,\)"),
        (np.array([0, 2, 0, 0, 0]), "labels other than 0 and 1"),
        (np.array([0, np.nan, 0, 0, 0]), "labels other than 0 and 1"),
        (np.array(list("abcde")), "labels other than 0 and 1"),
        (np.zeros(4), "labels of 4 frames, but video a has 5"),
        (np.zeros((5, 2, 2)), "expected whole numbers"),
        (np.array([None] * 5), r"not a \.npy file of plain numbers"),
    ],
)
def test_bad_npy(tmp_path, array, match):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(LabelError, match=match):
        read_labels(tmp_path, {"a": 5})


def test_broken_npy(tmp_path):
    path = tmp_path / "a.npy"
    np.save(path, np.zeros(1000))
    whole = path.read_bytes()
    with (tmp_path / "z.npy").open("wb") as file:
        np.savez(file, a=np.zeros(5))
    for content in (whole[:500], whole[:5], b"garbage!", b"\x93NUMPY" * 9):
        path.write_bytes(content)
        with pytest.raises(LabelError, match=r"not a \.npy file"):
            label_files.read_frame_npy(path)
    with pytest.raises(LabelError, match=r"a \.npz, not a \.npy"):
        label_files.read_frame_npy(tmp_path / "z.npy")
    path.write_bytes(b"")
    with pytest.raises(LabelError, match="the file is empty"):
        label_files.read_frame_npy(path)


def write_masks(folder, masks, suffix=".bmp"):
    folder.mkdir(parents=True)
    for index, mask in enumerate(masks, start=1):
        assert cv2.imwrite(str(folder / f"{index}{suffix}"), mask)
    return folder


def test_mask_folder_in_the_order_of_numbers(tmp_path):
    masks = np.zeros((11, 4, 6), np.uint8)
    masks[1, 1, 1] = 255
    folder = write_masks(tmp_path / "Test001_gt", masks)
    (folder / "._1.bmp").write_bytes(b"x")
    (folder / ".DS_Store").write_bytes(b"x")
    np.testing.assert_array_equal(
        label_files.read_mask_folder(folder), masks // 255
    )
    labels = read_labels(tmp_path, {"01": 11})["01"]
    np.testing.assert_array_equal(np.flatnonzero(labels), [1])


def test_colour_masks(tmp_path):
    masks = np.zeros((2, 4, 6, 3), np.uint8)
    masks[1, 2, 2, 0] = 255
    folder = write_masks(tmp_path / "a_gt", masks, ".png")
    found = label_files.read_mask_folder(folder)
    assert found.shape == (2, 4, 6)
    assert masks_to_labels(found).tolist() == [0, 1]


def test_bad_mask_folders(tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(LabelError, match="no mask in the folder"):
        label_files.read_mask_folder(tmp_path / "empty")
    sizes = [np.zeros((4, 6), np.uint8), np.zeros((4, 5), np.uint8)]
    folder = write_masks(tmp_path / "sizes", sizes)
    with pytest.raises(LabelError, match=r"2\.bmp: size \(4, 5\)"):
        label_files.read_mask_folder(folder)
    (folder / "2.bmp").write_bytes(b"BMgarbage")
    with pytest.raises(LabelError, match=r"2\.bmp"):
        label_files.read_mask_folder(folder)


# Anything else


def test_unknown_forms(tmp_path):
    with pytest.raises(LabelError, match="no such label file"):
        read_labels(tmp_path / "none.mat", {"a": 5})
    path = save_text(tmp_path / "a.json", "{}")
    with pytest.raises(LabelError, match="labels of an unknown form"):
        read_labels(path, {"a": 5})
    with pytest.raises(LabelError, match="no labels of a in the folder"):
        read_labels(tmp_path, {"a": 5})
    with pytest.raises(LabelError, match="no such label file"):
        label_files.read_ucsd_m(tmp_path)


def test_number_of():
    names = ("Test003", "07", "clip_12.", "01_0014", "door")
    assert [number_of(name) for name in names] == [3, 7, 12, None, None]


def test_shorten():
    assert shorten(["a", "b"]) == "a, b"
    assert shorten(["a", "b", "c"], limit=2) == "a, b and 1 more"


# The published files


def test_published_intervals_of_ped2():
    lengths = [end - start + 1 for start, end in PED2_INTERVALS]
    assert len(lengths) == 12
    assert sum(lengths) == 1648


@pytest.mark.realdata
@pytest.mark.parametrize("name", ["UCSDped2.m", "ped2.mat"])
def test_real_ped2_files_hold_the_published_intervals(real, name):
    counts = {f"{i:02d}": n for i, n in enumerate(PED2_FRAMES, start=1)}
    found = read_labels(real / "ped2" / "gt" / name, counts)
    for labels, (start, end) in zip(
        found.values(), PED2_INTERVALS, strict=True
    ):
        expected = labels_of((start - 1, end), frames=len(labels))
        np.testing.assert_array_equal(labels, expected)
    assert sum(map(np.sum, found.values())) == 1648
    assert sum(map(len, found.values())) == 2010
    by_frame = read_labels(real / "ped2/gt/ped2_frame_labels.csv", counts)
    assert_labels(by_frame, found)


@pytest.mark.realdata
def test_real_avenue_masks_equal_the_frame_labels(real):
    table = real / "avenue" / "avenue_frame_labels.csv"
    masks = real / "avenue" / "ground_truth_demo" / "testing_label_mask"
    everything = label_files.read_frame_csv(table)
    counts = {
        video: len(everything[video]) for video in ("08", "19", "20", "21")
    }
    assert_labels(
        read_labels(masks, counts),
        {video: everything[video] for video in counts},
    )
    assert sum(map(np.sum, everything.values())) == 3712
    events = label_files.read_frame_csv(table, "label_ano_pred")
    assert sum(map(np.sum, events.values())) == 3867
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    differing = sum(
        row["label_from_pixel_mask"] != row["label_ano_pred"] for row in rows
    )
    assert differing == 441
