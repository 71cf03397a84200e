"""What the package warns of, as data."""

import contextlib
import logging
from collections.abc import Iterator


@contextlib.contextmanager
def caught() -> Iterator[list[str]]:
    """Collect what the package warns of, instead of printing it."""
    messages: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            if record.levelno >= logging.WARNING:
                messages.append(record.getMessage())

    logger, collector = logging.getLogger("keras_cdae"), Collector()
    passed_on = logger.propagate
    logger.addHandler(collector)
    logger.propagate = False
    try:
        yield messages
    finally:
        logger.propagate = passed_on
        logger.removeHandler(collector)
