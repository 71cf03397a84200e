"""Progress on stderr: bars on a terminal, lines in a file."""

import contextlib
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from . import output

if TYPE_CHECKING:
    import keras
    from rich.progress import Progress


class Steps:
    """A progress bar over known steps on stderr.

    It appears with the first call and goes away with the last, because a
    terminal holds one bar at a time. In a file: one line at the end.

    Args:
        title: what is being done, such as "Decoding".
    """

    def __init__(self, title: str) -> None:
        self.title = title
        self.bar: Progress | None = None

    def __call__(self, done: int, total: int, item: str) -> None:
        """Show that `done` of `total` are done, the last being `item`."""
        if self.bar is None:
            self._open(total)
        assert self.bar is not None
        self.bar.update(self.task, completed=done, item=item)
        if done == total:
            self.close()
            if not self.bar.console.is_terminal:
                output.say(f"{self.title}: {total} done.")

    def close(self) -> None:
        """Take the bar away."""
        if self.bar is not None and self.bar.console.is_terminal:
            self.bar.stop()

    def _open(self, total: int) -> None:
        from rich import progress

        self.bar = progress.Progress(
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TimeRemainingColumn(),
            progress.TextColumn("{task.fields[item]}"),
            console=output.console(stderr=True),
        )
        self.task = self.bar.add_task(self.title, item="", total=total)
        if self.bar.console.is_terminal:
            self.bar.start()


@contextlib.contextmanager
def steps(title: str) -> Iterator[Steps]:
    """Take the bar away when the block ends, however it ends."""
    bar = Steps(title)
    try:
        yield bar
    finally:
        bar.close()


def training_bar() -> "keras.callbacks.Callback":
    """Return a callback that shows the progress of `fit` on stderr.

    On a terminal: a bar over the batches of the epoch, with the time left for
    the whole training. In a file: one line an epoch.
    """
    import keras
    from rich.progress import BarColumn, Progress, TextColumn

    class TrainingBar(keras.callbacks.Callback):
        # A bar of rich may be moved from any thread. What `model` holds may not
        # be looked at from one: the stage is taken when an epoch begins.
        async_safe = True

        def __init__(self) -> None:
            super().__init__()
            self.screen = output.console(stderr=True)
            self.bar: Progress | None = None
            self.first: tuple[int, float] | None = None
            self.epoch = 0
            self.stage = ""

        def on_train_begin(self, logs: Any = None) -> None:
            if self.screen.is_terminal:
                self.bar = Progress(
                    TextColumn("{task.description}"),
                    BarColumn(bar_width=24),
                    TextColumn("{task.fields[state]}"),
                    console=self.screen,
                )
                self.task = self.bar.add_task("Training", state="")
                self.bar.start()

        def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
            self.epoch = epoch
            self.stage = self.model.stage
            if self.first is None:
                self.first = (epoch, time.monotonic())
            if self.bar is not None:
                self.bar.reset(self.task, total=self.params["steps"])

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            if self.bar is None:
                return
            self.bar.update(
                self.task,
                completed=batch + 1,
                description=self._title(),
                state=self._state(logs or {}, batch + 1),
            )

        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            steps = self.params["steps"] or 1
            line = f"{self._title()} {self._state(logs or {}, steps)}"
            if self.bar is None:
                output.say(line)
            else:  # without the time left, which the bar shows
                self.bar.console.print(line.rpartition(", ")[0])

        def on_train_end(self, logs: Any = None) -> None:
            self.close()

        def close(self) -> None:
            if self.bar is not None:
                self.bar.stop()

        def _title(self) -> str:
            total = self.params["epochs"]
            width = len(str(total))
            return f"Epoch {self.epoch + 1:>{width}}/{total} {self.stage:<12}"

        def _state(self, logs: dict[str, float], batch: int) -> str:
            parts = []
            for name, title, form in (
                ("loss", "loss", "{:.4g}"),
                ("motion_explained", "motion explained", "{:.0%}"),
            ):
                if name not in logs:
                    continue
                part = f"{title} {form.format(logs[name])}"
                if f"val_{name}" in logs:
                    held_out = form.format(logs[f"val_{name}"])
                    part += f" (held-out {held_out})"
                parts.append(part.replace("%", " %"))
            parts.append(f"{self._left(batch)} left")
            return ", ".join(parts)

        def _left(self, batch: int) -> str:
            assert self.first is not None
            begun, started = self.first
            steps = self.params["steps"] or batch
            done = self.epoch - begun + batch / steps
            rest = self.params["epochs"] - begun - done
            seconds = (time.monotonic() - started) / done * rest
            return output.duration(seconds)

    return TrainingBar()
