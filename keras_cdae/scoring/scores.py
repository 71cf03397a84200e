"""The scores of one video, and the file `scores.csv` that keeps them."""

import csv
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.errors import DataError, shown
from keras_cdae.files import atomic_path

COLUMNS = ("video", "frame", "score", "z", "p", "regularity", "label")


@dataclass(frozen=True, eq=False)
class VideoScores:
    """One score for every scored frame of one video.

    A video of N frames has N - 4 scores; each belongs to the last frame of
    its clip.

    Args:
        name: the video, unique within a run.
        frame: int array (scores,), rising: the 0-based frame of each score.
        score: array (scores,), log-score `log(1 / s)` of Eq. 14, higher =
            more anomalous.
        z: array (scores,), standardised score; `None` when uncalibrated.
        p: array (scores,), share of normal clips that score as high; `None`
            when uncalibrated.
        terms: arrays (scores,) of the logs of the terms of Eq. 14, by name.
        labels: int array (scores,), 1 = anomalous; `None` when unknown.
        peak_map: array (h, w), the anomaly map of frame `peak_frame`.
        peak_frame: the 0-based frame that `peak_map` belongs to.

    Raises:
        ValueError: if an array is not 1-D or of another length than `frame`,
            scores are not finite, frames do not rise, or a label is neither 0
            nor 1.

    Example:
        >>> video = VideoScores("01", np.arange(4, 7), np.array([0.0, 1.0, 9]))
        >>> len(video), video.worst_frame, video.regularity.round(3).tolist()
        (3, 6, [1.0, 0.368, 0.0])
    """

    name: str
    frame: np.ndarray
    score: np.ndarray
    z: np.ndarray | None = None
    p: np.ndarray | None = None
    terms: Mapping[str, np.ndarray] = field(default_factory=dict)
    labels: np.ndarray | None = None
    peak_map: np.ndarray | None = None
    peak_frame: int | None = None

    def __post_init__(self) -> None:
        """Bring the arrays to one type and check them."""
        if not self.name:
            raise ValueError("`name` must not be empty. Received: name=''")
        if (self.z is None) != (self.p is None):
            raise ValueError(
                "`z` and `p` come together from one calibration. Received: "
                f"z={'None' if self.z is None else 'an array'}, "
                f"p={'None' if self.p is None else 'an array'}"
            )
        length = np.size(self.frame)
        self._set("frame", self._array("frame", self.frame, np.int64, length))
        for name in ("score", "z", "p"):
            values = getattr(self, name)
            if values is not None:
                self._set(name, self._array(name, values, np.float64, length))
        if self.labels is not None:
            labels = self._array("labels", self.labels, np.int64, length)
            self._set("labels", labels)
        terms = {
            k: self._array(f"terms[{k!r}]", v, np.float64, length)
            for k, v in self.terms.items()
        }
        self._set("terms", terms)
        self._check_values()

    def __len__(self) -> int:
        return int(self.score.size)

    @property
    def regularity(self) -> np.ndarray:
        """The paper's S(t), Eq. 15: array (scores,), 1 = most normal.

        `(s - min s) / (max s - min s)` over this video, on
        `s = exp(-score)`, with the lowest score subtracted first so that no
        exponential overflows. By construction every video reaches 0 and 1,
        however harmless it is: compare videos by `score` or `z` instead. Ones
        where the scores are constant.
        """
        above = self.score - self.score.min()  # s / max s = exp(-above)
        spread = above.max()
        if spread == 0:
            return np.ones_like(above)
        if spread < 1:  # expm1 keeps the digits of small differences
            return 1.0 - np.expm1(-above) / np.expm1(-spread)
        return (np.exp(-above) - np.exp(-spread)) / -np.expm1(-spread)

    @property
    def worst_frame(self) -> int:
        """The 0-based frame with the highest score."""
        return int(self.frame[self.score.argmax()])

    def _set(self, name: str, value: Any) -> None:
        object.__setattr__(self, name, value)  # the class is frozen

    def _array(
        self, name: str, values: Any, dtype: type, length: int
    ) -> np.ndarray:
        given = np.asarray(values)
        if given.ndim != 1 or given.size != length or length == 0:
            raise ValueError(
                f"`{name}` of video {self.name!r} must be 1-D, as long as "
                f"`frame` and not empty. Received: shape {given.shape} for "
                f"{length} frames"
            )
        array: np.ndarray = given.astype(dtype)
        if dtype is np.int64 and not np.array_equal(array, given):
            raise ValueError(
                f"`{name}` of video {self.name!r} must be whole numbers. "
                f"Received: {given.tolist()[:8]}"
            )
        return array

    def _check_values(self) -> None:
        bad = np.flatnonzero(~np.isfinite(self.score))
        if bad.size:
            raise ValueError(
                f"`score` of video {self.name!r} must be finite. Received: "
                f"{self.score[bad[0]]} at frame {self.frame[bad[0]]}"
            )
        if self.frame[0] < 0 or np.any(np.diff(self.frame) <= 0):
            raise ValueError(
                f"`frame` of video {self.name!r} must rise from 0 or above. "
                f"Received: frame={self.frame.tolist()[:8]}"
            )
        if self.labels is not None and not np.isin(self.labels, (0, 1)).all():
            raise ValueError(
                f"`labels` of video {self.name!r} must be 0 or 1. "
                f"Received: {np.unique(self.labels)[:5].tolist()}"
            )


