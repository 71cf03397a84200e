"""An iterator that works ahead in a thread, a few items at most."""

import queue
import threading
from collections.abc import Generator, Iterator
from typing import Any, TypeVar

T = TypeVar("T")
POLL_SECONDS = 0.1


def prefetch(source: Iterator[T], ahead: int = 8) -> Generator[T, None, None]:
    """Yield what `source` yields, computed ahead in a thread.

    OpenCV decodes and resizes outside Python's lock, so this overlaps with
    inference. Errors of `source` are raised here; closing this generator
    ends the thread and closes `source`.

    Args:
        source: an iterator; a generator is closed at the end.
        ahead: items that may wait.
    """
    items: queue.Queue[tuple[str, Any]] = queue.Queue(ahead)
    stopped = threading.Event()

    def put(kind: str, value: Any) -> None:
        while not stopped.is_set():
            try:
                items.put((kind, value), timeout=POLL_SECONDS)
                return
            except queue.Full:
                continue

    def work() -> None:
        try:
            for item in source:
                put("item", item)
                if stopped.is_set():
                    break
            put("end", None)
        except BaseException as error:  # raised again by the consumer
            put("error", error)
        finally:
            close = getattr(source, "close", None)
            if close is not None:
                close()

    thread = threading.Thread(target=work, name="decoder", daemon=True)
    thread.start()
    try:
        while True:
            kind, value = items.get()
            if kind == "end":
                return
            if kind == "error":
                raise value
            yield value
    finally:
        stopped.set()
        thread.join()
