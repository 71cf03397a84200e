"""Score many videos: plan, work, summary."""

import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from keras_cdae.cores import usable_cores
from keras_cdae.data.h264 import H264Writer
from keras_cdae.errors import in_command
from keras_cdae.files import full_disk_named, require_writable, write_json
from keras_cdae.jobs.caught import caught
from keras_cdae.jobs.job import Job, clear_work, work_folder
from keras_cdae.jobs.local import Event, run_local
from keras_cdae.jobs.model import ModelFacts, read_model
from keras_cdae.jobs.outcome import Advance, Failure, Summary
from keras_cdae.jobs.plan import Plan, make_plan
from keras_cdae.jobs.ray import run_ray
from keras_cdae.jobs.record import read_record
from keras_cdae.jobs.settings import ScoreSettings

Progress = Callable[[int, int, str], None]
SUMMARY = "summary.json"
PROVENANCE = ("made_from", "made_by")


def score_many(
    paths: Sequence[str | os.PathLike[str]],
    model: str | os.PathLike[str],
    output: str | os.PathLike[str],
    *,
    settings: ScoreSettings | None = None,
    jobs: int | None = None,
    engine: Literal["local", "ray"] = "local",
    ray_address: str | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Summary:
    """Score videos into a folder; a second call does what is left.

    A video that cannot be scored does not stop the rest. The results of one
    appear whole or not at all, so that after a kill only the videos in work
    are begun again. A video is done anew when it, the model or the settings
    changed; where only thresholds did, its scores are not computed again.

    With `jobs` above 1 processes are started, so a script needs the usual
    `if __name__ == "__main__":` around the call.

    Args:
        paths: video files, folders of frames, and folders of either at any
            depth.
        model: a `.keras` file, a run folder, or the name of a shipped model.
        output: a folder. A video `monday/cam1.mp4` gets `monday/cam1.csv`,
            `monday/cam1.segments.json` and, if asked for,
            `monday/cam1.annotated.mp4`. `summary.json` is of this call.
        settings: what is wanted of every video; None: the defaults.
        jobs: processes; None: one for each core.
        engine: "local", or "ray" for a cluster.
        ray_address: of the cluster; None: $RAY_ADDRESS, else a new one on
            this machine.
        overwrite: do again what is done.
        progress: called with frames done, frames in all, and a text.

    Returns:
        What became of the videos.

    Raises:
        ModelFileError: if there is no such model.
        RunFolderError: if `output` cannot be written, or its disk is full.
        MissingDependencyError: if Ray or, to annotate, PyAV is not installed.
        ValueError: for an unknown engine, or an annotation without
            calibration.
    """
    begun = time.monotonic()
    settings = settings or ScoreSettings()
    _check(engine, jobs)
    facts = read_model(model)
    _check_annotation(settings, facts)
    folder = Path(output)
    require_writable(folder)
    clear_work(folder)  # also where nothing is left to do
    plan = make_plan(
        [Path(path) for path in paths],
        facts,
        folder,
        settings,
        overwrite=overwrite,
    )
    outcomes = Outcomes(plan, progress)
    go_on = "then repeat the command: what is done is not done again."
    with full_disk_named(folder, go_on):
        if plan.tasks:
            work = work_folder(folder)
            job = Job(facts.path, folder, work, settings, _backend())
            try:
                _run(job, plan, outcomes, engine, jobs, ray_address)
            finally:
                shutil.rmtree(work, ignore_errors=True)
        told = outcomes.warnings
        summary = Summary(
            model=facts.path,
            calibrated=facts.calibration is not None,
            videos=_results(folder, plan, outcomes.failed),
            kept=len(plan.names) - len(plan.tasks),
            failures=[*plan.failures, *outcomes.failures],
            warnings=list(
                dict.fromkeys([*told, *_stored_warnings(folder, plan, facts)])
            ),
            seconds=time.monotonic() - begun,
        )
        write_json(folder / SUMMARY, summary.to_dict())
    return summary


def _run(
    job: Job,
    plan: Plan,
    outcomes: "Outcomes",
    engine: str,
    jobs: int | None,
    ray_address: str | None,
) -> None:
    if engine == "ray":
        run_ray(
            job, plan.tasks, workers=jobs, address=ray_address, tell=outcomes
        )
    else:
        run_local(
            job, plan.tasks, workers=jobs or usable_cores(), tell=outcomes
        )


def _check(engine: str, jobs: int | None) -> None:
    if engine not in ("local", "ray"):
        raise ValueError(
            f"engine must be 'local' or 'ray'. Received: engine={engine!r}"
        )
    if jobs is not None and jobs < 1:
        raise ValueError(f"jobs must be at least 1. Received: jobs={jobs}")


def _check_annotation(settings: ScoreSettings, facts: ModelFacts) -> None:
    if not settings.annotate:
        return
    if facts.calibration is None:
        raise ValueError(
            "annotate needs a calibrated model: it draws z. Calibrate it with "
            f"`keras-cdae calibrate {in_command(facts.path)} --data-dir "
            "NORMAL_VIDEO --output FILE`. Received: annotate=True"
        )
    H264Writer("needs-av.mp4", fps=1.0)  # opens nothing, but imports PyAV


def _backend() -> str:
    """Return the Keras backend without importing keras where it is named."""
    name = os.environ.get("KERAS_BACKEND")
    if name:
        return name
    import keras

    return str(keras.backend.backend())


class Outcomes:
    """Hears the events of an engine, and tells how far everything is.

    Args:
        plan: what there is to do.
        progress: called with frames done, frames in all, and a text.
    """

    def __init__(self, plan: Plan, progress: Progress | None) -> None:
        self.failures: list[Failure] = []
        self.failed: set[str] = set()
        self.warnings: list[str] = []
        self._progress = progress
        self._claimed = {t.name: max(1, t.frames) for t in plan.tasks}
        self._done = dict.fromkeys(self._claimed, 0)
        self._videos = 0

    def __call__(self, event: Event) -> None:
        """Take one event."""
        most = self._claimed[event.name]
        if isinstance(event, Advance):
            done = self._done[event.name] + event.frames
            # The last frame counts when the files are written.
            self._done[event.name] = min(done, most - 1)
        else:
            if event.full_disk:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._done[event.name] = most
            self._videos += 1
            self.warnings += event.warnings
            if event.reason is not None:
                self.failed.add(event.name)
                self.failures.append(Failure(event.path, event.reason))
        if self._progress is not None:
            self._progress(
                sum(self._done.values()),
                sum(self._claimed.values()),
                f"{self._videos} of {len(self._claimed)} videos, {event.name}",
            )


def _stored_warnings(
    folder: Path, plan: Plan, facts: ModelFacts
) -> Iterator[str]:
    """Yield what was told when the videos were scored, now or before."""
    for name in plan.names:
        record = read_record(folder, name)
        if record is None:
            continue
        yield from record["warnings"]
        rule = record["threshold"] or {}
        if facts.calibration is None or rule.get("supported") is not False:
            continue
        with caught() as messages:
            facts.calibration.threshold(
                rule["alarms_per_hour"], fps=rule["fps"]
            )
        yield from messages


def _results(
    folder: Path, plan: Plan, failed: set[str]
) -> list[dict[str, Any]]:
    """Return what the summary keeps of each video that has a result."""
    records = [
        read_record(folder, name) for name in plan.names if name not in failed
    ]
    return [
        {key: value for key, value in record.items() if key not in PROVENANCE}
        for record in records
        if record is not None
    ]