def write_scores_csv(
    path: str | os.PathLike[str], videos: Sequence[VideoScores]
) -> None:
    """Write one row for every scored frame, whole or not at all.

    Columns: `video,frame,score,z,p,regularity,label`. Numbers have all their
    digits, so that `read_scores_csv` gives back equal arrays. `z` and `p` are
    empty when uncalibrated, `label` where unknown. Terms and maps are not
    kept.

    Args:
        path: the file to write; its folder is created if absent.
        videos: the scores, in the order of the rows.

    Raises:
        ValueError: if two videos have one name.
    """
    names = [video.name for video in videos]
    if len(set(names)) < len(names):
        twice = sorted({name for name in names if names.count(name) > 1})
        raise ValueError(
            f"Every video needs a name of its own. Received twice: {twice}"
        )
    with (
        atomic_path(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as stream,
    ):
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(COLUMNS)
        for video in videos:
            writer.writerows(_rows(video))


def read_scores_csv(path: str | os.PathLike[str]) -> list[VideoScores]:
    """Read what `write_scores_csv` wrote.

    Args:
        path: the file.

    Returns:
        One `VideoScores` a video, in the order of the file. `regularity` is
        computed anew from the scores.

    Raises:
        DataError: if the file is missing or is no such file; the message has
            the path and, where one is at fault, the line.
    """
    path = Path(path)
    videos: dict[str, list[list[str]]] = {}
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            for row in _checked_rows(path, csv.reader(stream)):
                videos.setdefault(row[0], []).append(row)
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        reason = shown(error, 200)
        raise DataError(f"{path}: is not a CSV text file: {reason}") from error
    try:
        return [_from_rows(name, rows) for name, rows in videos.items()]
    except (ValueError, OverflowError) as error:
        raise DataError(f"{path}: {shown(error, 300)}") from error


def _rows(video: VideoScores) -> Iterator[tuple[object, ...]]:
    columns: list[Iterable[object]] = [video.frame.tolist()]
    blank = [""] * len(video)
    for values in (video.score, video.z, video.p, video.regularity):
        # A Python float prints all the digits that it needs.
        columns.append(blank if values is None else map(repr, values.tolist()))
    columns.append(blank if video.labels is None else video.labels.tolist())
    return ((video.name, *row) for row in zip(*columns, strict=True))


def _checked_rows(path: Path, rows: Iterator[list[str]]) -> Iterator[list[str]]:
    header = next(rows, [])
    if tuple(header) != COLUMNS:
        found = shown(",".join(header))
        raise DataError(
            f"{path}: is not a score file of keras-cdae. Expected the header "
            f"{','.join(COLUMNS)!r}; received '{found}'"
        )
    for line, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise DataError(
                f"{path}, row {line}: expected {len(COLUMNS)} values, received "
                f"{len(row)}. Was the file cut short?"
            )
        if not is_inner_name(row[0]):
            raise DataError(
                f"{path}, row {line}: '{shown(row[0])}' cannot be the name of "
                "a video. Evaluate the model again."
            )
        yield row


def is_inner_name(name: str) -> bool:
    """Tell whether a name from a file, as a path, stays in its folder.

    Example:
        >>> is_inner_name("door/2.avi"), is_inner_name("../door")
        (True, False)
    """
    parts = name.replace(os.sep, "/").split("/")
    return (
        len(name) <= 255
        and name.isprintable()
        and not {"", ".", ".."} & set(parts)
    )


def _from_rows(name: str, rows: list[list[str]]) -> VideoScores:
    columns = list(zip(*rows, strict=True))
    return VideoScores(
        name=name,
        frame=np.array([int(value) for value in columns[1]]),
        score=np.array([float(value) for value in columns[2]]),
        z=_optional(name, "z", columns[3], float),
        p=_optional(name, "p", columns[4], float),
        labels=_optional(name, "label", columns[6], int),
    )


def _optional(
    name: str, column: str, values: Sequence[str], kind: type
) -> np.ndarray | None:
    if not any(values):
        return None
    if not all(values):
        raise ValueError(
            f"column `{column}` of video {name!r} must be filled or empty "
            "throughout. Received: some of both"
        )
    return np.array([kind(value) for value in values])
