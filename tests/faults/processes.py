"""The command line in forked processes that can be killed.

This process imports keras once and runs nothing: a child then starts in
milliseconds, and a signal meets the work and not the imports.
"""

import contextlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import h5py
import numpy as np

PATIENCE = 300  # seconds for one command


class Command:
    """`keras-cdae ARGUMENTS` in a child; its output lies in a file.

    Args:
        arguments: of the command.
        log: the file.
    """

    def __init__(self, arguments, log):
        self.log = Path(log)
        self.pid = os.fork()
        if self.pid == 0:
            self._run([str(argument) for argument in arguments])
        self.status = None

    def _run(self, arguments):
        code = 70
        try:
            out = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(out, 1)
            os.dup2(out, 2)
            from keras_cdae_cli.main import run

            code = run(arguments)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def poll(self):
        """Return the exit code, negative for a signal, or None."""
        if self.status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
        return self.status

    def wait(self):
        """Return the exit code."""
        self.wait_until(lambda: False)
        return self.status

    def wait_until(self, condition):
        """Wait for a condition or the end; return whether it runs still."""
        ends = time.monotonic() + PATIENCE
        while self.poll() is None:
            if condition():
                return True
            if time.monotonic() > ends:
                os.kill(self.pid, signal.SIGKILL)
                raise TimeoutError(f"a hang; see {self.log}")
            time.sleep(0.001)
        return False

    def send(self, number):
        """Send a signal; return the exit code."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)
        return self.wait()

    def kill_at(self, moment):
        """Send SIGKILL at a moment; return whether it came before the end."""
        if self.wait_until(moment):
            self.send(signal.SIGKILL)
        assert self.status in (0, -signal.SIGKILL), self.output
        return self.status != 0

    @property
    def output(self):
        """What it printed."""
        return self.log.read_text("utf-8", "replace")

    @property
    def error(self):
        """Its error, once it is seen to be one line of ours."""
        assert "Traceback" not in self.output, self.output
        lines = [x for x in self.output.splitlines() if x.startswith("Error: ")]
        assert len(lines) == 1, self.output
        assert "not foreseen" not in lines[0], lines[0]
        return lines[0]


def seen(folder):
    """What lies in a folder: names and sizes."""
    found = set()
    for place, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                path = os.path.join(place, name)  # noqa: PTH118 (speed)
                found.add((path, os.stat(path).st_size))  # noqa: PTH116
    return found


class Moment:
    """A random moment: so many changes in a folder, and a little later.

    Args:
        folder: the folder.
        rng: chooses.
        changes: the most changes to wait for.
    """

    def __init__(self, folder, rng: random.Random, changes=12):
        self.folder = folder
        self.left = rng.randint(0, changes)
        self.delay = rng.random() * 0.1
        self.before = seen(folder)

    def __call__(self):
        now = seen(self.folder)
        if now != self.before:
            self.before = now
            self.left -= 1
        if self.left > 0:
            return False
        time.sleep(self.delay)
        return True


def arrays(file):
    """Every array in an HDF5 file or stream, by name."""
    found = {}

    def visit(name, item):
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(file) as content:
        content.visititems(visit)
    return found


def assert_equal(ours, theirs):
    """Bit for bit."""
    assert ours.keys() == theirs.keys()
    assert len(ours) > 20
    for name, values in ours.items():
        np.testing.assert_array_equal(values, theirs[name], err_msg=name)
