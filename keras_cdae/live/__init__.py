"""A camera watched live: frames in, alarms with clips out.

Names are looked up on first use.
"""

import importlib
from typing import Any

_HOMES = {
    "AlarmTracker": "alarms",
    "Backoff": "backoff",
    "ClipRecorder": "recorder",
    "CommandSink": "command",
    "Event": "alarms",
    "JsonLines": "sinks",
    "LiveFrame": "frame",
    "LiveSource": "source",
    "ModelScorer": "scorer",
    "Status": "stats",
    "Watch": "loop",
    "WatchStats": "stats",
    "Webhook": "webhook",
    "open_scorer": "scorer",
}

__all__ = [
    "AlarmTracker",
    "Backoff",
    "ClipRecorder",
    "CommandSink",
    "Event",
    "JsonLines",
    "LiveFrame",
    "LiveSource",
    "ModelScorer",
    "Status",
    "Watch",
    "WatchStats",
    "Webhook",
    "open_scorer",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return __all__
