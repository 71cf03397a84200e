"""Every layout, made at a tiny size, and what is said of a broken one."""

import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io

from keras_cdae.data import benchmarks
from keras_cdae.data.benchmarks import (
    DATASETS,
    layout,
    load_dataset,
    verify_dataset,
)
from keras_cdae.data.labels import PED2_INTERVALS
from keras_cdae.errors import DataError, LabelError

FRAME = np.zeros((8, 8), np.uint8)


@pytest.fixture(scope="module")
def real() -> Path:
    folder = Path(__file__).parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"REAL DATA ABSENT: {folder}")
    return folder


def make_frames(folder, count=6, suffix=".jpg"):
    folder.mkdir(parents=True)
    for index in range(count):
        assert cv2.imwrite(str(folder / f"{index:03d}{suffix}"), FRAME)


def make_video(path, count=6):
    path.parent.mkdir(parents=True, exist_ok=True)
    codec = cv2.VideoWriter.fourcc(*"MJPG")
    writer = cv2.VideoWriter(str(path), codec, 25, (32, 32))
    for _ in range(count):
        writer.write(np.zeros((32, 32, 3), np.uint8))
    writer.release()


def make_masks(folder, labels):
    folder.mkdir(parents=True)
    for index, label in enumerate(labels, start=1):
        mask = np.full((8, 8), 255 * label, np.uint8)
        assert cv2.imwrite(str(folder / f"{index:03d}.bmp"), mask)


def save_cells(path, name, cells):
    box = np.empty((1, len(cells)), object)
    for index, cell in enumerate(cells):
        box[0, index] = np.asarray(cell)
    path.parent.mkdir(parents=True, exist_ok=True)
    scipy.io.savemat(path, {name: box})


def save_m(path, ranges):
    lines = [
        f"TestVideoFile{{end+1}}.gt_frame = [{start}:{end}];"
        for start, end in ranges
    ]
    path.write_text("\n".join(lines))


def make_ucsd(root, number=2, train=(1, 2), test=(1, 2)):
    """As distributed, with the litter that the archive holds."""
    home = root / "UCSD_Anomaly_Dataset.v1p2" / f"UCSDped{number}"
    for index in train:
        make_frames(home / f"Train/Train{index:03d}", suffix=".tif")
    for index in test:
        make_frames(home / f"Test/Test{index:03d}", suffix=".tif")
        make_masks(home / f"Test/Test{index:03d}_gt", [0, 0, 1, 1, 0, 0])
        (home / f"Test/Test{index:03d}/._000.tif").write_bytes(b"x")
    (home / "Test/.DS_Store").write_bytes(b"x")
    (home / f"Test/._UCSDped{number}.m").write_bytes(b"x")
    save_m(home / f"Test/UCSDped{number}.m", [(2, 4)] * len(test))
    return home


def make_repack(root, name="ped2", train=("01", "02"), test=("01", "02")):
    home = root / name
    for video in train:
        make_frames(home / "training/frames" / video)
    for video in test:
        make_frames(home / "testing/frames" / video)
    save_cells(home / f"{name}.mat", "gt", [[[2], [4]]] * len(test))
    return home


def make_avenue(root, train=("01", "02.mp4"), test=("01", "08"), beside=True):
    home = root / "Avenue Dataset"
    for folder, videos in (("training", train), ("testing", test)):
        for video in videos:
            file = video if "." in video else f"{video}.avi"
            source = home / f"{folder}_videos" / file
            make_video(source.with_suffix(".avi"))
            if source.suffix != ".avi":
                source.with_suffix(".avi").rename(source)
    truth = (root if beside else home) / "ground_truth_demo"
    for video in test:
        masks = [FRAME, FRAME + 1, FRAME, FRAME, FRAME, FRAME]
        path = truth / "testing_label_mask" / f"{int(video)}_label.mat"
        save_cells(path, "volLabel", masks)
    return home


