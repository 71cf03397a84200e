"""What the commands print: results to stdout, chatter to stderr."""

import contextlib
import csv
import logging
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import click

if TYPE_CHECKING:
    from rich.console import Console

X86 = ("x86_64", "AMD64")  # the second is what Windows calls it
QUIET = {
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "GRPC_VERBOSITY": "ERROR",
    # On a shared core torch's OpenMP threads would spin while they wait.
    "OMP_WAIT_POLICY": "PASSIVE",
    "KMP_BLOCKTIME": "0",
}
# Off by default where tensorflow finds no AVX-512: twice the time of training
# and of scoring. It may change the last digits.
FAST = {"TF_ENABLE_ONEDNN_OPTS": "1"} if platform.machine() in X86 else {}


class Messages(logging.Handler):
    """Log records as lines of chatter, each text once in a command."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record."""
        text = f"{record.levelname.capitalize()}: {record.getMessage()}"
        if text not in self.seen:
            self.seen.add(text)
            say(text)


def prepare(verbose: bool) -> None:
    """Tune the libraries before they are imported, and set up logging."""
    for name, value in {**QUIET, **FAST}.items():
        os.environ.setdefault(name, value)
    root = logging.getLogger()
    for handler in root.handlers[:]:
        if isinstance(handler, Messages):
            root.removeHandler(handler)
    root.addHandler(Messages())
    root.setLevel(logging.INFO if verbose else logging.WARNING)
    logging.captureWarnings(True)
    logging.getLogger("keras_cdae").setLevel(logging.NOTSET)
    for name in ("absl", "tensorflow"):
        level = logging.NOTSET if verbose else logging.ERROR
        logging.getLogger(name).setLevel(level)


def is_verbose() -> bool:
    """Tell whether the user asked for a log of what is done."""
    return logging.getLogger().isEnabledFor(logging.INFO)


Pause = Callable[[], contextlib.AbstractContextManager[None]]
_pause: Pause = contextlib.nullcontext


@contextlib.contextmanager
def held_back() -> Iterator[None]:
    """Say nothing of what is logged in the block."""
    logger = logging.getLogger("keras_cdae")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)


def say(message: str) -> None:
    """Print a line of chatter to stderr."""
    with _pause():
        click.echo(message, err=True)


def result(line: str) -> None:
    """Print a line of results to stdout, at once."""
    with _pause():
        click.echo(line)


@contextlib.contextmanager
def pausing(view: Pause) -> Iterator[None]:
    """Print every line inside `view()` while the block runs.

    For what is drawn on the terminal and must get out of a line's way.
    """
    global _pause
    before, _pause = _pause, view
    try:
        yield
    finally:
        _pause = before


def console(stderr: bool = False) -> "Console":
    """Return a rich console; in a file, lines are as long as they need."""
    from rich.console import Console

    plain = Console(stderr=stderr)
    if plain.is_terminal:
        return plain
    return Console(stderr=stderr, width=1000)


def clock(seconds: float) -> str:
    """Return `1:02:03.4` or `2:03.4`, a place in a video."""
    minutes, rest = divmod(round(seconds, 1), 60)
    hours, minutes = divmod(int(minutes), 60)
    if hours:
        return f"{hours}:{minutes:02d}:{rest:04.1f}"
    return f"{minutes}:{rest:04.1f}"


def duration(seconds: float) -> str:
    """Return `1 h 02 min`, `3 min 20 s` or `15 s`."""
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


PROTOCOLS = {
    "auc_micro_per_video": "micro AUC, per-video min-max",
    "auc_micro_regularity": "micro AUC of 1 - S(t), Eq. 15",
    "auc_micro_raw": "micro AUC, raw",
    "auc_macro_skip": "macro AUC, one-class skipped",
    "auc_macro_padded": "macro AUC, padded",
    "eer": "EER, raw",
    "eer_per_video": "EER, per-video min-max",
    "ap": "AP, raw",
    "ap_per_video": "AP, per-video min-max",
}
NOTE = (
    "min-max: the paper's protocol; raw: one threshold for all videos; EER: "
    "lower is better."
)


