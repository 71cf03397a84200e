"""`keras-cdae watch`."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from . import backend, options, output

if TYPE_CHECKING:
    from keras_cdae.live import AlarmTracker, Watch, WatchStats
    from keras_cdae.live.scorer import Scorer
    from keras_cdae.live.sinks import Worker

TYPICAL_FPS = 25.0  # until a camera has shown its own
INTERRUPTED = 130


def seconds(
    name: str, default: float | None, text: str, *, least: float = 0
) -> options.Decorator:
    """Return an option for a number of seconds."""
    return click.option(
        name,
        type=options.Finite(min=least),
        default=default,
        show_default=default is not None,
        metavar="SECONDS",
        help=text,
    )


@click.command("watch")
@click.argument("source")
@options.apply(
    click.option(
        "--model",
        type=options.Model(),
        required=True,
        help="Exported file (.tflite, .onnx), run folder, .keras file, or "
        "shipped model.",
    ),
    click.option(
        "--alarms-per-hour",
        type=options.Finite(min=0, min_open=True),
        default=1.0,
        show_default=True,
        help="False alarms that normal video may give.",
    ),
    click.option(
        "--threshold",
        type=options.Finite(min=-1000, max=1000),
        help="z that is an alarm, instead of a rate; the log-score of a model "
        "that is not calibrated.",
    ),
    seconds("--cooldown", 30.0, "No new alarm so long after one."),
    seconds(
        "--remind",
        600.0,
        "Tell again of an alarm that goes on, every so long; 0: never.",
    ),
    seconds("--min-length", 0.2, "What is over sooner is no alarm."),
    seconds("--before", 5.0, "Of the clip, before the alarm."),
    seconds("--after", 5.0, "Of the clip, after the alarm."),
    seconds("--max-clip", 30.0, "Of an alarm that goes on are in its clip."),
    click.option(
        "--clips",
        type=click.Path(file_okay=False, path_type=Path),
        default=Path("clips"),
        show_default=True,
        help="Folder for clips and heat maps.",
    ),
    click.option(
        "--webhook", metavar="URL", help="Post alarms there, as JSON."
    ),
    click.option(
        "--command",
        "program",
        metavar="CMD",
        help="Run this for alarms, without a shell; the alarm is on its "
        "standard input as JSON, and in KERAS_CDAE_* variables.",
    ),
    click.option(
        "--notify",
        type=click.Choice(["start", "clip", "both"]),
        default="start",
        show_default=True,
        help="Webhook and command: when an alarm starts, or when its clip is "
        "written.",
    ),
    seconds("--duration", None, "Stop after so long."),
    seconds("--max-delay", 1.0, "Drop frames that waited longer.", least=0.1),
    seconds("--connect-timeout", 30.0, "Give up if there is no frame by then."),
    click.option(
        "--every",
        type=click.IntRange(min=1),
        default=1,
        show_default=True,
        help="Score every n-th frame, for a camera faster than the video that "
        "was learned from.",
    ),
    click.option(
        "--fps",
        type=options.Finite(min=0, min_open=True),
        help="Pace of a file.  [default: its own]",
    ),
    click.option("--loop", is_flag=True, help="Begin a file again at its end."),
    click.option(
        "--threads",
        type=click.IntRange(min=1),
        help="For an exported file.  [default: the interpreter's choice]",
    ),
    click.option(
        "--view/--no-view",
        default=True,
        help="Whether a terminal shows the live score.",
    ),
    options.backend,
)
def command(source: str, backend: str | None, **arguments: Any) -> int:
    """Score SOURCE live and tell of alarms.

    SOURCE is the number of a camera, an RTSP or HTTP address, or a video file,
    which is read in real time. Alarms are lines of JSON on stdout; each gets a
    clip and a picture with its heat map. Frames are dropped rather than
    scored late, and counted. A camera that goes away is waited for.

    Exit codes: 0 at the end of the file or of --duration, or on SIGTERM; 130
    on Ctrl-C; 1 if the source cannot be opened.
    """
    del backend  # has taken effect
    return watch(source, **arguments)


def watch(
    source: str,
    *,
    model: str,
    webhook: str | None,
    program: str | None,
    view: bool,
    duration: float | None,
    **settings: Any,
) -> int:
    """Watch until something ends it; return the exit code."""
    from keras_cdae.data.address import Address
    from keras_cdae.live.command import split_command
    from keras_cdae.live.webhook import check_url

    address = Address.parse(source)
    with _as_usage_error("--webhook"):
        check_url(webhook or "http://unused")
    with _as_usage_error("--command"):
        split_command(program or "true")
    scorer = _open_scorer(model, settings["threads"])
    tracker, threshold = _tracker(scorer, **settings)
    from keras_cdae.live import ClipRecorder, JsonLines, LiveSource, Watch

    recorder = ClipRecorder(
        settings["clips"],
        before=settings["before"],
        after=settings["after"],
        max_seconds=settings["max_clip"],
        late=settings["min_length"],
    )
    live = LiveSource(
        address,
        max_delay=settings["max_delay"],
        connect_timeout=settings["connect_timeout"],
        every=settings["every"],
        loop=settings["loop"],
        fps=settings["fps"],
    )
    notified = _notified(webhook, program)
    task = Watch(
        live,
        scorer,
        tracker,
        recorder,
        sinks=[JsonLines(output.result)],
        notified=notified,
        notify=settings["notify"],
        threshold=threshold,
    )
    output.say(
        f"Watching {address.name}: alarm above a log-score of "
        f"{tracker.threshold:.3f}, clips in {settings['clips']}. Ctrl-C ends."
    )
    stop = threading.Event()
    with _signals(stop) as received, _view(task, view):
        try:
            stats = task.run(stop, duration=duration)
        except BrokenPipeError:
            output.say(
                "Nobody reads the messages any more: the watch has ended. To "
                "watch on without, send them to a file."
            )
            raise
    _summarize(stats, notified)
    return INTERRUPTED if signal.SIGINT in received else 0


def _open_scorer(model: str, threads: int | None) -> "Scorer":
    from keras_cdae.live.scorer import is_exported, open_scorer

    if not is_exported(model):
        from keras_cdae.runs.find import find_model

        find_model(model)  # says what is wrong before the slow imports
        backend.require()
    return open_scorer(model, threads=threads)


def _tracker(
    scorer: "Scorer",
    *,
    alarms_per_hour: float,
    threshold: float | None,
    every: int,
    min_length: float,
    cooldown: float,
    remind: float,
    **_: Any,
) -> "tuple[AlarmTracker, Callable[[float], float] | None]":
    """Return what makes alarms, and its threshold for a frame rate."""
    from keras_cdae.errors import ModelFileError
    from keras_cdae.live.alarms import AlarmTracker, hysteresis_of

    calibration = scorer.calibration
    for_rate = None
    if threshold is None:
        if calibration is None:
            raise ModelFileError(
                "The model is not calibrated, so a rate of alarms means "
                "nothing to it. Give --threshold, or calibrate it: train it "
                "with `keras-cdae train`."
            )

        def for_rate(fps: float) -> float:
            # At most every second clip, however slow the camera is.
            fps = max(fps, alarms_per_hour / 1800)
            return calibration.threshold(alarms_per_hour, fps=fps)

        threshold = for_rate(calibration.fps or TYPICAL_FPS / every)
    elif calibration is not None:
        threshold = float(calibration.score_of(threshold))
    tracker = AlarmTracker(
        threshold,
        hysteresis=hysteresis_of(calibration),
        min_seconds=min_length,
        cooldown=cooldown,
        remind=remind,
    )
    return tracker, for_rate


def _notified(webhook: str | None, program: str | None) -> "list[Worker]":
    from keras_cdae.live import CommandSink, Webhook

    sinks: list[Worker] = []
    if webhook is not None:
        sinks.append(Webhook(webhook))
    if program is not None:
        sinks.append(CommandSink(program))
    return sinks


@contextlib.contextmanager
def _as_usage_error(option: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise click.UsageError(f"{option}: {error}") from error


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[list[int]]:
    """Let Ctrl-C and SIGTERM end the watch in order; a second one at once.

    So does a terminal that goes away, unless `nohup` has it ignored.
    """
    received: list[int] = []

    def end(number: int, _: object) -> None:
        if received:
            raise KeyboardInterrupt
        received.append(number)
        stop.set()

    if threading.current_thread() is not threading.main_thread():
        yield received  # signals are the main thread's
        return
    numbers = [signal.SIGINT, signal.SIGTERM]
    hangup = getattr(signal, "SIGHUP", None)  # not on Windows
    if hangup is not None and signal.getsignal(hangup) != signal.SIG_IGN:
        numbers.append(hangup)
    before = {number: signal.signal(number, end) for number in numbers}
    try:
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _view(task: "Watch", wanted: bool) -> Iterator[None]:
    """Show the live score while the block runs, on a terminal."""
    if not wanted or not output.console(stderr=True).is_terminal:
        yield
        return
    from .watch_view import WatchView

    with WatchView() as view, output.pausing(view.pause):
        task.view = view
        yield


def _summarize(stats: "WatchStats", notified: "list[Worker]") -> None:
    delay = stats.delay_ms
    lines = [
        f"Watched for {output.duration(stats.seconds)}: {stats.frames} frames, "
        f"{stats.scored} scored, {stats.dropped} dropped "
        f"({100 * stats.watched:.1f} % of what could be scored was).",
        f"Alarms: {stats.alarms}, {stats.suppressed} more within cool-downs.",
    ]
    if delay is not None:
        lines.append(
            f"Delay: median {delay['median']:.0f} ms, 95 % within "
            f"{delay['p95']:.0f} ms, at most {delay['max']:.0f} ms."
        )
    if stats.reconnects or stats.lost_seconds:
        lines.append(
            f"The camera was lost and came back {stats.reconnects} times, "
            f"{stats.lost_seconds:.0f} s without a picture."
        )
    lines += [
        f"{sink.title}: {sink.failed} messages not delivered, "
        f"{sink.delivered} delivered."
        for sink in notified
        if sink.failed
    ]
    for line in lines:
        output.say(line)