def make_shanghaitech(root):
    home = root / "shanghaitech"
    make_video(home / "training/videos/01_001.avi")
    make_video(home / "training/videos/01_002.avi")
    make_frames(home / "testing/frames/01_0014")
    make_frames(home / "testing/frames/02_0128")
    pixels = np.zeros((6, 8, 8), bool)
    pixels[5] = True
    for folder, array in (
        ("test_frame_mask", np.array([0, 0, 1, 1, 0, 0], np.int8)),
        ("test_pixel_mask", pixels),
    ):
        (home / "testing" / folder).mkdir()
        for name in ("01_0014", "02_0128"):
            np.save(home / "testing" / folder / f"{name}.npy", array)
    return home


def names(videos):
    return [video.name for video in videos]


def messages(findings, level):
    return [found.message for found in findings if found.level == level]


# The list


def test_datasets_are_described_as_published():
    assert list(DATASETS) == [
        "ped1",
        "ped2",
        "avenue",
        "shanghaitech",
        "folder",
        "synthetic",
    ]
    counts = {n: (i.train_videos, i.test_videos) for n, i in DATASETS.items()}
    assert counts["ped1"] == (34, 36)
    assert counts["ped2"] == (16, 12)
    assert counts["avenue"] == (16, 21)
    assert counts["shanghaitech"] == (330, 107)
    for info in DATASETS.values():
        for frames, videos, total in (
            (info.train_frames, info.train_videos, info.train_total),
            (info.test_frames, info.test_videos, info.test_total),
        ):
            assert not frames or (len(frames), sum(frames)) == (videos, total)


@pytest.mark.parametrize("name", DATASETS)
def test_no_folder_says_what_to_get(name):
    info = DATASETS[name]
    with pytest.raises(DataError, match="--data-dir DIR") as caught:
        load_dataset(name, None)
    assert info.url in str(caught.value)
    assert info.layout in str(caught.value)
    assert messages(verify_dataset(name, None), "error") == [str(caught.value)]


@pytest.mark.parametrize("name", DATASETS)
def test_a_folder_without_the_data(tmp_path, name):
    with pytest.raises(DataError, match="no training and test folders in it"):
        load_dataset(name, tmp_path)
    with pytest.raises(DataError, match=r"absent: no such folder"):
        load_dataset(name, tmp_path / "absent")
    (tmp_path / "Train").mkdir()
    with pytest.raises(DataError, match="but no video in them"):
        load_dataset(name, tmp_path)


def test_unknown_name(tmp_path):
    with pytest.raises(ValueError, match="Received: name='ucf'"):
        load_dataset("ucf", tmp_path)


# UCSD


@pytest.mark.parametrize(
    "given",
    [
        "",
        "UCSD_Anomaly_Dataset.v1p2",
        "UCSD_Anomaly_Dataset.v1p2/UCSDped2",
        "UCSD_Anomaly_Dataset.v1p2/UCSDped2/Train",
        "UCSD_Anomaly_Dataset.v1p2/UCSDped2/Test",
    ],
)
def test_ped2_as_distributed_by_any_folder(tmp_path, given):
    home = make_ucsd(tmp_path)
    data = load_dataset("ped2", tmp_path / given)
    assert data.root.samefile(home)
    assert (data.title, data.channels, data.fps) == ("Ped2 (part)", 1, 10.0)
    assert names(data.train) == names(data.test) == ["01", "02"]
    assert data.test[1].path.name == "Test002"
    assert data.label_source == "UCSDped2.m (intervals)"
    assert data.labels_for("02", 6).tolist() == [0, 1, 1, 1, 0, 0]
    assert data.masks_for("02").shape == (6, 8, 8)


@pytest.mark.parametrize("given", ["", "ped2", "ped2/training"])
def test_ped2_as_repacked(tmp_path, given):
    make_repack(tmp_path)
    data = load_dataset("ped2", tmp_path / given)
    assert names(data.train) == names(data.test) == ["01", "02"]
    assert data.label_source == "ped2.mat (intervals)"
    assert data.labels_for("02", 6).tolist() == [0, 1, 1, 1, 0, 0]
    assert data.masks_for("02") is None


def test_a_relative_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(make_repack(tmp_path))
    assert names(load_dataset("ped2", ".").test) == ["01", "02"]
    monkeypatch.chdir(tmp_path / "ped2" / "testing")
    assert load_dataset("ped2", ".").label_source == "ped2.mat (intervals)"


