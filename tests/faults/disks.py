"""Disks that fill up, and folders that cannot be written."""

import contextlib
import subprocess

from place import EPOCHS, check_run, epochs, mount, unmount, weights
from processes import assert_equal

SKIPPED = "SKIPPED: needs the right to mount"


def fill(folder):
    """Leave not one block free; return the file that holds them."""
    filler = folder / "filler"
    with contextlib.suppress(OSError), filler.open("wb", 0) as stream:
        while True:
            stream.write(bytes(4096))
    return filler


def fill_training(place, times):
    """A disk that fills up while a checkpoint is written."""
    whole = sum(a.nbytes for a in weights(place.whole).values())
    small = mount(place.folder / "small", f"size={int(3.5 * whole)}")
    if small is None:
        return None, SKIPPED
    try:
        run = small / "run"
        command = place.train(run)
        running = command.wait_until(lambda: epochs(run) >= 1)
        assert running, command.output
        filler = fill(small)
        assert command.wait() == 1, command.output
        assert "the disk is full" in command.error
        assert "--resume" in command.error
        check_run(run)
        kept = epochs(run)
        assert kept >= 1
        filler.unlink(missing_ok=True)
        subprocess.run(["mount", "-o", "remount,size=64m", small], check=True)
        place.finish(run)
    finally:
        unmount(small)
    return 1, f"{kept} of {EPOCHS} epochs kept, equal weights after"


def fill_results(place, times):
    """A full disk under an evaluation, a scoring and an export."""
    small = mount(place.folder / "small-results", "size=6m")
    if small is None:
        return None, SKIPPED
    target = small / "exports" / "model.keras"
    export = ("--format", "keras", "--output", target)
    commands = {
        "eval": ("eval", place.whole, "--no-plots", "--output", small / "run"),
        "score": place.score_arguments(small / "scores"),
        "export": ("export", place.whole, *export),
    }
    whole = place.score(place.folder / "scored")
    try:
        for name, arguments in commands.items():
            if name != "score":  # an earlier result lies there
                assert place.start(*arguments).wait() == 0
        one = place.start_score(small / "scores", place.videos[:1])
        assert one.wait() == 0, one.output
        before = files_in(small)
        exported = weights(target.parent)
        filler = fill(small)
        for name, arguments in commands.items():
            command = place.start(*arguments)
            assert command.wait() == 1, (name, command.output)
            assert "the disk is full" in command.error, command.error
            assert str(small) in command.error
        filler.unlink()
        assert files_in(small) == before, "an earlier result was touched"
        for arguments in commands.values():
            command = place.start(*arguments)
            assert command.wait() == 0, command.output
        assert place.score(small / "scores") == whole
        assert_equal(weights(target.parent), exported)
        left = list(small.rglob(".*"))
        assert not left, left
    finally:
        unmount(small)
    return len(commands), "earlier results whole, equal results after"


def files_in(folder):
    """Return every file's bytes, by path."""
    return {p: p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def read_only(place, times):
    """An output folder that cannot be written."""
    folder = mount(place.folder / "read-only", "size=1m,ro")
    if folder is None:
        return None, SKIPPED
    try:
        command = place.train(folder / "run")
        assert command.wait() == 1, command.output
        assert "cannot be written" in command.error
        export = ("--format", "keras", "--output", folder / "model.keras")
        for arguments in (
            ("eval", place.whole, "--output", folder),
            place.score_arguments(folder),
            ("export", place.whole, *export),
        ):
            command = place.start(*arguments)
            assert command.wait() == 1, command.output
            assert "cannot be written" in command.error, command.error
            assert str(folder) in command.error
    finally:
        unmount(folder)
    return 4, "one clear line each"
