"""Ground truth in every form it is distributed in -> one array a video."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from keras_cdae.data import label_files
from keras_cdae.data.finding import natural_key
from keras_cdae.data.label_files import Intervals, Labels, Masks
from keras_cdae.errors import LabelError, shown

PED2_INTERVALS: tuple[tuple[int, int], ...] = (
    (61, 180),
    (95, 180),
    (1, 146),
    (31, 180),
    (1, 129),
    (1, 159),
    (46, 180),
    (1, 180),
    (1, 120),
    (1, 150),
    (1, 180),
    (88, 180),
)
"""Published abnormal frames of Ped2, 1-based and inclusive, one a video."""


class LabelSource(Protocol):
    """Where the labels of a data set's test videos come from."""

    @property
    def path(self) -> Path:
        """The file or folder."""

    @property
    def title(self) -> str:
        """Name and kind, as results name it: `ped2.mat (intervals)`."""

    @property
    def videos(self) -> frozenset[str]:
        """The names of the videos that it has labels for."""

    def labels(self, video: str, num_frames: int) -> Labels:
        """One label a frame: uint8 (num_frames,)."""


@dataclass(frozen=True)
class IntervalLabels:
    """Labels from intervals of abnormal frames.

    Args:
        path: the file.
        title: what results call it.
        intervals: an array (n, 2) a video, 0-based, end exclusive.
    """

    path: Path
    title: str
    intervals: Mapping[str, Intervals]

    @property
    def videos(self) -> frozenset[str]:
        """The names of the videos that it has labels for."""
        return frozenset(self.intervals)

    def labels(self, video: str, num_frames: int) -> Labels:
        """Return uint8 (num_frames,).

        Raises:
            LabelError: for an unknown video, or an interval beyond its end.
        """
        intervals = _of_video(self.intervals, video, self.path)
        labels = np.zeros(num_frames, np.uint8)
        for start, end in intervals.tolist():
            if end > num_frames:
                raise LabelError(
                    f"{self.path}: video {video} is abnormal up to frame "
                    f"{end} but has {num_frames} frames; check that the video "
                    "is whole and that the labels belong to it"
                )
            labels[start:end] = 1
        return labels


@dataclass(frozen=True)
class FrameLabels:
    """Labels from one file that lists every frame.

    Args:
        path: the file.
        title: what results call it.
        frames: uint8 (N,) a video.
    """

    path: Path
    title: str
    frames: Mapping[str, Labels]

    @property
    def videos(self) -> frozenset[str]:
        """The names of the videos that it has labels for."""
        return frozenset(self.frames)

    def labels(self, video: str, num_frames: int) -> Labels:
        """Return uint8 (num_frames,).

        Raises:
            LabelError: for an unknown video, or another number of frames.
        """
        labels = _of_video(self.frames, video, self.path)
        _check_length(self.path, video, len(labels), num_frames)
        return labels


@dataclass(frozen=True)
class FileLabels:
    """Labels or pixel masks from one file or folder a video, read on demand.

    Args:
        path: the folder that holds them.
        title: what results call it.
        files: the file or folder of each video.
        read: turns one of them into (N,) labels or (N, h, w) masks.
    """

    path: Path
    title: str
    files: Mapping[str, Path]
    read: Callable[[Path], npt.NDArray[np.uint8]]

    @property
    def videos(self) -> frozenset[str]:
        """The names of the videos that it has labels for."""
        return frozenset(self.files)

    def labels(self, video: str, num_frames: int) -> Labels:
        """Return uint8 (num_frames,); any abnormal pixel makes a frame so.

        Raises:
            LabelError: for an unknown video, a broken file, or another
                number of frames.
        """
        file = _of_video(self.files, video, self.path)
        found = self.read(file)
        _check_length(file, video, len(found), num_frames)
        return masks_to_labels(found) if found.ndim == 3 else found

    def masks(self, video: str) -> Masks | None:
        """Return uint8 (N, h, w); None where the video has no masks."""
        if video not in self.files:
            return None
        found = self.read(self.files[video])
        return found if found.ndim == 3 else None


def masks_to_labels(masks: Masks) -> Labels:
    """Call a frame abnormal if any of its pixels is.

    Args:
        masks: (N, h, w).

    Returns:
        uint8 (N,).
    """
    # Frame by frame: a mapped file never has to fit into memory.
    return np.array([mask.any() for mask in masks], dtype=np.uint8)


def read_labels(
    path: str | Path,
    num_frames: Mapping[str, int],
    *,
    column: str | None = None,
) -> dict[str, Labels]:
    """Read the labels of some videos from a file or folder of any known form.

    Args:
        path: a UCSD `.m`, a `.mat` of intervals, a `.csv` of intervals
            (`video,start,end`) or of frames (`video,frame,label`), or a folder
            of `N_label.mat`, of `NAME.npy`, or of `NAME_gt` mask folders.
        num_frames: how many frames each video has, in the order of the file
            where the file itself has no names.
        column: which column of a CSV of frames; None: the first.

    Returns:
        uint8 (N,) a video, 1 where a frame is abnormal.

    Raises:
        LabelError: for an unknown form or labels that do not fit the videos.
    """
    source = open_labels(path, list(num_frames), column=column)
    return {
        video: source.labels(video, count)
        for video, count in num_frames.items()
    }