def test_folders_in_other_letters_without_inner_frames(tmp_path):
    for video in ("Training/01", "TESTING/01"):
        make_frames(tmp_path / "PED2" / video)
    data = load_dataset("ped2", tmp_path)
    assert names(data.train) == names(data.test) == ["01"]
    assert data.label_source is None
    assert data.labels_for("01", 6) is None
    assert any("no ground truth (UCSDped2.m or" in w for w in data.warnings)


def test_ped2_for_training_only(tmp_path):
    home = make_repack(tmp_path)
    shutil.rmtree(home / "testing")
    data = load_dataset("ped2", tmp_path)
    assert (data.test, data.truth, data.masks) == ((), None, None)
    (home / "testing").write_text("no folder")
    assert load_dataset("ped2", tmp_path).test == ()


def test_a_folder_too_deep_is_not_found(tmp_path):
    make_repack(tmp_path / "ped2/ped2/ped2")
    with pytest.raises(DataError, match="no training and test folders in it"):
        load_dataset("ped2", tmp_path)
    assert load_dataset("ped2", tmp_path / "ped2").name == "ped2"


def test_masks_as_labels(tmp_path):
    home = make_ucsd(tmp_path)
    data = load_dataset("ped2", tmp_path, labels="masks")
    assert data.label_source == "Test/*_gt (pixel masks)"
    assert data.labels_for("01", 6).tolist() == [0, 0, 1, 1, 0, 0]
    (home / "Test/UCSDped2.m").unlink()
    assert load_dataset("ped2", tmp_path).label_source == data.label_source
    with pytest.raises(LabelError, match=r"expected UCSDped2\.m or ped2\.mat"):
        load_dataset("ped2", tmp_path, labels="intervals")


def test_ped1_has_masks_for_some_videos_only(tmp_path):
    home = make_ucsd(tmp_path, number=1)
    shutil.rmtree(home / "Test/Test001_gt")
    data = load_dataset("ped1", tmp_path)
    assert data.title == "Ped1 (part)"
    assert data.masks_for("01") is None
    assert data.masks_for("02").dtype == np.uint8
    with pytest.raises(LabelError, match="Test001_gt for every test video"):
        load_dataset("ped1", tmp_path, labels="masks")


def test_the_other_ped(tmp_path):
    home = make_ucsd(tmp_path, number=1)
    with pytest.raises(DataError, match="this is Ped1, not Ped2; choose"):
        load_dataset("ped2", home)


def test_labels_by_path(tmp_path):
    make_ucsd(tmp_path)
    path = tmp_path / "mine.csv"
    path.write_text("video,start,end\n01,0,1\n")
    data = load_dataset("ped2", tmp_path, labels=path)
    assert data.label_source == "mine.csv (intervals)"
    assert data.labels_for("01", 6).tolist() == [1, 0, 0, 0, 0, 0]
    with pytest.raises(LabelError, match="no such label file"):
        load_dataset("ped2", tmp_path, labels=tmp_path / "none.csv")
    path.write_text("video,frame,label\n01,0,1\n01,1,0\n")
    data = load_dataset("ped2", tmp_path, labels=path)
    assert data.label_source == "mine.csv (label)"
    assert data.labels_for("01", 2).tolist() == [1, 0]
    assert any("no labels for testing videos 02" in w for w in data.warnings)


def test_labels_that_do_not_fit(tmp_path):
    home = make_ucsd(tmp_path)
    data = load_dataset("ped2", tmp_path)
    with pytest.raises(LabelError, match="up to frame 4 but has 3 frames"):
        data.labels_for("01", 3)
    with pytest.raises(DataError, match="no such test video"):
        data.labels_for("03", 6)
    with pytest.raises(DataError, match="Received: video_name='03'"):
        data.masks_for("03")
    save_m(home / "Test/UCSDped2.m", [(1, 2)] * 3)
    with pytest.raises(LabelError, match="labels of 3 videos, but there are 2"):
        load_dataset("ped2", tmp_path)


