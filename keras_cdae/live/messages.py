"""What is told of an alarm."""

from datetime import UTC, datetime
from typing import Any

import numpy as np

from keras_cdae.runtime.score import Score

Message = dict[str, Any]

FILE_STAMP = "%Y%m%dT%H%M%SZ"


def found(score: Score) -> Message:
    """Return what is told of a score: how odd, and where in the picture.

    `x` and `y` are shares of width and height, from the top left.

    Args:
        score: of a frame.
    """
    row, column = np.unravel_index(score.map.argmax(), score.map.shape)
    height, width = score.map.shape
    return {
        "score": round(score.score, 4),
        "z": None if score.z is None else round(score.z, 2),
        "p": None if score.p is None else float(f"{score.p:.3g}"),
        "x": round((float(column) + 0.5) / width, 3),
        "y": round((float(row) + 0.5) / height, 3),
    }


def stamp(seconds: float, form: str = "") -> str:
    """Return a time as text, UTC.

    Args:
        seconds: since 1970.
        form: as in `strftime`; by default ISO 8601 with milliseconds.
    """
    moment = datetime.fromtimestamp(seconds, UTC)
    if form:
        return moment.strftime(form)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
