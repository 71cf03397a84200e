"""Where alarms go.

What comes from a stream is data everywhere: a field of JSON or the value of an
environment variable, never a part of an address or of a command line.
"""

import json
import logging
import queue
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Protocol

logger = logging.getLogger(__name__)

Message = Mapping[str, Any]

WAITING = 16  # messages; what comes on top is given up and counted
CLOSE_SECONDS = 10.0


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

    A full disk is told of once, and does not end a watch that has clips to
    write and others to tell.

    Args:
        write: takes a line without its end.

    Attributes:
        failed: lines that were not written.
    """

    def __init__(self, write: Callable[[str], Any]) -> None:
        self.write = write
        self.failed = 0
        self._gone = False

    def send(self, message: Message) -> None:
        """Write a message.

        Raises:
            BrokenPipeError: once, if nobody reads any more.
        """
        if self._gone:
            self.failed += 1
            return
        try:
            self.write(to_line(message))
        except BrokenPipeError:
            self.failed += 1
            self._gone = True
            raise
        except OSError as error:
            self.failed += 1
            if self.failed == 1:
                logger.warning(
                    "messages cannot be written: %s. The watch goes on.",
                    error.strerror or error,
                )

    def close(self) -> None:
        """Nothing is left to do."""


class Worker(ABC):
    """Delivers messages in a thread; a slow receiver holds nobody up.

    At most `WAITING` messages wait; more are given up, with a warning.

    Attributes:
        title: what it is, for messages.
        delivered: messages that arrived.
        failed: messages that did not.
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
            try:
                arrived = self.deliver(message)
            except Exception as error:  # the next one may arrive
                logger.warning(
                    "%s: %s not delivered: %r",
                    self.title,
                    message.get("id"),
                    error,
                )
                arrived = False
            if arrived:
                self.delivered += 1
            else:
                self.failed += 1

    @abstractmethod
    def deliver(self, message: Message) -> bool:
        """Deliver one message; tell whether it arrived."""

    @abstractmethod
    def abandon(self) -> None:
        """Stop a delivery that is going on, where that can be done."""