def test_a_broken_second_label_file_warns(tmp_path):
    home = make_ucsd(tmp_path)
    (home / "ped2.mat").write_bytes(b"garbage")
    data = load_dataset("ped2", tmp_path)
    assert data.label_source == "UCSDped2.m (intervals)"
    assert any("not used: UCSDped2.m" in w for w in data.warnings)


def test_strange_names_and_doubles_are_left_out_loudly(tmp_path):
    home = make_repack(tmp_path)
    make_frames(home / "training/frames/backup")
    make_frames(home / "training/frames/001")
    data = load_dataset("ped2", tmp_path)
    assert names(data.train) == ["01", "02"]
    text = "\n".join(data.warnings)
    assert "no video of Ped2 has this name" in text
    assert "video 01 is already here" in text


def make_whole_ped2(root, ranges=PED2_INTERVALS, mat=True):
    """All videos at their published lengths, as one real frame each."""
    home = root / "ped2"
    picture = cv2.imencode(".jpg", FRAME)[1].tobytes()
    info = DATASETS["ped2"]
    for split, frames in (
        ("training", info.train_frames),
        ("testing", info.test_frames),
    ):
        for number, count in enumerate(frames, start=1):
            folder = home / split / "frames" / f"{number:02d}"
            folder.mkdir(parents=True)
            for index in range(count):
                (folder / f"{index:03d}.jpg").touch()
            (folder / "000.jpg").write_bytes(picture)
    if mat:
        save_cells(home / "ped2.mat", "gt", [[[s], [e]] for s, e in ranges])
    return home


def test_verify_a_whole_and_a_damaged_ped2(tmp_path):
    home = make_whole_ped2(tmp_path)
    findings = verify_dataset("ped2", tmp_path)
    assert {found.level for found in findings} == {"ok"}
    told = messages(findings, "ok")
    assert told[0] == f"layout: {home}"
    assert "2550 training frames" in told
    assert "labels: ped2.mat (intervals), 1648 of 2010 frames abnormal" in told
    data = load_dataset("ped2", tmp_path)
    assert (data.title, data.warnings) == ("Ped2", ())

    (home / "testing/frames/05/003.jpg").unlink()
    (home / "training/frames/02/000.jpg").write_bytes(b"x")
    shutil.rmtree(home / "training/frames/07")
    for file in (home / "training/frames/09").iterdir():
        file.unlink()  # a folder that unpacking left empty
    errors = messages(verify_dataset("ped2", tmp_path), "error")
    assert errors[0] == "training videos 07, 09 missing (14 of 16 here)"
    assert "02" in errors[1]
    assert "testing video 05 has 149 frames, expected 150" in errors[2]
    assert len(errors) == 3


def test_changed_intervals_warn(tmp_path, caplog):
    ranges = [(5 if s == 1 else s, e) for s, e in PED2_INTERVALS]
    make_whole_ped2(tmp_path, ranges)
    data = load_dataset("ped2", tmp_path)
    (warning,) = data.warnings
    assert "ped2.mat: differs from the published intervals" in warning
    assert "03 (5-146 for 1-146)" in warning
    assert "12 (" not in warning
    assert warning in caplog.text
    findings = verify_dataset("ped2", tmp_path)
    assert warning in messages(findings, "warning")
    assert any("published: 1648" in m for m in messages(findings, "warning"))


def test_too_many_videos_warn(tmp_path):
    home = make_whole_ped2(tmp_path)
    make_frames(home / "training/frames/17")
    data = load_dataset("ped2", tmp_path)
    assert "Ped2: 17 training videos, but Ped2 has 16" in data.warnings
    make_frames(home / "testing/frames/13")
    ranges = [*PED2_INTERVALS, (2, 4)]
    save_cells(home / "ped2.mat", "gt", [[[s], [e]] for s, e in ranges])
    data = load_dataset("ped2", tmp_path)
    assert data.labels_for("13", 6).tolist() == [0, 1, 1, 1, 0, 0]
    assert not any("differs from the published" in w for w in data.warnings)


