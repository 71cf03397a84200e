"""The engine of several machines: Ray, an optional extra."""

import logging
import os
import socket
import tempfile
from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from keras_cdae.errors import CDAEError, MissingDependencyError
from keras_cdae.jobs.job import Job
from keras_cdae.jobs.local import Tell
from keras_cdae.jobs.outcome import Advance, Outcome
from keras_cdae.jobs.plan import Task
from keras_cdae.jobs.worker import load_model, prepare

AUTH_MODE = "RAY_AUTH_MODE"


class Scorer:
    """What lives in a worker of the cluster: a model, and its job.

    Args:
        job: what every worker needs to know. Its folders are the same for all
            machines.
        model: the bytes of the model file, which need not be.
    """

    def __init__(self, job: Job, model: bytes) -> None:
        prepare(job.backend, 1)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / job.model.name
            path.write_bytes(model)
            self.model = load_model(path)
        self.job = job

    def score(self, task: Task) -> tuple[int, Outcome]:
        """Score one video; return its frames and what became of it.

        Args:
            task: the video.
        """
        from keras_cdae.jobs.video import score_task

        if not self.job.output.is_dir():
            reason = (
                f"{self.job.output}: not on machine {socket.gethostname()}. "
                "Videos and output must lie on storage that all machines of "
                "the cluster share."
            )
            return 0, Outcome(task.name, task.path, reason)
        frames: list[int] = []
        outcome = score_task(self.model, task, self.job, advance=frames.append)
        return sum(frames), outcome


def run_ray(
    job: Job,
    tasks: Sequence[Task],
    *,
    workers: int | None,
    address: str | None,
    tell: Tell,
) -> None:
    """Score videos on a Ray cluster, one process a core.

    Args:
        job: what every worker needs to know.
        tasks: the videos.
        workers: processes; None: one for each core of the cluster.
        address: of the cluster; None: $RAY_ADDRESS, else a new one on this
            machine.
        tell: called with the frames and the outcome of each task.

    Raises:
        MissingDependencyError: if Ray is not installed.
        CDAEError: if the cluster does not answer, or a worker cannot start.
    """
    ray = _import_ray()
    started_here = not ray.is_initialized()
    if started_here:
        _connect(ray, address)
    try:
        available = int(ray.cluster_resources().get("CPU", 1))
        count = max(1, min(workers or available, len(tasks)))
        _spread(ray, job, deque(tasks), count, tell)
    finally:
        if started_here:
            ray.shutdown()


def _spread(
    ray: Any, job: Job, waiting: deque[Task], count: int, tell: Tell
) -> None:
    absolute = replace(
        job, output=job.output.absolute(), work=job.work.absolute()
    )
    model = ray.put(job.model.read_bytes())
    remote = ray.remote(num_cpus=1)(Scorer)
    idle = [remote.remote(absolute, model) for _ in range(count)]
    running: dict[Any, tuple[Any, Task]] = {}
    while waiting or running:
        while idle and waiting:
            actor, task = idle.pop(), waiting.popleft()
            running[actor.score.remote(task)] = actor, task
        done, _ = ray.wait(list(running))
        actor, task = running.pop(done[0])
        try:
            frames, outcome = ray.get(done[0])
        except ray.exceptions.RayActorError as error:
            frames, outcome = 0, _died(error, task)
            actor = remote.remote(absolute, model)
        idle.append(actor)
        tell(Advance(task.name, frames))
        tell(outcome)


def _died(error: Exception, task: Task) -> Outcome:
    """Return what a dead worker costs; one that never lived costs all."""
    if "__init__" in str(error):
        lines = str(error).strip().splitlines()
        raise CDAEError(
            f"A worker of the Ray cluster cannot start: {lines[-1]}. Is the "
            "same version of keras-cdae installed there?"
        ) from error
    reason = f"{task.path}: the Ray worker that scored it died."
    return Outcome(task.name, task.path, reason)


def _connect(ray: Any, address: str | None) -> None:
    named = address or os.environ.get("RAY_ADDRESS") or ""
    host, _, port = named.removeprefix("ray://").rpartition(":")
    try:
        if host and port.isdecimal():
            # Ray itself would try for ten minutes.
            socket.create_connection((host, int(port)), timeout=10).close()
        ray.init(
            # Not None: Ray would look for a cluster that ran here once.
            address=named or "local",
            logging_level=logging.ERROR,
            log_to_driver=False,
            include_dashboard=None if named else False,
        )
    except (ConnectionError, RuntimeError, ValueError, OSError) as error:
        raise CDAEError(_no_cluster(named, error)) from error


def _no_cluster(named: str, error: Exception) -> str:
    """Return why there is no cluster, and what to do."""
    reason = str(error).strip().splitlines()[0]
    token = os.environ.get(AUTH_MODE, "").lower() == "token"
    if (
        named
        and not token
        and isinstance(error, ConnectionError | RuntimeError)
    ):
        # `ray start` asks for a token by itself, and Ray looks for one by
        # itself with the address `auto` alone; it does not say which it was.
        reason += (
            f". If the cluster asks for a token, set {AUTH_MODE}=token (and "
            "RAY_AUTH_TOKEN on another machine)"
        )
    return (
        f"Ray: no cluster at {named or 'this machine'}: {reason}. Start one "
        "with `ray start --head`, or leave out --ray-address."
    )


def _import_ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise MissingDependencyError(
            "--engine ray needs Ray: pip install 'keras-cdae[ray]'"
        ) from error
    return ray
