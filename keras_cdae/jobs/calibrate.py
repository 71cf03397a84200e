"""Calibrate a model for a new camera, without training it again."""

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from keras_cdae.data.video import video_info
from keras_cdae.errors import DataError, VideoError
from keras_cdae.jobs.find import find_all, unique_names
from keras_cdae.jobs.outcome import Failure
from keras_cdae.runs.held_out import HeldOut, score_held_out
from keras_cdae.scoring.alarms import fit_calibration
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.scorer import score_video
from keras_cdae.scoring.scores import VideoScores

if TYPE_CHECKING:
    from keras_cdae.models.clip_scorer import ClipScorer

# Fewer clips do not tell the spread of the scores to a tenth.
MIN_CLIPS = 100


@dataclasses.dataclass(frozen=True)
class Recalibration:
    """A calibration, and what it was measured on.

    Attributes:
        calibration: the calibration, also in the model.
        videos: how many videos gave scores.
        failures: what gave none.
    """

    calibration: Calibration
    videos: int
    failures: list[Failure]


def calibrate_on(
    model: "ClipScorer",
    paths: Sequence[Path],
    *,
    fps: float | None = None,
    scored: Callable[[int, int, str], None] | None = None,
) -> Recalibration:
    """Score the normal video of a camera; store in the model what it shows.

    Videos are read once and not kept. One that cannot be read is left out.

    Args:
        model: it gets the calibration as its attribute.
        paths: video files, folders of frames, and folders of either at any
            depth. Nothing odd may happen in them, and the model must not have
            been trained on them.
        fps: frames a second; None: what the videos say.
        scored: called with videos done, videos in all, and a name.

    Returns:
        The calibration, and what was left out.

    Raises:
        DataError: if no video can be read, there are fewer than 100 clips, or
            the videos differ in their frame rates.
    """
    # No results are written, so no folder of results is left out.
    found, failures = find_all(paths, output=Path("/nowhere"))
    names = unique_names(found, taken=lambda name, path: False)
    rate = fps or _common_rate([path for path, _ in found])
    scores: list[VideoScores] = []
    for number, (name, (path, _)) in enumerate(
        zip(names, found, strict=True), start=1
    ):
        try:
            scores.append(score_video(model, path, name=name))
        except VideoError as error:
            failures.append(Failure(path, str(error)))
        if scored is not None:
            scored(number, len(found), name)
    clips = sum(map(len, scores))
    _check(clips, len(scores), failures)
    model.calibration = fit_calibration(
        scores,
        source=_source(paths, len(scores)),
        fps=rate,
    )
    return Recalibration(model.calibration, len(scores), failures)


def calibrate_on_held_out(
    model: "ClipScorer",
    normal: HeldOut,
    *,
    fps: float | None = None,
    scored: Callable[[int, int, str], None] | None = None,
) -> Recalibration:
    """Score what a training held out; store in the model what it shows.

    Args:
        model: it gets the calibration as its attribute.
        normal: normal video that the model was not trained on.
        fps: frames a second; None: what the data set says.
        scored: called with videos done, videos in all, and a name.

    Returns:
        The calibration, as the training would have stored it.
    """
    scores = score_held_out(model, normal, scored=scored)
    model.calibration = fit_calibration(
        scores, source=normal.source, fps=fps or normal.fps
    )
    return Recalibration(model.calibration, len(scores), [])


def _check(clips: int, videos: int, failures: list[Failure]) -> None:
    if not videos:
        raise DataError(failures[0].reason)
    if clips < MIN_CLIPS:
        raise DataError(
            f"{clips} clips of normal video are too few: a calibration needs "
            f"{MIN_CLIPS} at the least, and one alarm an hour needs an hour. "
            "Give more video."
        )


def _common_rate(paths: Sequence[Path]) -> float | None:
    """Return the frame rate of all videos; None where none says it."""
    known: dict[float, Path] = {}
    for path in paths:
        with contextlib.suppress(VideoError):  # scoring it says what is wrong
            rate = video_info(path).fps
            if rate is not None:
                known.setdefault(round(rate, 3), path)
    if len(known) > 1:
        different = ", ".join(
            f"{rate:g} ({path.name})" for rate, path in sorted(known.items())
        )
        raise DataError(
            f"the videos have different frame rates: {different}. A camera "
            "has one: give it with --fps, or calibrate on one kind."
        )
    return next(iter(known), None)


def _source(paths: Sequence[Path], videos: int) -> str:
    names = ", ".join(path.name or str(path) for path in paths)
    kind = "video" if videos == 1 else "videos"
    return f"{videos} {kind} of the camera in {names}"