# Avenue


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize("given", ["", "Avenue Dataset"])
def test_avenue_as_distributed(tmp_path, given, beside):
    make_avenue(tmp_path, beside=beside)
    data = load_dataset("avenue", tmp_path / given)
    assert (data.title, data.channels, data.fps) == ("Avenue (part)", 3, 25.0)
    assert names(data.train) == ["01", "02"]
    assert data.train[1].path.suffix == ".mp4"
    assert data.label_source == "testing_label_mask (pixel masks)"
    assert data.labels_for("08", 6).tolist() == [0, 1, 0, 0, 0, 0]
    assert data.masks_for("08")[1].all()
    with pytest.raises(LabelError, match="labels of 6 frames, but video 08"):
        data.labels_for("08", 7)


def test_avenue_as_repacked_and_the_choice_of_labels(tmp_path):
    home = make_repack(tmp_path, "avenue")
    data = load_dataset("avenue", tmp_path)
    assert data.label_source == "avenue.mat (intervals)"
    assert data.labels_for("01", 6).tolist() == [0, 1, 1, 1, 0, 0]
    with pytest.raises(LabelError, match="no labels of the kind 'masks'"):
        load_dataset("avenue", tmp_path, labels="masks")
    masks = home / "ground_truth_demo/testing_label_mask"
    for number in (1, 2):
        path = masks / f"{number}_label.mat"
        save_cells(path, "volLabel", [FRAME + 1] * 6)
    data = load_dataset("avenue", tmp_path)
    assert data.label_source == "testing_label_mask (pixel masks)"
    data = load_dataset("avenue", tmp_path, labels="intervals")
    assert data.label_source == "avenue.mat (intervals)"
    assert data.masks_for("01").all()
    for file in masks.iterdir():
        file.rename(file.with_suffix(".bak"))
    data = load_dataset("avenue", tmp_path)
    assert data.label_source == "avenue.mat (intervals)"
    assert any("expected N_label.mat" in w for w in data.warnings)


def test_avenue_with_a_mask_missing(tmp_path):
    make_avenue(tmp_path)
    (tmp_path / "ground_truth_demo/testing_label_mask/8_label.mat").unlink()
    data = load_dataset("avenue", tmp_path)
    assert any("no labels for testing videos 08" in w for w in data.warnings)
    with pytest.raises(LabelError, match="no labels for video 08"):
        data.labels_for("08", 6)
    errors = messages(verify_dataset("avenue", tmp_path), "error")
    assert any("no labels for video 08" in error for error in errors)


def test_avenue_without_training_videos(tmp_path):
    home = make_avenue(tmp_path)
    shutil.rmtree(home / "training_videos")
    with pytest.raises(DataError, match="no training video"):
        load_dataset("avenue", tmp_path)


def test_avenue_without_labels(tmp_path):
    make_avenue(tmp_path)
    shutil.rmtree(tmp_path / "ground_truth_demo")
    data = load_dataset("avenue", tmp_path)
    assert data.label_source is None
    assert any("no ground truth (ground_truth_demo" in w for w in data.warnings)
    with pytest.raises(LabelError, match=r"expected avenue\.mat"):
        load_dataset("avenue", tmp_path, labels="intervals")


def test_a_whole_avenue_of_other_length_warns(tmp_path):
    train = [f"{number:02}" for number in range(1, 17)]
    make_avenue(tmp_path, train=train)
    warnings = messages(verify_dataset("avenue", tmp_path), "warning")
    assert "96 training frames, expected 15328" in warnings


def test_a_damaged_video_is_one_finding(tmp_path):
    home = make_avenue(tmp_path)
    (home / "testing_videos/08.avi").write_bytes(b"")
    errors = messages(verify_dataset("avenue", tmp_path), "error")
    assert any("08.avi: the file is empty" in error for error in errors)


# ShanghaiTech


@pytest.mark.parametrize("given", ["", "shanghaitech", "shanghaitech/testing"])
def test_shanghaitech(tmp_path, given):
    make_shanghaitech(tmp_path)
    data = load_dataset("shanghaitech", tmp_path / given)
    assert data.title == "ShanghaiTech (part)"
    assert names(data.train) == ["01_001", "01_002"]
    assert names(data.test) == ["01_0014", "02_0128"]
    assert data.label_source == "test_frame_mask (frame masks)"
    assert data.labels_for("02_0128", 6).tolist() == [0, 0, 1, 1, 0, 0]
    assert data.masks_for("02_0128").sum() == 64
    assert any("328 of 330 missing" in text for text in data.warnings)
    told = messages(verify_dataset("shanghaitech", tmp_path), "ok")
    assert told[-1] == (
        "labels: test_frame_mask (frame masks), 4 of 12 frames abnormal"
    )


