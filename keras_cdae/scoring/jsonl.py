"""Scores as JSON Lines: one object for every scored frame."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.errors import DataError
from keras_cdae.files import atomic_path
from keras_cdae.scoring.scores import COLUMNS, VideoScores


def write_scores_jsonl(
    path: str | os.PathLike[str], video: VideoScores
) -> None:
    """Write the scores of one video, whole or not at all.

    The keys are the columns of `scores.csv`; what is unknown is null.

    Args:
        path: the file to write; its folder is created if absent.
        video: the scores.
    """
    blank = [None] * len(video)
    columns = [[video.name] * len(video), video.frame.tolist()]
    for values in (video.score, video.z, video.p, video.regularity):
        columns.append(blank if values is None else values.tolist())
    columns.append(blank if video.labels is None else video.labels.tolist())
    with (
        atomic_path(path) as temporary,
        temporary.open("w", encoding="utf-8") as stream,
    ):
        for row in zip(*columns, strict=True):
            stream.write(json.dumps(dict(zip(COLUMNS, row, strict=True))))
            stream.write("\n")


def read_scores_jsonl(path: str | os.PathLike[str]) -> VideoScores:
    """Read what `write_scores_jsonl` wrote.

    Args:
        path: the file.

    Raises:
        DataError: if the file is missing or is no such file.
    """
    path = Path(path)
    try:
        with path.open(encoding="utf-8") as stream:
            rows = [json.loads(line) for line in stream]
        return VideoScores(
            name=rows[0]["video"],
            frame=np.array([row["frame"] for row in rows]),
            score=np.array([row["score"] for row in rows]),
            z=_column(rows, "z"),
            p=_column(rows, "p"),
            labels=_column(rows, "label"),
        )
    except OSError as error:
        raise DataError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(
            f"{path}: is not a score file of keras-cdae: {error}. Score the "
            "video again with --overwrite."
        ) from error


def _column(rows: list[dict[str, Any]], name: str) -> np.ndarray | None:
    values = [row[name] for row in rows]
    return None if values[0] is None else np.array(values)
