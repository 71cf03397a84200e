"""Finding folders, videos and labels below the folder that a user names."""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from keras_cdae.data.benchmarks.base import (
    Dataset,
    DatasetInfo,
    DatasetVideo,
)
from keras_cdae.data.finding import is_video, natural_key
from keras_cdae.data.labels import (
    FileLabels,
    LabelSource,
    open_labels,
    shorten,
)
from keras_cdae.data.video import video_info
from keras_cdae.errors import DataError, LabelError, VideoError

logger = logging.getLogger(__name__)

SPLITS = {
    "train": ("train", "training", "training_videos"),
    "test": ("test", "testing", "testing_videos"),
}
_SPLIT_NAMES = frozenset(SPLITS["train"] + SPLITS["test"])
# Frames first: where frames and videos are both whole, frames read faster.
_INNER = ("frames", "videos", "training_videos", "testing_videos")
_DEPTH = 3  # UCSD_Anomaly_Dataset / UCSD_Anomaly_Dataset.v1p2 / UCSDped2
_NUMBERED = re.compile(r"(?:train|test|training|testing)?[_-]?0*(\d{1,6})")


def visible(folder: Path) -> list[Path]:
    """Return the entries of a folder without .DS_Store, ._* and their like."""
    entries = [
        entry
        for entry in folder.iterdir()
        if not entry.name.startswith((".", "__MACOSX"))
    ]
    return sorted(entries, key=natural_key)


def child(folder: Path, *names: str) -> Path | None:
    """Return the first entry with one of `names`, in any case of letters."""
    if not folder.is_dir():
        return None
    entries = {entry.name.lower(): entry for entry in visible(folder)}
    found = (entries.get(name.lower()) for name in names)
    return next((entry for entry in found if entry is not None), None)


def find_below(folders: Iterable[Path], *names: str) -> Path | None:
    """Return the first entry with one of `names` in any of `folders`."""
    for folder in folders:
        found = child(folder, *names)
        if found is not None:
            return found
    return None


def find_root(info: DatasetInfo, data_dir: Path) -> Path:
    """Find the folder that holds the training and test folders.

    Args:
        info: the data set.
        data_dir: that folder, one around it, or one of the two inside it.

    Raises:
        DataError: where it is not there or holds no video.
    """
    if not data_dir.is_dir():
        raise DataError(f"{data_dir}: no such folder.\n{info.how_to_get}")
    starts = [data_dir]
    absolute = data_dir.absolute()
    if absolute.name.lower() in _SPLIT_NAMES:
        starts.append(absolute.parent)
    roots = [
        root
        for start in starts
        for root in _candidates(start, info.folders, _DEPTH)
    ]
    for root in roots:
        if split_paths(root, "train") or split_paths(root, "test"):
            return root
    what = "no training and test folders in it"
    if roots:
        what = f"{roots[0]} has training or test folders, but no video in them"
    raise DataError(f"{data_dir}: {what}.\n{info.how_to_get}")


def _candidates(
    folder: Path, names: Sequence[str], depth: int
) -> Iterator[Path]:
    if any(child(folder, *SPLITS[split]) for split in SPLITS):
        yield folder
    if depth == 0:
        return
    for name in names:
        inner = child(folder, name)
        if inner is not None and inner.is_dir():
            yield from _candidates(inner, names, depth - 1)


def split_paths(root: Path, split: str) -> list[Path]:
    """Return the video files and frame folders of "train" or "test"."""
    folder = child(root, *SPLITS[split])
    if folder is None or not folder.is_dir():
        return []
    if is_video(folder):
        return [folder]  # train/000.jpg: the split is one video
    inner = [child(folder, name) for name in _INNER]
    groups = [
        [entry for entry in visible(place) if _counts(entry)]
        for place in [*inner, folder]
        if place is not None and place.is_dir()
    ]
    return max(groups, key=len)


def _counts(entry: Path) -> bool:
    return not entry.name.lower().endswith("_gt") and is_video(entry)


def name_videos(
    info: DatasetInfo, paths: Sequence[Path]
) -> tuple[list[DatasetVideo], list[str]]:
    """Name the videos of one split.

    Args:
        info: the data set.
        paths: its video files and frame folders.

    Returns:
        The videos, sorted, and a warning for each path that was left out.
    """
    if info.train_videos is None:
        return _keep_all(paths), []
    videos: dict[str, DatasetVideo] = {}
    warnings = []
    for path in paths:
        name = path.name if path.is_dir() else path.stem
        if info.numbered:
            match = _NUMBERED.fullmatch(name.lower())
            if match is None:
                warnings.append(
                    f"{path}: left out, no video of {info.title} has this name"
                )
                continue
            name = f"{int(match[1]):02d}"
        if name in videos:
            warnings.append(
                f"{path}: left out, video {name} is already here as "
                f"{videos[name].path.name}"
            )
            continue
        videos[name] = DatasetVideo(name, path)
    return [videos[name] for name in sorted(videos, key=natural_key)], warnings


