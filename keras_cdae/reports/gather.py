"""What a run folder or a score file holds, read and checked, as plain data."""

import csv
import json
import os
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.errors import DataError, ModelFileError, in_command
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.scores import COLUMNS, VideoScores, read_scores_csv


@dataclass(frozen=True, eq=False)
class Results:
    """Everything that is on disk about some scored video.

    Attributes:
        source: the run folder, score file or folder of score files.
        title: the data set's name, else that of `source`.
        videos: the scores, in the order of the files.
        metrics: `metrics.json`; empty where there is none.
        config: `config.json`; empty where there is none.
        history: the columns of `history.csv`, one number an epoch.
        model: settings of the model, as its file keeps them.
        model_file: the `.keras` file; None where there is none.
        calibration: that of the model file; None without.
    """

    source: Path
    title: str
    videos: tuple[VideoScores, ...]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    config: Mapping[str, Any] = field(default_factory=dict)
    history: Mapping[str, np.ndarray] = field(default_factory=dict)
    model: Mapping[str, Any] = field(default_factory=dict)
    model_file: Path | None = None
    calibration: Calibration | None = None

    @property
    def label_source(self) -> str | None:
        """The ground truth by name; None where it is not known."""
        return self.metrics.get("label_source")


def read_results(
    source: str | os.PathLike[str],
    *,
    model_file: str | os.PathLike[str] | None = None,
) -> Results:
    """Read a run folder after `eval`, a `scores.csv`, or a folder of them.

    Args:
        source: the folder or file.
        model_file: the `.keras` file that the scores are from; None: the
            run's `model.keras`, if there is one.

    Raises:
        DataError: if there are no scores, or a file is damaged; the message
            has the path and the next step.
        ModelFileError: if the model file is none.
    """
    path = Path(source).expanduser()
    folder = path if path.is_dir() else path.parent
    is_run = path.is_dir() and (path / "scores.csv").is_file()
    videos = tuple(_read_videos(path))
    metrics = _read_json(folder / "metrics.json") if is_run else {}
    config = _read_json(folder / "config.json") if is_run else {}
    own = folder / "model.keras"
    file = Path(model_file) if model_file is not None else None
    if file is None and is_run and own.is_file():
        file = own
    model = {} if file is None else read_model_config(file)
    stored = model.pop("calibration", None)
    return Results(
        source=path,
        title=str(metrics.get("title") or path.resolve().stem),
        videos=videos,
        metrics=metrics,
        config=config,
        history=_read_history(folder / "history.csv") if is_run else {},
        model=model,
        model_file=file,
        calibration=None if stored is None else Calibration.from_dict(stored),
    )


def read_model_config(file: Path) -> dict[str, Any]:
    """Return the settings inside a `.keras` file, without importing keras.

    Raises:
        ModelFileError: if it is no such file.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            return dict(json.loads(archive.read("config.json"))["config"])
    except (OSError, zipfile.BadZipFile, ValueError, KeyError, TypeError) as e:
        raise ModelFileError(
            f"{file}: cannot be read as a model: {e}. Name a file that "
            "`keras-cdae train` wrote."
        ) from e


def _read_videos(path: Path) -> list[VideoScores]:
    if not path.exists():
        raise DataError(
            f"{path}: no such run folder or score file. Name the folder that "
            "`keras-cdae eval` or `score` wrote, or its CSV file."
        )
    if path.is_file():
        videos = read_scores_csv(path)
    elif (path / "scores.csv").is_file():
        videos = read_scores_csv(path / "scores.csv")
    else:
        files = _score_files(path)
        videos = [video for file in files for video in read_scores_csv(file)]
    names = [video.name for video in videos]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(
            f"{path}: more than one file has scores of {', '.join(twice)}. "
            "Take the older one out of the folder."
        )
    if not videos:
        raise DataError(f"{path}: holds no scored frame. Score a video anew.")
    return videos


def _score_files(folder: Path) -> list[Path]:
    """Return the CSV files of a folder that have the columns of scores."""
    found = [
        file
        for file in sorted(folder.glob("*.csv"))
        if next(iter(_rows(file)), []) == list(COLUMNS)
    ]
    if found:
        return found
    if (folder / "config.json").is_file() or (folder / "model.keras").is_file():
        raise DataError(
            f"{folder}: this run is not evaluated yet. Do it with "
            f"`keras-cdae eval {in_command(folder)}`."
        )
    raise DataError(
        f"{folder}: has no scores.csv, and no CSV file that `keras-cdae score` "
        "wrote. Name the folder that `keras-cdae eval` or `score` wrote."
    )


def _read_json(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: is damaged: {error}. Evaluate the run again."
        ) from error
    if not isinstance(values, dict):
        raise DataError(f"{path}: holds no object. Evaluate the run again.")
    return values


def _read_history(path: Path) -> dict[str, np.ndarray]:
    """Return the columns of numbers; cells that are none become NaN."""
    if not path.is_file():
        return {}
    header, *rows = [*_rows(path)] or [[]]
    whole = [row for row in rows if len(row) == len(header)]
    return {
        name: np.array([_number(row[place]) for row in whole])
        for place, name in enumerate(header)
        if whole
    }


def _rows(path: Path) -> Iterable[list[str]]:
    try:
        with path.open(newline="", encoding="utf-8") as stream:
            yield from csv.reader(stream)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: is no CSV text file: {error}") from error


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
