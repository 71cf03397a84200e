"""`history.csv` of a run: the losses of each epoch."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from keras_cdae.files import write_text


def read_history(path: Path) -> list[dict[str, float]]:
    """Return the rows of a `history.csv`, one an epoch.

    Args:
        path: the file; there need be none.

    Returns:
        Name of the column to number. What is no number is NaN; a row that is
        not whole is left out.
    """
    header, rows = _table(path)
    return [dict(zip(header, map(_number, row), strict=True)) for row in rows]


def trim_history(path: Path, epochs: int) -> None:
    """Leave the first `epochs` epochs in a `history.csv`.

    A kill can come between the row of an epoch and its checkpoint, or in the
    middle of a row.
    """
    if not path.is_file():
        return
    header, rows = _table(path)
    kept = [row for row in rows if row[0] in map(str, range(epochs))]
    text = io.StringIO()
    csv.writer(text).writerows([header, *kept] if header else [])  # as Keras
    write_text(path, text.getvalue())


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    """Return the header and the rows that are as long."""
    if not path.is_file():
        return [], []
    # A damaged byte costs its row, not the run.
    with path.open(newline="", encoding="utf-8", errors="replace") as stream:
        rows = list(_readable(csv.reader(stream)))
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    return header, [row for row in body if header and len(row) == len(header)]


def _readable(rows: Iterator[list[str]]) -> Iterator[list[str]]:
    while True:
        try:
            yield next(rows)
        except csv.Error:
            continue
        except StopIteration:
            return


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
