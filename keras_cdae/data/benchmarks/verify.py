"""Hold a data set on disk against what was published of it."""

from collections.abc import Iterator, Sequence

from keras_cdae.data.benchmarks.base import (
    Dataset,
    DatasetInfo,
    DatasetVideo,
    Finding,
)
from keras_cdae.data.benchmarks.layout import (
    extra_videos,
    missing_videos,
)
from keras_cdae.data.labels import IntervalLabels, number_of
from keras_cdae.data.video import video_info
from keras_cdae.errors import LabelError, VideoError


def findings_of(info: DatasetInfo, dataset: Dataset) -> Iterator[Finding]:
    """Yield what is right, doubtful and wrong with a data set.

    Args:
        info: what was published.
        dataset: what was found.

    Yields:
        Findings: the layout, then videos and frames of each split, the
        labels, the loader's warnings.
    """
    yield Finding("ok", f"layout: {dataset.root}")
    said = set()
    counts: dict[str, int] = {}
    for split, videos in (("train", dataset.train), ("test", dataset.test)):
        missing = missing_videos(info, split, videos)
        if missing:
            said.add(f"{info.title}: {missing}")
            yield Finding("error", missing)
        elif not extra_videos(info, split, videos):
            text = f"{len(videos)} {split}ing videos"
            yield Finding("ok" if videos else "warning", text)
        counts = {}
        yield from _frames(info, split, videos, counts)
    yield from _labels(info, dataset, counts)
    for warning in dataset.warnings:
        if warning not in said:
            yield Finding("warning", warning)


def _frames(
    info: DatasetInfo,
    split: str,
    videos: Sequence[DatasetVideo],
    counts: dict[str, int],
) -> Iterator[Finding]:
    """Count the frames of every video into `counts`."""
    train = split == "train"
    published = info.train_frames if train else info.test_frames
    right = True
    for video in videos:
        try:
            counts[video.name] = frames = video_info(video.path).frames
        except VideoError as error:
            right = False
            yield Finding("error", str(error))
            continue
        number = number_of(video.name) or 0
        expected = frames
        if published and 1 <= number <= len(published):
            expected = published[number - 1]
        if frames != expected:
            right = False
            yield Finding(
                "error",
                f"{split}ing video {video.name} has {frames} frames, expected "
                f"{expected}: {video.path}",
            )
    total = sum(counts.values())
    whole = info.train_total if train else info.test_total
    complete = len(videos) == (info.train_videos if train else info.test_videos)
    if right and complete and whole is not None and total != whole:
        text = f"{total} {split}ing frames, expected {whole}"
        yield Finding("warning", text)
    elif right and videos:
        yield Finding("ok", f"{total} {split}ing frames")


def _labels(
    info: DatasetInfo, dataset: Dataset, counts: dict[str, int]
) -> Iterator[Finding]:
    """Read the labels of every test video whose frames were counted."""
    if dataset.truth is None:
        if dataset.test:
            yield Finding("warning", "no labels")
        return
    abnormal, right = 0, True
    for video, frames in counts.items():
        try:
            abnormal += int(dataset.truth.labels(video, frames).sum())
        except LabelError as error:
            right = False
            yield Finding("error", str(error))
    if not right:
        return
    total = sum(counts.values())
    text = (
        f"labels: {dataset.label_source}, {abnormal} of {total} frames abnormal"
    )
    published = info.abnormal_frames.get(_kind(dataset))
    whole = len(counts) == info.test_videos
    if whole and published is not None and abnormal != published:
        yield Finding("warning", f"{text}, published: {published}")
    else:
        yield Finding("ok", text)


def _kind(dataset: Dataset) -> str:
    if isinstance(dataset.truth, IntervalLabels):
        return "intervals"
    if dataset.truth is dataset.masks:
        return "masks"
    return "frame masks"
