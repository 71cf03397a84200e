"""UCSD Ped1 and Ped2: as distributed, and as the community repacks them."""

from collections.abc import Sequence
from pathlib import Path

from keras_cdae.data import label_files
from keras_cdae.data.benchmarks import layout
from keras_cdae.data.benchmarks.base import (
    Dataset,
    DatasetInfo,
    DatasetVideo,
)
from keras_cdae.data.labels import (
    PED2_INTERVALS,
    FileLabels,
    IntervalLabels,
    LabelSource,
    match_files,
    number_of,
    open_labels,
)
from keras_cdae.errors import DataError, LabelError

_URL = "http://www.svcl.ucsd.edu/projects/anomaly/dataset.html"
_LAYOUT = """\
  UCSD_Anomaly_Dataset.v1p2/UCSDped{n}/Train/Train001/001.tif ...
  UCSD_Anomaly_Dataset.v1p2/UCSDped{n}/Test/Test001/001.tif ...
  UCSD_Anomaly_Dataset.v1p2/UCSDped{n}/Test/Test001_gt/001.bmp ...
  UCSD_Anomaly_Dataset.v1p2/UCSDped{n}/Test/UCSDped{n}.m
or
  ped{n}/training/frames/01/000.jpg ...
  ped{n}/testing/frames/01/000.jpg ...
  ped{n}/ped{n}.mat"""
# fmt: off
_PED2_TRAIN = (
    120, 150, 150, 180, 180, 150, 150, 120,
    180, 180, 180, 180, 180, 150, 150, 150,
)
_PED2_TEST = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
# fmt: on
_OUTER = ("UCSD_Anomaly_Dataset", "UCSD_Anomaly_Dataset.v1p2", "ucsd")

PED1 = DatasetInfo(
    name="ped1",
    title="Ped1",
    url=_URL,
    layout=_LAYOUT.format(n=1),
    folders=("UCSDped1", *_OUTER, "ped1"),
    channels=1,
    fps=10.0,
    train_videos=34,
    test_videos=36,
    train_frames=(200,) * 34,
    test_frames=(200,) * 36,
    train_total=6800,
    test_total=7200,
    numbered=True,
)
PED2 = DatasetInfo(
    name="ped2",
    title="Ped2",
    url=_URL,
    layout=_LAYOUT.format(n=2),
    folders=("UCSDped2", *_OUTER, "ped2"),
    channels=1,
    fps=10.0,
    train_videos=16,
    test_videos=12,
    train_frames=_PED2_TRAIN,
    test_frames=_PED2_TEST,
    train_total=2550,
    test_total=2010,
    abnormal_frames={"intervals": 1648},
    numbered=True,
)


def load(
    info: DatasetInfo, data_dir: Path, labels: str | Path | None
) -> Dataset:
    """Find Ped1 or Ped2.

    Args:
        info: `PED1` or `PED2`.
        data_dir: the folder of the data set or one around it.
        labels: None, "intervals" (`.m`, else `.mat`), "masks" or a path.

    Raises:
        DataError: where it is not there.
        LabelError: where its labels are not usable.
    """
    root = layout.find_root(info, data_dir)
    other = "ped1" if info.name == "ped2" else "ped2"
    if root.absolute().name.lower() in (other, f"ucsd{other}"):
        raise DataError(
            f"{root}: this is {other.capitalize()}, not {info.title}; choose "
            f"--dataset {other}, or the folder of {info.title}"
        )
    train, test, warnings = layout.find_videos(info, root)
    masks = _find_masks(info, root, test)
    truth = layout.custom_labels(info, labels, test)
    if truth is None and test:
        truth, more = _find_truth(info, root, test, labels, masks)
        warnings += more
    return layout.assemble(
        info,
        root,
        train,
        test,
        warnings,
        truth=truth,
        masks=masks,
        expected=_expected(info),
    )


def _expected(info: DatasetInfo) -> str:
    return f"UCSD{info.name}.m or {info.name}.mat"


def _find_truth(
    info: DatasetInfo,
    root: Path,
    test: Sequence[DatasetVideo],
    labels: str | Path | None,
    masks: FileLabels | None,
) -> tuple[LabelSource | None, list[str]]:
    """Choose the labels; warn of every interval file that was changed."""
    names = [video.name for video in test]
    every_mask = masks is not None and masks.videos.issuperset(names)
    if labels == "masks":
        expected = f"a folder Test{int(names[0]):03d}_gt for every test video"
        layout.require_labels(
            masks if every_mask else None, labels, root, expected
        )
        return masks, []
    folder = layout.child(root, *layout.SPLITS["test"]) or root
    places = [folder, root, root.absolute().parent]
    files = [
        file
        for name in (f"UCSD{info.name}.m", f"{info.name}.mat")
        if (file := layout.find_below(places, name))
    ]
    truth: LabelSource | None = None
    warnings: list[str] = []
    for file in files:
        try:
            source = open_labels(file, names, published=info.test_videos)
        except LabelError as error:
            if truth is None:
                raise
            warnings.append(f"{error} (not used: {truth.title} is)")
            continue
        truth = truth or source
        changed = _changed(info, source)
        if changed:
            warnings.append(changed)
    layout.require_labels(truth, labels, root, _expected(info))
    if truth is None and every_mask:
        truth = masks
    return truth, warnings


def _changed(info: DatasetInfo, source: LabelSource) -> str | None:
    """Say where a file differs from the published intervals of Ped2."""
    if info.name != "ped2" or not isinstance(source, IntervalLabels):
        return None
    changed = []
    for name, found in source.intervals.items():
        number = number_of(name)
        if number is None or not 1 <= number <= len(PED2_INTERVALS):
            continue
        start, end = PED2_INTERVALS[number - 1]
        if found.tolist() != [[start - 1, end]]:
            have = ", ".join(f"{s + 1}-{e}" for s, e in found.tolist())
            changed.append(f"{name} ({have or 'none'} for {start}-{end})")
    if not changed:
        return None
    return (
        f"{source.path}: differs from the published intervals in videos "
        f"{', '.join(changed)}; results with it cannot be compared"
    )


def _find_masks(
    info: DatasetInfo, root: Path, test: Sequence[DatasetVideo]
) -> FileLabels | None:
    """The Test001_gt folders; Ped1 has them for ten videos only."""
    folder = layout.child(root, *layout.SPLITS["test"])
    if folder is None or not folder.is_dir():
        return None
    found = {
        entry.name[: -len("_gt")]: entry
        for entry in layout.visible(folder)
        if entry.name.lower().endswith("_gt") and entry.is_dir()
    }
    files = match_files(found, [video.name for video in test])
    if not files:
        return None
    title = f"{folder.name}/*_gt (pixel masks)"
    return FileLabels(folder, title, files, label_files.read_mask_folder)