def test_shanghaitech_without_masks(tmp_path):
    home = make_shanghaitech(tmp_path)
    shutil.rmtree(home / "testing/test_pixel_mask")
    data = load_dataset("shanghaitech", tmp_path)
    assert data.label_source == "test_frame_mask (frame masks)"
    assert data.masks_for("01_0014") is None
    (home / "testing/test_pixel_mask").write_text("no folder")
    assert load_dataset("shanghaitech", tmp_path).masks is None
    for file in (home / "testing/test_frame_mask").iterdir():
        file.rename(file.with_name(f"{file.stem}_of_another.npy"))
    data = load_dataset("shanghaitech", tmp_path)
    assert data.label_source is None
    assert any("no ground truth" in text for text in data.warnings)


def test_shanghaitech_other_labels(tmp_path):
    home = make_shanghaitech(tmp_path)
    data = load_dataset("shanghaitech", tmp_path, labels="masks")
    assert data.label_source == "test_pixel_mask (pixel masks)"
    assert data.labels_for("01_0014", 6).tolist() == [0, 0, 0, 0, 0, 1]
    with pytest.raises(LabelError, match=r"expected shanghaitech\.mat"):
        load_dataset("shanghaitech", tmp_path, labels="intervals")
    save_cells(home / "shanghaitech.mat", "gt", [[[1], [1]], [[2], [2]]])
    data = load_dataset("shanghaitech", tmp_path, labels="intervals")
    assert data.labels_for("02_0128", 6).tolist() == [0, 1, 0, 0, 0, 0]


def test_shanghaitech_frames_of_training_and_missing_tests(tmp_path):
    home = make_shanghaitech(tmp_path)
    for name in ("01_001", "01_002"):
        make_frames(home / "training/frames" / name)
    shutil.rmtree(home / "testing/frames/02_0128")
    data = load_dataset("shanghaitech", tmp_path)
    assert all(video.path.is_dir() for video in data.train)
    assert "testing videos 02_0128 are labelled but not here" in data.warnings


# Any folder


def test_folder_with_labels(tmp_path):
    make_video(tmp_path / "train/monday.avi")
    make_frames(tmp_path / "train/tuesday")
    make_video(tmp_path / "test/door.avi")
    make_frames(tmp_path / "test/yard")
    (tmp_path / "labels.csv").write_text("video,start,end\ndoor.avi,1,3\n")
    data = load_dataset("folder", tmp_path)
    assert (data.title, data.fps, data.warnings) == ("Folder", 25.0, ())
    assert names(data.train) == ["monday", "tuesday"]
    assert data.label_source == "labels.csv (intervals)"
    assert data.labels_for("door", 6).tolist() == [0, 1, 1, 0, 0, 0]
    assert data.labels_for("yard", 6).tolist() == [0] * 6
    assert {found.level for found in verify_dataset("folder", tmp_path)} == {
        "ok"
    }
    with pytest.raises(LabelError, match="no labels of the kind 'masks'"):
        load_dataset("folder", tmp_path, labels="masks")


def test_the_rate_is_that_of_the_first_video_that_can_be_read(tmp_path):
    make_video(tmp_path / "train/a.avi")
    (tmp_path / "train/a.avi").write_text("no video")
    make_video(tmp_path / "train/b.avi")
    assert load_dataset("folder", tmp_path).fps == 25.0


def test_folder_for_training_only(tmp_path):
    make_frames(tmp_path / "train/monday")
    data = load_dataset("folder", tmp_path)
    assert (data.test, data.label_source, data.warnings) == ((), None, ())


def test_folder_for_scoring_only(tmp_path):
    make_frames(tmp_path / "test")  # the split is one video
    data = load_dataset("folder", tmp_path)
    assert data.train == ()
    assert names(data.test) == ["test"]
    assert data.labels_for("test", 6) is None
    assert "no labels" in messages(
        verify_dataset("folder", tmp_path), "warning"
    )


