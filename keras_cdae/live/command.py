"""A command run for alarms, never through a shell."""

import contextlib
import logging
import os
import shlex
import shutil
import signal
import subprocess
import tempfile
from typing import IO

from keras_cdae.live.sinks import Message, Worker, to_line

logger = logging.getLogger(__name__)

VARIABLE = "KERAS_CDAE_{}"


class CommandSink(Worker):
    """Runs a command for every message, never through a shell.

    The command line is the user's own, split as a shell would, and always the
    same. The message is on the command's standard input as JSON, and its
    fields are environment variables: `KERAS_CDAE_ID`, `KERAS_CDAE_CLIP`, ...
    What the command prints is thrown away.

    Args:
        command: program and arguments.
        timeout: seconds after which it is killed, with what it started. What
            goes on in the background after its end is left alone.

    Raises:
        ValueError: if it cannot be split, or there is no such program.
    """

    def __init__(self, command: str, *, timeout: float = 60.0) -> None:
        self.arguments = split_command(command)
        self.title = f"command {self.arguments[0]}"
        self.timeout = timeout
        self._process: subprocess.Popen[bytes] | None = None
        super().__init__()

    def deliver(self, message: Message) -> bool:
        """Run the command once; tell whether it went well."""
        try:
            # Not a pipe: its end comes when the last process that has it ends.
            with tempfile.TemporaryFile() as errors:
                self._process = subprocess.Popen(
                    self.arguments,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    env={**os.environ, **environment(message)},
                    start_new_session=True,  # Ctrl-C is for the watch alone
                )
                code, words = self._finish(self._process, message, errors)
        except OSError as error:
            code, words = -1, str(error)
        if code:
            logger.warning(
                "%s: failed with %d for %s. %s",
                self.title,
                code,
                message.get("id"),
                words,
            )
        return code == 0

    def _finish(
        self,
        process: "subprocess.Popen[bytes]",
        message: Message,
        errors: IO[bytes],
    ) -> tuple[int, str]:
        """Return exit code and last line of complaint."""
        line = (to_line(message) + "\n").encode()
        try:
            process.communicate(line, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            process.communicate()
            return -9, f"It took longer than {self.timeout:g} s."
        errors.seek(0)
        lines = errors.read().decode(errors="replace").strip().splitlines()
        return process.returncode, lines[-1][:200] if lines else ""

    def abandon(self) -> None:
        """Kill a command that still runs."""
        if self._process is not None and self._process.poll() is None:
            _kill(self._process)


def _kill(process: "subprocess.Popen[bytes]") -> None:
    """Kill a process that leads its session, and all that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    process.kill()


def split_command(command: str) -> list[str]:
    """Return program and arguments.

    Args:
        command: as a user would type it.

    Raises:
        ValueError: if it cannot be split, or there is no such program.
    """
    try:
        arguments = shlex.split(command)
    except ValueError as error:
        raise ValueError(f"{command!r}: {error}") from error
    if not arguments or shutil.which(arguments[0]) is None:
        raise ValueError(
            f"{command!r}: no such program. Give a program and its arguments; "
            "for pipes and the like, write a script."
        )
    return arguments


def environment(message: Message) -> dict[str, str]:
    """Return the fields of a message as environment variables.

    Args:
        message: flat fields; None is left out, and so is what is nested.
    """
    return {
        VARIABLE.format(name.upper()): str(value)
        for name, value in message.items()
        if isinstance(value, (str, int, float))
    }