def require_target(target: Path | None, option: str = "--output") -> None:
    """See that a file can be written, before minutes of work are lost.

    Args:
        target: the file; None: none is asked for.
        option: what named it.

    Raises:
        RunFolderError: if its folder cannot be written.
    """
    from keras_cdae.files import require_writable

    if target is not None:
        require_writable(target.parent, option=option)


def write_table(target: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV, whole or not at all.

    Args:
        target: the file.
        rows: at least one; the keys of the first are the columns.
    """
    from keras_cdae.files import atomic_path

    with (
        atomic_path(target) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def print_table(
    title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]
) -> None:
    """Print a table to stdout, the first column left and the rest right.

    On a terminal a drawn one; else one in Markdown, which can be pasted.
    """
    from rich import box
    from rich.table import Table

    screen = console()
    table = Table(box=box.HEAVY_HEAD if screen.is_terminal else box.MARKDOWN)
    for index, column in enumerate(columns):
        side: Literal["left", "right"] = "right" if index else "left"
        table.add_column(column, justify=side, no_wrap=True)
    for row in rows:
        table.add_row(*row)
    with screen.capture() as capture:
        screen.print(title, style="bold", highlight=False)
        screen.print(table)
    for line in capture.get().splitlines():
        click.echo(line.rstrip())  # of a Markdown table's blank margins


def print_metrics(
    title: str, metrics: dict[str, Any], beside: dict[str, dict[str, Any]]
) -> None:
    """Print every protocol, and those of other scores beside the model's."""
    rows = []
    for key, label in PROTOCOLS.items():
        cells = [_percent(metrics.get(key))]
        cells += [_percent(row.get(key)) for row in beside.values()]
        rows.append([label, *cells])
    names = [name.replace("_", " ") for name in beside]
    print_table(title, ["protocol", "model", *names], rows)
    facts = (
        f"{metrics['frames']} scored frames of {metrics['videos']} videos, "
        f"{metrics['abnormal_frames']} abnormal; labels: "
        f"{metrics['label_source']}; smoothing: "
        f"{metrics['smoothing'] or 'off'}."
    )
    click.echo(facts)
    click.echo(NOTE)


LOCALISATION = {
    "auc_pixel": "pixel AUC",
    "rbdc": "RBDC, regions",
    "tbdc": "TBDC, tracks",
}
LOCALISATION_NOTE = (
    "pixel AUC: a frame counts where 40 % of its mask is detected; RBDC, "
    "TBDC: share of\nregions and tracks found, over 0 to 1 false regions a "
    "frame; raw, one threshold for all."
)


def print_localisation(
    metrics: dict[str, Any], trivial: dict[str, dict[str, Any]]
) -> None:
    """Print how well the maps fit the pixel masks."""
    beside = {k: row for k, row in trivial.items() if "rbdc" in row}
    rows = [
        [label, *(_percent(row[key]) for row in (metrics, *beside.values()))]
        for key, label in LOCALISATION.items()
    ]
    names = [name.replace("_", " ") for name in beside]
    click.echo()
    print_table("Localisation", ["criterion", "model", *names], rows)
    facts = metrics["localisation"]
    click.echo(
        f"{facts['frames']} scored frames of {facts['videos']} videos with "
        f"masks, {facts['regions']} regions in {facts['tracks']} tracks; "
        f"masks: {facts['mask_source']}."
    )
    click.echo(LOCALISATION_NOTE)


def print_events(events: dict[str, Any]) -> None:
    """Print how well found segments fit the true intervals."""
    reason = f"{events['alarms_per_hour']:g} false alarm an hour"
    if not events["supported"]:
        reason = "the highest of held-out normal video, which is too short for"
        reason += f" {events['alarms_per_hour']:g} an hour"
    click.echo(
        f"\nEvents with z above {events['z']:.2f} ({reason}):\n"
        f"found {events['found']} segments for {events['true']} true "
        f"intervals; precision {_percent(events['precision'])}, recall "
        f"{_percent(events['recall'])},\nmean IoU "
        f"{_percent(events['mean_iou'])}, IoU of all their frames "
        f"{_percent(events['frame_iou'])}."
    )


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{100 * value:.2f}"
