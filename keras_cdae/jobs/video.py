"""The work on one video: scores, segments, and the annotated video."""

import logging
import tempfile
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cdae.data.video import read_frame_views, video_info
from keras_cdae.errors import CDAEError, VideoError
from keras_cdae.files import is_full_disk, write_json
from keras_cdae.jobs.caught import caught
from keras_cdae.jobs.job import Job
from keras_cdae.jobs.outcome import Outcome
from keras_cdae.jobs.plan import Task
from keras_cdae.jobs.record import (
    SCORES_SUFFIX,
    SUFFIX,
    VIDEO_SUFFIX,
    read_record,
)
from keras_cdae.jobs.settings import AlarmRule, alarm_rule
from keras_cdae.reports.annotation import AnnotatedVideo
from keras_cdae.scoring.jsonl import read_scores_jsonl, write_scores_jsonl
from keras_cdae.scoring.pace import pace_of
from keras_cdae.scoring.scorer import ScoreBlock, score_stream, score_video
from keras_cdae.scoring.scores import (
    VideoScores,
    read_scores_csv,
    write_scores_csv,
)
from keras_cdae.scoring.segments import Segment, find_segments
from keras_cdae.version import __version__

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE

logger = logging.getLogger(__name__)

# A batch of frames is held until it is scored: 36 of these are 100 MB.
ANNOTATED_SIDE = 1280

OnFrames = Callable[[int], None]


def score_task(
    model: "CDAE", task: Task, job: Job, *, advance: OnFrames
) -> Outcome:
    """Score one video and write its results, whole or not at all.

    Args:
        model: the model of the job.
        task: the video.
        job: where results go.
        advance: called with every number of frames that were scored.

    Returns:
        What became of it; an error is a reason, not raised.
    """
    with caught() as warnings:
        try:
            _score(model, task, job, advance, warnings)
        except Exception as error:  # one video must not stop the rest
            reason = _reason(error, task.path)
            full = is_full_disk(error)
            return Outcome(task.name, task.path, reason, full_disk=full)
    return Outcome(task.name, task.path, None, tuple(warnings))


def _score(
    model: "CDAE",
    task: Task,
    job: Job,
    advance: OnFrames,
    warnings: list[str],
) -> None:
    old = read_record(job.output, task.name)
    fps = _frame_rate(model, task, job)
    rule = None
    if model.calibration is not None:
        if fps is None:
            raise VideoError(
                f"{task.path}: has no frame rate: give it with --fps."
            )
        rule = alarm_rule(job.settings, model.calibration, fps)
    pace = _pace(model, task, fps)
    for text in pace:
        logger.warning("%s", text)
    of_rule = len(warnings)
    with tempfile.TemporaryDirectory(dir=job.work) as folder:
        made = Path(folder)
        if task.reuse:
            scores = _stored_scores(job, task)
        elif job.settings.annotate and rule is not None:
            scores = _annotate(model, task, made / "video.mp4", rule, advance)
        else:
            scores = score_video(
                model,
                task.path,
                name=task.name,
                each=lambda block: advance(len(block.frame)),
            )
        files = _write(made, scores, job, task)
        _replace(job.output, task.name, files, old)
    told = []
    if task.reuse and old:  # all but what was said of another rate
        before = _pace(model, task, old["fps"])
        told = [text for text in old["warnings"] if text not in before]
    record = {
        "video": task.name,
        "path": str(task.path.resolve()),
        "frames": int(scores.frame[-1]) + 1,
        "scores": len(scores),
        "fps": fps,
        "highest": _highest(scores, fps),
        "threshold": None if rule is None else rule.to_dict(),
        "segments": None if rule is None else _segments(scores, job, rule),
        # What the rule warned of, `supported` says.
        "warnings": [*pace, *(told or warnings[of_rule:])],
        "files": {
            name: (job.output / name).stat().st_size for _, name in files
        },
        "made_from": task.made_from,
        "made_by": {"keras_cdae": __version__, "backend": job.backend},
    }
    write_json(job.output / f"{task.name}{SUFFIX}", record)


def _frame_rate(model: "CDAE", task: Task, job: Job) -> float | None:
    if job.settings.fps is not None:
        return job.settings.fps
    found = video_info(task.path).fps
    if found is None and model.calibration is not None:
        return model.calibration.fps
    return None if found is None else float(found)


