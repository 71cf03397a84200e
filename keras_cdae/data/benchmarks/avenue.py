"""CUHK Avenue: as distributed, and as the community repacks it."""

from pathlib import Path

from keras_cdae.data.benchmarks import layout
from keras_cdae.data.benchmarks.base import Dataset, DatasetInfo
from keras_cdae.data.labels import FileLabels, LabelSource, open_labels
from keras_cdae.errors import LabelError

# fmt: off
_TEST_FRAMES = (
    1439, 1211, 923, 947, 1007, 1283, 605, 36, 1175, 841, 472,
    1271, 549, 507, 1001, 740, 426, 294, 248, 273, 76,
)
# fmt: on
AVENUE = DatasetInfo(
    name="avenue",
    title="Avenue",
    url="http://www.cse.cuhk.edu.hk/leojia/projects/detectabnormal/dataset.html",
    layout="""\
  Avenue Dataset/training_videos/01.avi ...
  Avenue Dataset/testing_videos/01.avi ...
  ground_truth_demo/testing_label_mask/1_label.mat ...
or
  avenue/training/frames/01/0000.jpg ...
  avenue/testing/frames/01/0000.jpg ...
  avenue/avenue.mat""",
    folders=("Avenue Dataset", "Avenue_Dataset", "avenue", "CUHK_Avenue"),
    fps=25.0,
    train_videos=16,
    test_videos=21,
    test_frames=_TEST_FRAMES,
    train_total=15328,
    test_total=15324,
    abnormal_frames={"intervals": 3867, "masks": 3712},
    numbered=True,
)

_EXPECTED = {
    "masks": "ground_truth_demo/testing_label_mask/1_label.mat ...",
    "intervals": "avenue.mat",
}


def load(
    info: DatasetInfo, data_dir: Path, labels: str | Path | None
) -> Dataset:
    """Find Avenue.

    Args:
        info: `AVENUE`.
        data_dir: the folder of the data set or one around it.
        labels: None (masks where they are, else intervals), "masks" (official
            pixel masks), "intervals" (`avenue.mat`) or a path.

    Raises:
        DataError: where it is not there.
        LabelError: where its labels are not usable.
    """
    root = layout.find_root(info, data_dir)
    train, test, warnings = layout.find_videos(info, root)
    names = [video.name for video in test]
    places = [root, root.absolute().parent]
    masks, more = _find_masks(places, names)
    warnings += more
    truth = layout.custom_labels(info, labels, test)
    if truth is None and test:
        truth = None if labels == "intervals" else masks
        if labels != "masks" and truth is None:
            truth = _find_intervals(info, places, names)
        expected = _EXPECTED.get(str(labels), "")
        layout.require_labels(truth, labels, root, expected)
    return layout.assemble(
        info,
        root,
        train,
        test,
        warnings,
        truth=truth,
        masks=masks,
        expected=" or ".join(_EXPECTED.values()),
    )


def _find_masks(
    places: list[Path], names: list[str]
) -> tuple[FileLabels | None, list[str]]:
    """The official masks lie beside the videos' folder or inside it."""
    demos = [layout.child(place, "ground_truth_demo") for place in places]
    inside = [demo for demo in demos if demo is not None]
    folder = layout.find_below([*inside, *places], "testing_label_mask")
    if folder is None or not names:
        return None, []
    try:
        source = open_labels(folder, names)
    except LabelError as error:
        return None, [str(error)]  # avenue.mat may still serve
    return (source if isinstance(source, FileLabels) else None), []


def _find_intervals(
    info: DatasetInfo, places: list[Path], names: list[str]
) -> LabelSource | None:
    tests = [layout.child(place, *layout.SPLITS["test"]) for place in places]
    inside = [folder for folder in tests if folder is not None]
    file = layout.find_below([*places, *inside], "avenue.mat")
    if file is None:
        return None
    return open_labels(file, names, published=info.test_videos)
