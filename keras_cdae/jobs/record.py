"""`NAME.segments.json`: the result of one video, and what it was made from.

It is written last: a video is done when this file is there and fits.
"""

import json
from pathlib import Path
from typing import Any

from keras_cdae.data.finding import frame_files

FORMAT = 1
SUFFIX = ".segments.json"
SCORES_SUFFIX = {"csv": ".csv", "jsonl": ".jsonl"}
VIDEO_SUFFIX = ".annotated.mp4"


def describe_source(path: Path) -> dict[str, Any]:
    """Return what tells a changed video from the one that was scored.

    Args:
        path: a video file or a folder of frames.

    Raises:
        OSError: if it cannot be looked at.
    """
    stats = [
        file.stat() for file in (frame_files(path) if path.is_dir() else [path])
    ]
    return {
        "bytes": sum(stat.st_size for stat in stats),
        "files": len(stats),
        "modified_ns": max((stat.st_mtime_ns for stat in stats), default=0),
    }


def made_from(
    checksum: str, source: dict[str, Any], settings: dict[str, Any]
) -> dict[str, Any]:
    """Return all that decides a result; an equal one need not be made again.

    Args:
        checksum: of the model file.
        source: from `describe_source`.
        settings: of `ScoreSettings`.
    """
    return {
        "format": FORMAT,
        "model": checksum,
        "source": source,
        "settings": settings,
    }


def read_record(output: Path, name: str) -> dict[str, Any] | None:
    """Return a video's record whose files are whole, else None."""
    try:
        text = (output / f"{name}{SUFFIX}").read_text(encoding="utf-8")
        record = json.loads(text)
        whole = all(
            (output / file).stat().st_size == size
            for file, size in record["files"].items()
        )
        made = record["made_from"]
        complete = {"source", "settings", "model", "format"} <= set(made)
        return record if whole and complete and record["path"] else None
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return None


def is_of_another_video(output: Path, name: str, path: Path) -> bool:
    """Tell whether a name is taken by the result of a video that exists."""
    record = read_record(output, name)
    if record is None:
        return False
    other = Path(record["path"])
    return other != path.resolve() and other.exists()


def fits(record: dict[str, Any], made: dict[str, Any]) -> bool:
    """Tell whether a record is the result that is wanted."""
    return bool(record["made_from"] == made)


def scores_fit(record: dict[str, Any], made: dict[str, Any]) -> bool:
    """Tell whether a record's scores can be used, if not its segments."""
    old = record["made_from"]
    return all(
        old[key] == made[key] for key in ("format", "model", "source")
    ) and (old["settings"]["format"] == made["settings"]["format"])
