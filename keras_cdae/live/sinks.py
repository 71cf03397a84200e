"""Where alarms go: lines of JSON, a web address, a command.

What comes from a stream is data everywhere: a field of JSON or the value of an
environment variable, never a part of an address or of a command line.
"""

import json
import logging
import os
import queue
import shlex
import shutil
import subprocess
import threading
import time
import urllib.error
import urllib.request
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

from keras_cdae.data.address import source_name
from keras_cdae.version import __version__

logger = logging.getLogger(__name__)

Message = Mapping[str, Any]

WAITING = 16  # messages; what comes on top is given up and counted
CLOSE_SECONDS = 10.0
VARIABLE = "KERAS_CDAE_{}"


class Sink(Protocol):
    """Takes messages; must not block."""

    def send(self, message: Message) -> None:
        """Take a message."""

    def close(self) -> None:
        """Bring to an end what was taken."""


def to_line(message: Message) -> str:
    """Return a message as one line of ASCII JSON; NaN is refused."""
    return json.dumps(message, allow_nan=False)


class JsonLines:
    """Every message as a line of JSON.

    Args:
        write: takes a line without its end.
    """

    def __init__(self, write: Callable[[str], Any]) -> None:
        self.write = write

    def send(self, message: Message) -> None:
        """Write a message."""
        self.write(to_line(message))

    def close(self) -> None:
        """Nothing is left to do."""


class _Worker(ABC):
    """Delivers messages in a thread; a slow receiver holds nobody up.

    At most `WAITING` messages wait; more are given up, with a warning.
    """

    title: str

    def __init__(self) -> None:
        self.delivered = self.failed = 0
        self._stopped = threading.Event()
        self._messages: queue.Queue[Message | None] = queue.Queue(WAITING)
        self._thread = threading.Thread(
            target=self._work, name=type(self).__name__, daemon=True
        )
        self._thread.start()

    def send(self, message: Message) -> None:
        """Take a message; it is delivered when its turn has come.

        Args:
            message: what JSON can hold.
        """
        try:
            self._messages.put_nowait(message)
        except queue.Full:
            self.failed += 1
            logger.warning(
                "%s: too slow: given up on %s", self.title, message.get("id")
            )

    def close(self) -> None:
        """Deliver what waits, for a few seconds; then give up."""
        deadline = time.monotonic() + CLOSE_SECONDS
        try:
            self._messages.put(None, timeout=CLOSE_SECONDS)
        except queue.Full:
            pass
        else:
            self._thread.join(max(0.0, deadline - time.monotonic()))
        if self._thread.is_alive():
            left = self._messages.qsize()
            logger.warning("%s: given up, %d waiting", self.title, left)
        self._stopped.set()
        self.abandon()

    def _work(self) -> None:
        while (message := self._messages.get()) is not None:
            if self.deliver(message):
                self.delivered += 1
            else:
                self.failed += 1

    @abstractmethod
    def deliver(self, message: Message) -> bool:
        """Deliver one message; tell whether it arrived."""

    @abstractmethod
    def abandon(self) -> None:
        """Stop a delivery that is going on, where that can be done."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without the alarm."""

    def redirect_request(self, *arguments: Any) -> None:
        """Follow nothing."""


class Webhook(_Worker):
    """Posts every message as JSON to a web address.

    Redirects are not followed. A message that does not get through is tried
    again, `tries` times in all, and then given up with a warning.

    Args:
        url: `http://` or `https://`.
        timeout: seconds for an answer.
        tries: how many times.
        pause: seconds before the second try; doubled before each one after.

    Raises:
        ValueError: for another kind of address.
    """

    def __init__(
        self,
        url: str,
        *,
        timeout: float = 5.0,
        tries: int = 3,
        pause: float = 1.0,
    ) -> None:
        self.url = check_url(url)
        self.title = f"webhook {source_name(url)}"
        self.timeout = timeout
        self.tries = tries
        self.pause = pause
        self._opener = urllib.request.build_opener(_NoRedirect())
        super().__init__()

    def deliver(self, message: Message) -> bool:
        """Post one message; tell whether it was accepted."""
        reason: object = None
        for attempt in range(self.tries):
            if attempt and self._stopped.wait(self.pause * 2 ** (attempt - 1)):
                break
            try:
                self._post(message)
                return True
            except (OSError, ValueError) as error:  # HTTPError is an OSError
                reason = error
        logger.warning(
            "%s: %s not delivered: %s", self.title, message.get("id"), reason
        )
        return False

    def abandon(self) -> None:
        """Nothing: the thread ends with the program."""

    def _post(self, message: Message) -> None:
        request = urllib.request.Request(
            self.url,
            data=to_line(message).encode(),
            headers={
                "Content-Type": "application/json",
                "User-Agent": f"keras-cdae/{__version__}",
            },
            method="POST",
        )
        with self._opener.open(request, timeout=self.timeout) as answer:
            answer.read(1024)


def check_url(url: str) -> str:
    """Return an address that can be posted to.

    Args:
        url: the address.

    Raises:
        ValueError: if it is not `http://host` or `https://host`.
    """
    try:
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        usable = False
    if not usable or not url.isprintable() or " " in url:
        raise ValueError(
            "A webhook is an address that begins with http:// or https://. "
            f"Received: {source_name(url)!r}"
        )
    return url


class CommandSink(_Worker):
    """Runs a command for every message, never through a shell.

    The command line is the user's own, split as a shell would, and always the
    same. The message is on the command's standard input as JSON, and its
    fields are environment variables: `KERAS_CDAE_ID`, `KERAS_CDAE_CLIP`, ...
    What the command prints is thrown away.

    Args:
        command: program and arguments.
        timeout: seconds after which it is killed.

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
            self._process = subprocess.Popen(
                self.arguments,
                stdin=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env={**os.environ, **environment(message)},
                start_new_session=True,  # Ctrl-C is for the watch alone
            )
            code, words = self._finish(self._process, message)
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
        self, process: "subprocess.Popen[bytes]", message: Message
    ) -> tuple[int, str]:
        """Return exit code and last line of complaint."""
        line = (to_line(message) + "\n").encode()
        try:
            _, errors = process.communicate(line, timeout=self.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return -9, f"It took longer than {self.timeout:g} s."
        lines = errors.decode(errors="replace").strip().splitlines()
        return process.returncode, lines[-1][:200] if lines else ""

    def abandon(self) -> None:
        """Kill a command that still runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.kill()


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
