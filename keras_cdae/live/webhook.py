"""Alarms posted to a web address."""

import http.client
import logging
import urllib.request
from typing import Any
from urllib.parse import urlsplit

from keras_cdae.data.address import source_name
from keras_cdae.live.sinks import Message, Worker, to_line
from keras_cdae.version import __version__

logger = logging.getLogger(__name__)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """A redirected POST would become a GET without the alarm."""

    def redirect_request(self, *arguments: Any) -> None:
        """Follow nothing."""


class Webhook(Worker):
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
            except (OSError, ValueError, http.client.HTTPException) as error:
                reason = error  # HTTPError is an OSError
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
