"""What a terminal shows of a watch."""

import contextlib
import threading
from collections import deque
from collections.abc import Iterator
from types import TracebackType
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from . import output

if TYPE_CHECKING:
    from keras_cdae.live import Status

BARS = " ▁▂▃▄▅▆▇█"
LONGEST = 400  # of the sparkline, in points
CALM, ALARM = "green", "bold red"


class WatchView:
    """The live score on stderr: a sparkline, and what was counted.

    Lines that are printed meanwhile appear above it.
    """

    def __init__(self) -> None:
        self.scores: deque[float] = deque(maxlen=LONGEST)
        self.console = output.console(stderr=True)
        self._live: Live | None = None
        self._shown: RenderableType = ""
        self._lock = threading.Lock()

    def __enter__(self) -> "WatchView":
        self._begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def __call__(self, status: "Status") -> None:
        """Show how it stands."""
        if status.highest is not None:
            self.scores.append(status.highest)
        with self._lock:
            self._shown = self._draw(status)
            if self._live is not None:
                self._live.update(self._shown, refresh=True)

    @contextlib.contextmanager
    def pause(self) -> Iterator[None]:
        """Take the view away while something else is printed."""
        with self._lock:
            self._end()
            try:
                yield
            finally:
                self._begin()

    def _begin(self) -> None:
        # Anew each time: one that is started again would draw over the line.
        self._live = Live(
            self._shown,
            console=self.console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
            transient=True,
        )
        self._live.start(refresh=True)

    def _end(self) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def _draw(self, status: "Status") -> Panel:
        width = max(10, self.console.width - 4)
        style = ALARM if status.alarm else CALM
        body = Group(
            sparkline(list(self.scores)[-width:], status.threshold),
            self._numbers(status),
            self._last(status),
        )
        # Text, not a string: a camera's name is no markup.
        title = Text(f" {status.name} ", overflow="ellipsis")
        title.append(f"{status.state} ", "green" if is_up(status) else "red")
        return Panel(body, title=title, border_style=style)

    def _numbers(self, status: "Status") -> Table:
        stats = status.stats
        score = "-" if status.score is None else f"{status.score:.2f}"
        z = "-" if status.z is None else f"{status.z:+.1f}"
        fps = "-" if status.fps is None else f"{status.fps:.1f}"
        table = Table.grid(padding=(0, 3))
        table.add_row(
            f"score {score}",
            f"threshold {status.threshold:.2f}",
            f"z {z}",
            f"{fps} frames/s",
            f"delay {status.delay_ms:.0f} ms",
        )
        table.add_row(
            f"alarms {stats.alarms}",
            f"scored {stats.scored}",
            f"dropped {stats.dropped}",
            f"reconnects {stats.reconnects}",
            output.duration(stats.seconds),
        )
        return table

    def _last(self, status: "Status") -> Text:
        if status.last_alarm is None:
            return Text("no alarm yet", "dim")
        alarm = status.last_alarm
        z = "" if alarm["z"] is None else f", z {alarm['z']:+.1f}"
        text = f"last alarm {alarm['start']}{z}: {alarm['clip']}"
        return Text(text, ALARM if status.alarm else "", overflow="ellipsis")


def is_up(status: "Status") -> bool:
    """Tell whether the camera is there."""
    return status.state == "connected"


def sparkline(scores: list[float], threshold: float) -> Text:
    """Return scores as bars: full ones reach what was highest.

    The scale holds the threshold at three quarters at least, so that calm
    video looks calm.
    """
    text = Text(no_wrap=True)
    if not scores:
        return text
    low = min(min(scores), threshold - 1e-6)
    high = max(max(scores), threshold + (threshold - low) / 3)
    for score in scores:
        share = (score - low) / (high - low)
        bar = BARS[1 + min(int(share * 8), 7)]
        text.append(bar, ALARM if score > threshold else CALM)
    return text
