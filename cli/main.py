"""The command group, and what becomes of errors."""

import _thread
import contextlib
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from typing import Any

import click

from keras_cdae.version import __version__

from . import output

FAILED, PARTLY, INTERRUPTED = 1, 3, 130  # 2, wrong usage, is click's

COMMANDS = {  # name -> (module, one line for the list)
    "train": ("train", "Train a model on a data set's normal video."),
    "eval": ("evaluate", "Measure a model under every protocol."),
    "report": ("report", "Make one page of a run: player, curves, tables."),
    "score": ("score", "Score any number of videos into a folder."),
    "calibrate": ("calibrate", "Tell a model what is normal at a camera."),
    "export": ("export", "Write the scorer as one file for a device."),
    "watch": ("watch", "Score a camera live and tell of alarms."),
    "datasets": ("datasets", "List, check and make data sets."),
    "benchmark": (
        "benchmark",
        "Measure speed and false alarms; compare models.",
    ),
    "demo": ("demo", "Make a data set, train, evaluate, draw: a first run."),
}
ANYWHERE = ("--debug", "--verbose", "-v")  # before or after the command


class LazyGroup(click.Group):
    """A group that imports a command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, in the order of use."""
        return list(COMMANDS)

    def get_command(
        self, ctx: click.Context, cmd_name: str
    ) -> click.Command | None:
        """Return a command, or None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(
            f"{__package__}.{COMMANDS[cmd_name][0]}"
        )
        return module.command

    def format_commands(
        self, ctx: click.Context, formatter: click.HelpFormatter
    ) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(n, text) for n, (_, text) in COMMANDS.items()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take --debug and --verbose from behind the command, too."""
        words = args[: args.index("--")] if "--" in args else args
        moved = [word for word in words if word in ANYWHERE]
        rest = [word for word in words if word not in ANYWHERE]
        return super().parse_args(ctx, moved + rest + args[len(words) :])


@click.group(
    cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]}
)
@click.option("-v", "--verbose", is_flag=True, help="Log what is done.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(__version__, prog_name="keras-cdae")
def cli(verbose: bool, debug: bool) -> None:
    """Find what is not normal in the video of a fixed camera.

    Exit codes: 0 done, 1 failed (data, model, file), 2 wrong usage, 3 done
    but for some inputs, 130 interrupted.
    """
    del debug  # `run` looks for it: errors of parsing come before this
    output.prepare(verbose)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line, and leave with its exit code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    debug = "--debug" in (sys.argv if arguments is None else arguments)
    try:
        with terminated_like_interrupted():
            result: Any = cli.main(
                args=None if arguments is None else list(arguments),
                prog_name="keras-cdae",
                standalone_mode=False,
            )
        sys.stdout.flush()
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as error:
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        output.say("Interrupted.")
        return INTERRUPTED
    except BrokenPipeError:
        _drop_stdout()
        return FAILED
    except Exception as error:
        if debug:
            raise
        output.say(f"Error: {describe(error)}")
        return FAILED


@contextlib.contextmanager
def terminated_like_interrupted() -> Iterator[None]:
    """Let SIGTERM do what Ctrl-C does: keep what is finished, and say so.

    Python drops what is raised in a destructor. An interruption that falls
    into one is raised again, or the command would run to its end.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python lets the main thread alone have handlers
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    dropped = sys.unraisablehook

    def raise_again(unraisable: Any) -> None:
        if isinstance(unraisable.exc_value, KeyboardInterrupt):
            # From another thread, later: here it would be dropped as well.
            again = (signal.SIGTERM,)
            threading.Timer(0.05, _thread.interrupt_main, again).start()
        else:
            dropped(unraisable)

    sys.unraisablehook = raise_again
    try:
        yield
    finally:
        sys.unraisablehook = dropped
        signal.signal(signal.SIGTERM, before)


def describe(error: Exception) -> str:
    """Return what a user needs to know of an error: what, and what next."""
    from keras_cdae.errors import CDAEError

    if isinstance(error, CDAEError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        name = f"{error.filename}: " if error.filename else ""
        return (
            f"{name}{error.strerror}. Check the path, its permissions and the "
            "free space."
        )
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0][:300]}" if lines else repr(error)
    if isinstance(error, MemoryError) or "ResourceExhausted" in text:
        return f"Out of memory. Lower --batch-size or --image-size. ({text})"
    return (
        f"{text.rstrip('.')}. This was not foreseen: repeat the command with "
        "--debug and report what it prints."
    )


def _drop_stdout() -> None:
    """Let nothing be written any more to a reader that has gone away."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)
