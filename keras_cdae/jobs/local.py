"""The engine of one machine: in this process, or a few new ones."""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TypeAlias

from keras_cdae.cores import usable_cores
from keras_cdae.errors import CDAEError
from keras_cdae.jobs.job import Job
from keras_cdae.jobs.outcome import Advance, Outcome
from keras_cdae.jobs.plan import Task
from keras_cdae.jobs.worker import load_model, prepare

Event: TypeAlias = Advance | Outcome
Tell: TypeAlias = Callable[[Event], None]
READY = "ready"


def run_local(
    job: Job, tasks: Sequence[Task], *, workers: int, tell: Tell
) -> None:
    """Score videos on this machine.

    Args:
        job: what every worker needs to know.
        tasks: the videos.
        workers: processes; with 1 everything happens in this one.
        tell: called with every advance, and with one outcome a task, as they
            happen.

    Raises:
        ModelFileError: if the model cannot be loaded.
        CDAEError: if a process cannot start.
    """
    if workers > 1:
        _Pool(job, tasks, min(workers, len(tasks)), tell).run()
        return
    model = load_model(job.model)
    from keras_cdae.jobs.video import score_task

    for task in tasks:

        def advance(frames: int, name: str = task.name) -> None:
            tell(Advance(name, frames))

        tell(score_task(model, task, job, advance=advance))


class _Worker:
    """A process, the pipe to it, and the task that it has."""

    def __init__(self, job: Job, threads: int, number: int) -> None:
        context = multiprocessing.get_context("spawn")  # keras starts clean
        self.log = job.work / f"worker-{number}.log"
        self.connection, other = context.Pipe()
        self.process = context.Process(
            target=serve, args=(other, job, threads, self.log), daemon=True
        )
        self.process.start()
        other.close()
        self.task: Task | None = None
        self.ready = False

    def give(self, task: Task) -> None:
        """Send a task."""
        self.task = task
        self.connection.send(task)

    def end(self) -> None:
        """Stop the process."""
        self.process.terminate()
        self.process.join(10)
        self.connection.close()

    def last_words(self) -> str:
        """Return how it died, and the last that was heard of it."""
        code = self.process.exitcode
        how = f"signal {-code}" if code and code < 0 else f"exit code {code}"
        lines = []
        if self.log.exists():
            text = self.log.read_text(encoding="utf-8", errors="replace")
            lines = text.strip().splitlines()[-1:]
        return ", ".join([how, *lines])


class _Pool:
    """As many workers as asked for; one that dies is replaced."""

    def __init__(
        self, job: Job, tasks: Sequence[Task], workers: int, tell: Tell
    ) -> None:
        self.job = job
        self.waiting = deque(tasks)
        self.wanted = workers
        self.tell = tell
        self.threads = max(1, usable_cores() // workers)
        self.workers: list[_Worker] = []
        self.started = 0

    def run(self) -> None:
        """Work until nothing is left; leave no process behind."""
        try:
            while self.waiting or self._busy():
                while len(self.workers) < min(
                    self.wanted, len(self.waiting) + self._busy()
                ):
                    self._start()
                connections = {w.connection: w for w in self.workers}
                for connection in wait(list(connections)):
                    self._hear(connections[connection])  # type: ignore[index]
        finally:
            for worker in self.workers:
                worker.end()

    def _busy(self) -> int:
        return sum(worker.task is not None for worker in self.workers)

    def _start(self) -> None:
        worker = _Worker(self.job, self.threads, self.started)
        self.started += 1
        self.workers.append(worker)

    def _hear(self, worker: _Worker) -> None:
        """Take one message of a worker."""
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._bury(worker)
            return
        if isinstance(message, Advance):
            self.tell(message)
            return
        if isinstance(message, Exception):  # the model cannot be loaded
            raise message
        worker.ready = True
        worker.task = None
        if self.waiting:
            worker.give(self.waiting.popleft())
        if isinstance(message, Outcome):
            self.tell(message)

    def _bury(self, worker: _Worker) -> None:
        """Tell what a dead worker died of; the next round replaces it."""
        worker.process.join(10)
        self.workers.remove(worker)
        task, words = worker.task, worker.last_words()
        worker.end()
        if not worker.ready:
            raise CDAEError(
                f"A process that scores cannot start ({words}). Try --jobs 1."
            )
        if task is not None:
            reason = (
                f"{task.path}: the process that scored it died ({words}). Is "
                "there enough memory? Else convert the video with ffmpeg."
            )
            self.tell(Outcome(task.name, task.path, reason))


def serve(connection: Connection, job: Job, threads: int, log: Path) -> None:
    """Score what comes through a pipe, until it is closed.

    Args:
        connection: the pipe: tasks in, events out.
        job: what every worker needs to know.
        threads: that each library may use.
        log: gets what libraries write to stderr.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    with log.open("wb") as stream:
        os.dup2(stream.fileno(), 2)
    _die_with_parent()
    prepare(job.backend, threads)
    try:
        model = load_model(job.model)
        from keras_cdae.jobs.video import score_task
    except Exception as error:
        connection.send(
            error if isinstance(error, CDAEError) else CDAEError(repr(error))
        )
        return
    connection.send(READY)
    while True:
        try:
            task = connection.recv()
        except EOFError:
            return

        def advance(frames: int, name: str = task.name) -> None:
            connection.send(Advance(name, frames))

        connection.send(score_task(model, task, job, advance=advance))


def _die_with_parent() -> None:
    """Leave when the parent is killed: its next run must not meet us."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def watch(sentinel: int = parent.sentinel) -> None:
        wait([sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
