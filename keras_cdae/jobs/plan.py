"""What there is to do: which videos, which are done, how much is left."""

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cdae.data.video import video_info
from keras_cdae.errors import CDAEError
from keras_cdae.jobs.find import find_all, unique_names
from keras_cdae.jobs.model import ModelFacts
from keras_cdae.jobs.outcome import Failure
from keras_cdae.jobs.record import (
    describe_source,
    fits,
    is_of_another_video,
    made_from,
    read_record,
    scores_fit,
)
from keras_cdae.jobs.settings import ScoreSettings

logger = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Task:
    """One video to be scored.

    Args:
        name: its own, and the stem of its results.
        path: where it lies.
        made_from: all that decides the result.
        frames: how many its header claims; 0 where it does not know.
        reuse: whether its scores are there, and only segments are missing.
    """

    name: str
    path: Path
    made_from: dict[str, Any]
    frames: int = 0
    reuse: bool = False


@dataclasses.dataclass(frozen=True)
class Plan:
    """What there is to do.

    Args:
        names: all videos, in order.
        tasks: those that are not done.
        failures: what cannot even be looked at.
    """

    names: tuple[str, ...]
    tasks: tuple[Task, ...]
    failures: tuple[Failure, ...]


def make_plan(
    paths: Sequence[Path],
    model: ModelFacts,
    output: Path,
    settings: ScoreSettings,
    *,
    overwrite: bool = False,
) -> Plan:
    """Find the videos and what is left to do of them.

    Args:
        paths: what the user named.
        model: the model.
        output: the folder of the results.
        settings: what is wanted.
        overwrite: whether done videos are done again.
    """
    found, failures = find_all(paths, output=output)
    names = unique_names(
        found, taken=lambda name, path: is_of_another_video(output, name, path)
    )
    tasks, seen = [], []
    for name, (path, _) in zip(names, found, strict=True):
        try:
            made = made_from(
                model.checksum, describe_source(path), settings.to_dict()
            )
        except OSError as error:
            failures.append(
                Failure(path, f"{path}: cannot be read ({error.strerror}).")
            )
            continue
        seen.append(name)
        record = None if overwrite else read_record(output, name)
        if record is not None and fits(record, made):
            continue
        reuse = (
            record is not None
            and not settings.annotate
            and model.calibration is not None
            and scores_fit(record, made)
        )
        frames = 0 if reuse else _claimed(path)
        tasks.append(Task(name, path, made, frames, reuse))
    return Plan(tuple(seen), tuple(tasks), tuple(failures))


def _claimed(path: Path) -> int:
    """Return the frames of a video; 0 where it will turn out to be broken."""
    try:
        return video_info(path).frames
    except CDAEError as error:
        logger.debug("%s", error)
        return 0
