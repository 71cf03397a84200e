"""Where the video files of scored videos lie."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from keras_cdae.data.benchmarks import load_dataset
from keras_cdae.data.finding import find_videos
from keras_cdae.errors import DataError
from keras_cdae.reports.gather import Results


@dataclass(frozen=True)
class Located:
    """Video files by name.

    Attributes:
        paths: files or folders of frames, by name of the video.
        fps: frames a second of the data set's camera; None where unknown.
    """

    paths: dict[str, Path] = field(default_factory=dict)
    fps: float | None = None


def locate_videos(
    results: Results,
    *,
    videos: str | os.PathLike[str] | None = None,
    dataset: str | None = None,
    data_dir: str | os.PathLike[str] | None = None,
) -> Located:
    """Find the files of scored videos; none where nothing says where.

    Args:
        results: the scores, and what the run says of its data set.
        videos: a video, or a folder of videos called as in the scores.
        dataset: name of a data set; None: that of the run.
        data_dir: its folder; None: that of the run, if it is still there.

    Raises:
        DataError: if what was named is not there, or has none of the videos.
    """
    names = [video.name for video in results.videos]
    if videos is not None:
        found = {_name(path): path for path in find_videos(Path(videos))}
        return Located(_known(found, names, Path(videos)))
    settings = results.config.get("settings", {})
    # What was scored may be another data set than what was trained on.
    scored = results.metrics.get("dataset")
    chosen = dataset or scored or settings.get("dataset")
    if data_dir is None:
        own = settings.get("data_dir")
        if own is None or chosen != settings.get("dataset"):
            return Located()
        if not Path(own).exists():
            return Located()
        data_dir = own
    if chosen is None:
        raise DataError(
            f"{data_dir}: of which data set? Say it with --dataset NAME, or "
            "name a folder of videos with --videos."
        )
    data = load_dataset(chosen, Path(data_dir))
    found = {video.name: video.path for video in data.test}
    return Located(_known(found, names, Path(data_dir)), data.fps)


def _name(path: Path) -> str:
    return path.name if path.is_dir() else path.stem


def _known(
    found: dict[str, Path], names: list[str], place: Path
) -> dict[str, Path]:
    """Keep the files that were scored; refuse a place that has none."""
    kept = {name: found[name] for name in names if name in found}
    if not kept:
        raise DataError(
            f"{place}: has none of the scored videos. It has "
            f"{_few(list(found))}; the scores are of {_few(names)}."
        )
    return kept


def _few(names: list[str]) -> str:
    rest = ", ..." if len(names) > 3 else ""
    return ", ".join(names[:3]) + rest