def _pace(model: "CDAE", task: Task, fps: float | None) -> list[str]:
    """Return what to say of a rate that the model did not learn from."""
    calibration = model.calibration
    told = None if fps is None else pace_of(fps, calibration)
    if told is None or calibration is None:
        return []
    return [
        f"{task.path.name}: {told} Convert it to {calibration.fps:.3g} frames "
        "a second, or train on video of its own rate; --fps gives that of one "
        "whose header is wrong."
    ]


def _stored_scores(job: Job, task: Task) -> VideoScores:
    path = job.output / f"{task.name}{SCORES_SUFFIX[job.settings.format]}"
    if job.settings.format == "jsonl":
        return read_scores_jsonl(path)
    return read_scores_csv(path)[0]


def _annotate(
    model: "CDAE", task: Task, target: Path, rule: AlarmRule, advance: OnFrames
) -> VideoScores:
    """Score and draw in one pass; frames wait for the scores of their batch."""
    info = video_info(task.path)
    shrink = min(1.0, ANNOTATED_SIDE / max(info.height, info.width))
    size = round(info.height * shrink), round(info.width * shrink)
    waiting: deque[np.ndarray] = deque()

    def frames() -> Iterator[np.ndarray]:
        views = [(model.image_size, model.channels), (size, 3)]
        for small, whole in read_frame_views(task.path, views):
            waiting.append(whole)
            yield small

    with AnnotatedVideo(
        target, fps=rule.fps, threshold=rule.z, low=rule.low
    ) as video:

        def draw(block: ScoreBlock) -> None:
            assert block.z is not None  # there is a rule
            while video.count < block.frame[0]:
                video.write(waiting.popleft())
            for z, heat_map in zip(block.z, block.map, strict=True):
                video.write(waiting.popleft(), z=float(z), heat_map=heat_map)
            advance(len(block.frame))

        return score_stream(model, frames(), name=task.name, each=draw)


def _write(
    folder: Path, scores: VideoScores, job: Job, task: Task
) -> list[tuple[Path, str]]:
    """Write the scores; return the files and what they shall be called."""
    kind = job.settings.format
    path = folder / f"scores{SCORES_SUFFIX[kind]}"
    if kind == "jsonl":
        write_scores_jsonl(path, scores)
    else:
        write_scores_csv(path, [scores])
    files = [(path, f"{task.name}{SCORES_SUFFIX[kind]}")]
    if (folder / "video.mp4").exists():
        files.append((folder / "video.mp4", f"{task.name}{VIDEO_SUFFIX}"))
    return files


def _replace(
    output: Path,
    name: str,
    files: list[tuple[Path, str]],
    old: dict[str, Any] | None,
) -> None:
    """Put the files in their places, after what an earlier run left."""
    # First of all: no record may stand beside files that it does not describe.
    (output / f"{name}{SUFFIX}").unlink(missing_ok=True)
    for file in (old or {}).get("files", ()):
        (output / file).unlink(missing_ok=True)
    for path, target in files:
        (output / target).parent.mkdir(parents=True, exist_ok=True)
        path.replace(output / target)


def _segments(
    scores: VideoScores, job: Job, rule: AlarmRule
) -> list[dict[str, Any]]:
    assert scores.z is not None
    found = find_segments(
        scores.z,
        rule.z,
        low=rule.low,
        min_length=max(1, round(job.settings.min_seconds * rule.fps)),
        merge_gap=round(job.settings.merge_seconds * rule.fps),
        first_frame=int(scores.frame[0]),
    )
    return [_segment(segment, rule.fps) for segment in found]


def _segment(segment: Segment, fps: float) -> dict[str, Any]:
    return {
        "start": segment.start,
        "end": segment.end,
        "peak": segment.peak,
        "z": segment.value,
        "seconds": len(segment) / fps,
        **segment.seconds(fps),
    }


def _highest(scores: VideoScores, fps: float | None) -> dict[str, Any]:
    place = int(scores.score.argmax())
    frame = int(scores.frame[place])
    return {
        "frame": frame,
        "seconds": None if fps is None else frame / fps,
        "score": float(scores.score[place]),
        "z": None if scores.z is None else float(scores.z[place]),
        "p": None if scores.p is None else float(scores.p[place]),
    }


def _reason(error: Exception, path: Path) -> str:
    """Return one line that names the video."""
    lines = str(error).strip().splitlines()
    text = lines[0][:300] if lines else ""
    if isinstance(error, CDAEError):
        return text if str(path) in text else f"{path}: {text}"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename or path}: {error.strerror}."
    return f"{path}: {type(error).__name__}: {text}"