def open_labels(
    path: str | Path,
    videos: Sequence[str],
    *,
    published: int | None = None,
    column: str | None = None,
) -> LabelSource:
    """Open a file or folder of labels; see `read_labels` for the forms.

    Args:
        path: the file or folder.
        videos: the names of the test videos, sorted.
        published: how many test videos the whole data set has. Labels for
            all of them then serve a part of them, by number.
        column: which column of a CSV of frames; None: the first.

    Raises:
        LabelError: for an unknown form or another number of videos.
    """
    path = Path(path)
    if path.is_dir():
        return _open_folder(path, videos)
    if not path.exists():
        raise LabelError(f"{path}: no such label file; check the path")
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return _open_csv(path, videos, column)
    if suffix in (".m", ".mat"):
        read = (
            label_files.read_ucsd_m
            if suffix == ".m"
            else label_files.read_mat_intervals
        )
        found = match_videos(read(path), videos, path, published)
        return IntervalLabels(path, f"{path.name} (intervals)", found)
    raise LabelError(
        f"{path}: labels of an unknown form; give a .m, .mat or .csv file, or "
        "a folder of masks"
    )


def match_videos(
    found: Sequence[Intervals],
    videos: Sequence[str],
    path: Path,
    published: int | None = None,
) -> dict[str, Intervals]:
    """Give each of `videos` its entry in a file that has no names.

    Args:
        found: the entries of the file.
        videos: the names of the test videos, sorted.
        path: the file, for the message.
        published: how many test videos the whole data set has.

    Raises:
        LabelError: where the file has another number of videos.
    """
    if len(found) == len(videos):
        return dict(zip(videos, found, strict=True))
    numbers = [number_of(video) for video in videos]
    if len(found) == published and all(
        number is not None and 1 <= number <= published for number in numbers
    ):
        return {
            video: found[number - 1]
            for video, number in zip(videos, numbers, strict=True)
            if number is not None
        }
    raise LabelError(
        f"{path}: labels of {len(found)} videos, but there are {len(videos)} "
        "test videos; complete the data set, or give the label file that "
        "belongs to it"
    )


def number_of(name: str) -> int | None:
    """Return the one number in a name such as `Test003`, 3; else None."""
    match = re.fullmatch(r"\D*?(\d{1,6})\D*", name)
    return int(match[1]) if match else None


def _open_csv(
    path: Path, videos: Sequence[str], column: str | None
) -> LabelSource:
    columns = label_files.frame_csv_columns(path)
    if columns:
        column = column or columns[0]
        frames = label_files.read_frame_csv(path, column)
        return FrameLabels(path, f"{path.name} ({column})", frames)
    rows = label_files.read_interval_csv(path)
    intervals = {video: np.empty((0, 2), np.int64) for video in videos}
    for name, found in rows.items():
        video = name if name in intervals else Path(name).stem
        if video not in intervals:
            raise LabelError(
                f"{path}: no test video is called '{shown(name)}'; the videos "
                f"are {shorten(videos) or 'none'}"
            )
        intervals[video] = np.concatenate([intervals[video], found])
    return IntervalLabels(path, f"{path.name} (intervals)", intervals)


def _open_folder(path: Path, videos: Sequence[str]) -> LabelSource:
    entries = [
        entry
        for entry in sorted(path.iterdir(), key=natural_key)
        if not entry.name.startswith(".")
    ]
    kinds: tuple[tuple[str, str, Callable[[Path], Any]], ...] = (
        ("_label.mat", "pixel masks", label_files.read_volume_masks),
        (".npy", "masks", _read_npy),
        ("_gt", "pixel masks", label_files.read_mask_folder),
    )
    for ending, kind, read in kinds:
        matching = [e for e in entries if e.name.lower().endswith(ending)]
        if not matching:
            continue
        files = match_files(
            {entry.name[: -len(ending)]: entry for entry in matching}, videos
        )
        if files:
            return FileLabels(path, f"{path.name} ({kind})", files, read)
    raise LabelError(
        f"{path}: no labels of {shorten(videos) or 'any video'} in the folder; "
        "expected N_label.mat, NAME.npy or NAME_gt for each test video"
    )


def match_files(
    files: Mapping[str, Path], videos: Sequence[str]
) -> dict[str, Path]:
    """Give each video the file of its name or, failing that, of its number.

    Args:
        files: the files by their names without the ending.
        videos: the names of the test videos.

    Returns:
        The file of every video that has one.
    """
    numbers = {number_of(name): file for name, file in files.items()}
    numbers.pop(None, None)
    found = {}
    for video in videos:
        file = files.get(video) or numbers.get(number_of(video))
        if file is not None:
            found[video] = file
    return found


def shorten(names: Sequence[str], limit: int = 24) -> str:
    """Return the names in one line; beyond `limit`, how many more."""
    text = ", ".join(names[:limit])
    more = len(names) - limit
    return f"{text} and {more} more" if more > 0 else text


def _read_npy(path: Path) -> npt.NDArray[np.uint8]:
    """Frame labels or pixel masks, whichever the file holds."""
    if label_files.npy_dimensions(path) == 3:
        return label_files.read_pixel_npy(path)
    return label_files.read_frame_npy(path)


def _of_video(mapping: Mapping[str, Any], video: str, path: Path) -> Any:
    if video not in mapping:
        raise LabelError(
            f"{path}: no labels for video {video}; complete the ground truth, "
            "or choose other labels"
        )
    return mapping[video]


def _check_length(path: Path, video: str, found: int, expected: int) -> None:
    if found != expected:
        raise LabelError(
            f"{path}: labels of {found} frames, but video {video} has "
            f"{expected}; check that the video is whole and that the labels "
            "belong to it"
        )
