"""Any folder with `train/` and `test/`; the synthetic camera is one."""

from pathlib import Path

from keras_cdae.data.benchmarks import layout
from keras_cdae.data.benchmarks.base import Dataset, DatasetInfo
from keras_cdae.data.labels import open_labels

_LAYOUT = """\
  DIR/train/monday.mp4 ...      (video files, or a folder of frames a video)
  DIR/test/friday.mp4 ...       (may be absent)
  DIR/labels.csv                (optional: video,start,end; 0-based, end
                                exclusive)"""

FOLDER = DatasetInfo(
    name="folder", title="Folder", url="", layout=_LAYOUT, folders=()
)
SYNTHETIC = DatasetInfo(
    name="synthetic",
    title="Synthetic camera",
    url="",
    layout=f"{_LAYOUT}\nTo make it: keras-cdae datasets synthetic DIR",
    folders=("synthetic",),
)


def load(
    info: DatasetInfo, data_dir: Path, labels: str | Path | None
) -> Dataset:
    """Find the videos of a folder.

    Args:
        info: `FOLDER` or `SYNTHETIC`.
        data_dir: the folder that holds `train/`, `test/` or both.
        labels: None (`labels.csv` where there is one), "intervals"
            (`labels.csv`) or a path.

    Raises:
        DataError: where it holds neither training nor test videos.
        LabelError: where its labels are not usable.
    """
    root = layout.find_root(info, data_dir)
    train, test, warnings = layout.find_videos(info, root)
    names = [video.name for video in test]
    truth = layout.custom_labels(info, labels, test)
    if truth is None and test:
        folder = layout.child(root, *layout.SPLITS["test"])
        places = [root, folder] if folder else [root]
        file = layout.find_below(places, "labels.csv")
        if file is not None and labels != "masks":
            truth = open_labels(file, names)
        layout.require_labels(truth, labels, root, "labels.csv")
    return layout.assemble(info, root, train, test, warnings, truth=truth)
