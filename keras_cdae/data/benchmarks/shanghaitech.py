"""ShanghaiTech Campus: videos or frames, with masks as NumPy files."""

from pathlib import Path

from keras_cdae.data import label_files
from keras_cdae.data.benchmarks import layout
from keras_cdae.data.benchmarks.base import Dataset, DatasetInfo
from keras_cdae.data.labels import (
    FileLabels,
    LabelSource,
    match_files,
    open_labels,
    shorten,
)

SHANGHAITECH = DatasetInfo(
    name="shanghaitech",
    title="ShanghaiTech",
    url="https://svip-lab.github.io/dataset/campus_dataset.html",
    layout="""\
  shanghaitech/training/videos/01_001.avi ... (or training/frames/01_001/)
  shanghaitech/testing/frames/01_0014/000.jpg ...
  shanghaitech/testing/test_frame_mask/01_0014.npy ...
  shanghaitech/testing/test_pixel_mask/01_0014.npy ...""",
    folders=("shanghaitech", "shanghaitech_campus", "shanghai"),
    fps=24.0,
    train_videos=330,
    test_videos=107,
    train_total=274515,
    test_total=40791,
    abnormal_frames={"frame masks": 17326},
)


def load(
    info: DatasetInfo, data_dir: Path, labels: str | Path | None
) -> Dataset:
    """Find ShanghaiTech.

    Args:
        info: `SHANGHAITECH`.
        data_dir: the folder of the data set or one around it.
        labels: None (`test_frame_mask`), "masks" (`test_pixel_mask`),
            "intervals" (`shanghaitech.mat`) or a path.

    Raises:
        DataError: where it is not there.
        LabelError: where its labels are not usable.
    """
    root = layout.find_root(info, data_dir)
    train, test, warnings = layout.find_videos(info, root)
    names = [video.name for video in test]
    folder = layout.child(root, *layout.SPLITS["test"]) or root
    places = [folder, root]
    masks, _ = _find_npy(places, names, "pixel")
    truth: LabelSource | None = layout.custom_labels(info, labels, test)
    if truth is None and test:
        frames, absent = _find_npy(places, names, "frame")
        if absent:
            text = "are labelled but not here"
            warnings.append(f"testing videos {shorten(absent)} {text}")
        if labels == "intervals":
            file = layout.find_below([root, folder], "shanghaitech.mat")
            published = info.test_videos
            if file is not None:
                truth = open_labels(file, names, published=published)
        else:
            truth = masks if labels == "masks" else frames or masks
        expected = (
            "test_pixel_mask" if labels == "masks" else "shanghaitech.mat"
        )
        layout.require_labels(truth, labels, root, expected)
    return layout.assemble(
        info,
        root,
        train,
        test,
        warnings,
        truth=truth,
        masks=masks,
        expected="testing/test_frame_mask/01_0014.npy ...",
    )


def _find_npy(
    places: list[Path], names: list[str], kind: str
) -> tuple[FileLabels | None, list[str]]:
    """The folder test_frame_mask or test_pixel_mask, and names beyond ours."""
    folder = layout.find_below(places, f"test_{kind}_mask")
    if folder is None or not folder.is_dir():
        return None, []
    found = {
        file.stem: file
        for file in layout.visible(folder)
        if file.suffix.lower() == ".npy"
    }
    absent = [name for name in found if name not in names]
    files = match_files(found, names)
    if not files:
        return None, absent
    read = (
        label_files.read_pixel_npy
        if kind == "pixel"
        else label_files.read_frame_npy
    )
    title = f"{folder.name} ({kind} masks)"
    return FileLabels(folder, title, files, read), absent
