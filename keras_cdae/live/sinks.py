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


class Worker(ABC):
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