def test_folder_keeps_videos_of_one_stem_apart(tmp_path):
    make_video(tmp_path / "train/a.avi")
    shutil.copy(tmp_path / "train/a.avi", tmp_path / "train/a.mkv")
    assert names(load_dataset("folder", tmp_path).train) == ["a.avi", "a.mkv"]


def test_folder_labels_of_an_unknown_video(tmp_path):
    make_frames(tmp_path / "train/monday")
    make_frames(tmp_path / "test/friday")
    (tmp_path / "labels.csv").write_text("video,start,end\nfri,1,3\n")
    with pytest.raises(LabelError, match="no test video is called 'fri'"):
        load_dataset("folder", tmp_path)


def test_synthetic_is_a_folder_with_its_own_title(tmp_path):
    make_frames(tmp_path / "synthetic/train/01")
    data = load_dataset("synthetic", tmp_path)
    assert (data.name, data.title) == ("synthetic", "Synthetic camera")


def test_litter_is_invisible(tmp_path):
    for name in (".DS_Store", "._a", "__MACOSX", "10", "9"):
        (tmp_path / name).mkdir()
    assert [p.name for p in layout.visible(tmp_path)] == ["9", "10"]


def test_all_names_exist():
    assert sorted(benchmarks.__all__) == benchmarks.__all__
    assert all(hasattr(benchmarks, name) for name in benchmarks.__all__)


# The real ones


@pytest.mark.realdata
def test_both_layouts_of_the_real_ped2_agree(real, tmp_path):
    truth = real / "ped2" / "gt"
    official, repack = tmp_path / "UCSDped2", tmp_path / "ped2"
    for split, short in (("training", "Train"), ("testing", "Test")):
        frames = repack / split / "frames"
        frames.mkdir(parents=True)
        (official / short).mkdir(parents=True)
        for video in sorted((real / "ped2" / split).glob("*.mp4")):
            (frames / video.name).symlink_to(video)
            name = f"{short}{int(video.stem):03d}.mp4"
            (official / short / name).symlink_to(video)
    shutil.copy(truth / "UCSDped2.m", official / "Test")
    shutil.copy(truth / "ped2.mat", repack)
    for root in (official, repack):
        findings = verify_dataset("ped2", root)
        assert {found.level for found in findings} == {"ok"}, findings
    left, right = (load_dataset("ped2", p) for p in (official, repack))
    assert names(left.test) == names(right.test)
    total = 0
    for name, frames in zip(
        names(left.test), DATASETS["ped2"].test_frames, strict=True
    ):
        labels = left.labels_for(name, frames)
        np.testing.assert_array_equal(labels, right.labels_for(name, frames))
        total += int(labels.sum())
    assert total == 1648


@pytest.mark.realdata
def test_a_copy_of_the_real_ped2_mat_with_other_starts_warns(real, tmp_path):
    cells = scipy.io.loadmat(real / "ped2/gt/ped2.mat")["gt"]
    for cell in cells.ravel():
        cell[0][cell[0] == 1] = 5
    scipy.io.savemat(tmp_path / "ped2.mat", {"gt": cells})
    make_whole_ped2(tmp_path, mat=False)
    shutil.copy(tmp_path / "ped2.mat", tmp_path / "ped2")
    (warning,) = load_dataset("ped2", tmp_path / "ped2").warnings
    assert "03 (5-146 for 1-146)" in warning


@pytest.mark.realdata
def test_verify_names_what_the_part_of_avenue_lacks(real):
    errors = messages(verify_dataset("avenue", real / "avenue"), "error")
    assert errors == [
        "training videos 01, 02, 03, 04, 05, 06, 07, 08, 09, 13, 14, 15 "
        "missing (4 of 16 here)",
        "testing videos 01, 02, 03, 04, 05, 06, 07, 09, 10, 11, 12, 13, 14, "
        "15, 16 missing (6 of 21 here)",
    ]
    data = load_dataset("avenue", real)
    assert data.title == "Avenue (part)"
    assert any("training videos 01, 02" in text for text in data.warnings)
    assert data.masks_for("08").shape == (36, 360, 640)