def _keep_all(paths: Sequence[Path]) -> list[DatasetVideo]:
    """Name by stem; by file name where door.avi and door.mp4 are both here."""
    stems = [path.name if path.is_dir() else path.stem for path in paths]
    return [
        DatasetVideo(stem if stems.count(stem) == 1 else path.name, path)
        for stem, path in zip(stems, paths, strict=True)
    ]


def missing_videos(
    info: DatasetInfo, split: str, videos: Sequence[DatasetVideo]
) -> str | None:
    """Say in one line which videos of a split are missing, if any are.

    Args:
        info: the data set.
        split: "train" or "test".
        videos: those that are here.
    """
    whole = info.train_videos if split == "train" else info.test_videos
    if whole is None or len(videos) >= whole:
        return None
    title = f"{split}ing videos"
    if not info.numbered:
        return f"{title}: {whole - len(videos)} of {whole} missing"
    here = {video.name for video in videos}
    numbers = (f"{number:02d}" for number in range(1, whole + 1))
    names = [number for number in numbers if number not in here]
    return f"{title} {', '.join(names)} missing ({len(here)} of {whole} here)"


def extra_videos(
    info: DatasetInfo, split: str, videos: Sequence[DatasetVideo]
) -> str | None:
    """Say in one line that a split has more videos than were published."""
    whole = info.train_videos if split == "train" else info.test_videos
    if whole is None or len(videos) <= whole:
        return None
    return f"{len(videos)} {split}ing videos, but {info.title} has {whole}"


def find_videos(
    info: DatasetInfo, root: Path
) -> tuple[list[DatasetVideo], list[DatasetVideo], list[str]]:
    """Find the videos of both splits.

    Args:
        info: the data set.
        root: the folder that holds the training and test folders.

    Returns:
        Training videos, test videos, warnings.

    Raises:
        DataError: for a benchmark without a training video.
    """
    train, warnings = name_videos(info, split_paths(root, "train"))
    test, more = name_videos(info, split_paths(root, "test"))
    if not train and info.train_videos is not None:
        raise DataError(f"{root}: no training video.\n{info.how_to_get}")
    warnings += more
    for split, videos in (("train", train), ("test", test)):
        for text in (
            missing_videos(info, split, videos),
            extra_videos(info, split, videos),
        ):
            if text:
                warnings.append(f"{info.title}: {text}")
    return train, test, warnings


def custom_labels(
    info: DatasetInfo,
    labels: str | Path | None,
    test: Sequence[DatasetVideo],
) -> LabelSource | None:
    """Open the labels that a user named by path; None for a kind of labels.

    Args:
        info: the data set.
        labels: None, "intervals", "masks" or a path.
        test: the test videos.

    Raises:
        LabelError: for labels that do not fit.
    """
    if labels is None or labels in ("intervals", "masks"):
        return None
    names = [video.name for video in test]
    return open_labels(labels, names, published=info.test_videos)


def require_labels(
    source: LabelSource | None,
    labels: str | Path | None,
    root: Path,
    expected: str,
) -> None:
    """Raise where the kind of labels that was asked for is not there.

    Args:
        source: what was found.
        labels: what was asked for; None asks for nothing.
        root: where it was looked for.
        expected: the names of the files.

    Raises:
        LabelError: where it is not there.
    """
    if source is None and labels is not None:
        raise LabelError(
            f"{root}: no labels of the kind {str(labels)!r}; expected "
            f"{expected}, or leave the choice of labels out"
        )


def assemble(
    info: DatasetInfo,
    root: Path,
    train: Sequence[DatasetVideo],
    test: Sequence[DatasetVideo],
    warnings: Sequence[str],
    *,
    truth: LabelSource | None,
    masks: FileLabels | None = None,
    expected: str = "",
) -> Dataset:
    """Build the data set, and log its warnings.

    Args:
        info: the data set.
        root: the folder that holds the training and test folders.
        train: the training videos.
        test: the test videos.
        warnings: what was noticed so far.
        truth: where frame labels come from.
        masks: where pixel masks come from.
        expected: the names of label files; a benchmark without them warns.
    """
    warnings = list(warnings)
    if truth is None and test and expected:
        warnings.append(
            f"{info.title}: no ground truth ({expected}) in {root}; the test "
            "videos can be scored, but not evaluated"
        )
    if truth is not None:
        bare = [v.name for v in test if v.name not in truth.videos]
        if bare:
            warnings.append(
                f"{truth.path}: no labels for testing videos {shorten(bare)}"
            )
    part = missing_videos(info, "train", train) or missing_videos(
        info, "test", test
    )
    for warning in warnings:
        logger.warning("%s", warning)
    return Dataset(
        name=info.name,
        title=f"{info.title} (part)" if part else info.title,
        root=root,
        train=tuple(train),
        test=tuple(test),
        channels=info.channels,
        fps=info.fps or _first_fps([*train, *test]),
        truth=truth,
        masks=masks,
        warnings=tuple(warnings),
    )


def _first_fps(videos: Sequence[DatasetVideo]) -> float | None:
    for video in videos:
        if video.path.is_file():
            try:
                return video_info(video.path).fps
            except VideoError:
                continue  # the job that reads it names it; the next may do
    return None
