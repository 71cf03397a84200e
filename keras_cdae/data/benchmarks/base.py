"""One interface for every data set, whatever its layout on disk is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from keras_cdae.data.label_files import Labels, Masks
from keras_cdae.data.labels import FileLabels, LabelSource
from keras_cdae.errors import DataError


@dataclass(frozen=True)
class DatasetInfo:
    """What is known of a data set before it is there.

    Args:
        name: what `--dataset` calls it.
        title: what tables call it.
        url: where to download it; empty where there is nothing to download.
        layout: a text that shows how it should lie.
        folders: names of the outer folders that may be given.
        channels: 1 where the camera is grey.
        fps: frames a second of the camera; None where it varies.
        train_videos: published number of training videos; None: any number.
        test_videos: published number of test videos; None: any number.
        train_frames: frames of every training video, where published.
        test_frames: frames of every test video, where published.
        train_total: all training frames, where published.
        test_total: all test frames, where published.
        abnormal_frames: of the whole test set, by the kind of labels.
        numbered: whether its videos are called 01, 02, 03, ...
    """

    name: str
    title: str
    url: str
    layout: str
    folders: tuple[str, ...] = ()
    channels: int = 3
    fps: float | None = None
    train_videos: int | None = None
    test_videos: int | None = None
    train_frames: tuple[int, ...] = ()
    test_frames: tuple[int, ...] = ()
    train_total: int | None = None
    test_total: int | None = None
    abnormal_frames: Mapping[str, int] = field(default_factory=dict)
    numbered: bool = False

    @property
    def how_to_get(self) -> str:
        """Where to get the data set and how it should lie."""
        if self.url:
            source = f"download it from {self.url} , unpack it,"
        else:
            source = "have its folder ready"
        return (
            f"For {self.title}, {source} and give the folder with --data-dir "
            f"DIR. It should lie so:\n{self.layout}"
        )


@dataclass(frozen=True)
class DatasetVideo:
    """One video of a data set.

    Args:
        name: the name in results: `01`, whether the disk says `Test001`, `01`
            or `01.avi`; other data sets keep their names, without suffix.
        path: a video file or a folder of frames.
    """

    name: str
    path: Path


@dataclass(frozen=True)
class Dataset:
    """A data set that was found on disk.

    Args:
        name: what `--dataset` calls it.
        title: what tables call it; ends in "(part)" where videos are missing.
        root: the folder that holds the training and test folders.
        train: the training videos.
        test: the test videos.
        channels: 1 where the camera is grey.
        fps: frames a second; None where unknown.
        truth: where frame labels come from; None without labels.
        masks: where pixel masks come from; None without masks.
        warnings: what a result on this data has to be read with.
    """

    name: str
    title: str
    root: Path
    train: tuple[DatasetVideo, ...]
    test: tuple[DatasetVideo, ...]
    channels: int = 3
    fps: float | None = None
    truth: LabelSource | None = None
    masks: FileLabels | None = None
    warnings: tuple[str, ...] = ()

    @property
    def label_source(self) -> str | None:
        """The labels in use, as in `ped2.mat (intervals)`; None without."""
        return self.truth.title if self.truth else None

    def require_test(self) -> None:
        """Raise an error if there is no test video.

        Raises:
            DataError: if so.
        """
        if not self.test:
            raise DataError(
                f"{self.root}: has no test video to evaluate on. Put videos "
                "into its folder `test`."
            )

    def require_labels(self) -> None:
        """Raise an error if there is nothing to compare scores with.

        Raises:
            DataError: if so.
        """
        if self.truth is None:
            raise DataError(
                f"{self.root}: has no labels, so nothing can be compared. "
                "`keras-cdae datasets verify` tells what was found."
            )

    def labels_for(self, video_name: str, num_frames: int) -> Labels | None:
        """Return the frame labels of one test video.

        Args:
            video_name: the name of one of `test`.
            num_frames: how many frames the video has.

        Returns:
            uint8 (num_frames,), 1 = anomalous; None where the data set has no
            labels at all.

        Raises:
            LabelError: where the labels do not fit the video.
            DataError: where there is no such test video.
        """
        self._check_name(video_name)
        if self.truth is None:
            return None
        return self.truth.labels(video_name, num_frames)

    def masks_for(self, video_name: str) -> Masks | None:
        """Return the pixel masks of one test video, read when asked for.

        Args:
            video_name: the name of one of `test`.

        Returns:
            uint8 (N, h, w), 1 = anomalous; None where it has no masks.

        Raises:
            LabelError: where the masks cannot be read.
            DataError: where there is no such test video.
        """
        self._check_name(video_name)
        return self.masks.masks(video_name) if self.masks else None

    def _check_name(self, video_name: str) -> None:
        if all(video.name != video_name for video in self.test):
            raise DataError(
                f"{self.root}: no such test video; take a name from "
                f"Dataset.test. Received: video_name={video_name!r}"
            )


@dataclass(frozen=True)
class Finding:
    """One line of what `verify_dataset` found.

    Args:
        level: how much it matters.
        message: one line.
    """

    level: Literal["ok", "warning", "error"]
    message: str


class Loader(Protocol):
    """Finds a data set on disk."""

    def __call__(
        self, info: DatasetInfo, data_dir: Path, labels: str | Path | None
    ) -> Dataset:
        """Return the data set below `data_dir`."""
