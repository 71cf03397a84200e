"""Damage files that come from outside, and see that only our errors come.

    python tests/fuzz/run.py --cases 800
    python tests/fuzz/run.py --cases 2000 --only videos

Each reader runs in a process of its own, with a limit on memory and on the
time of one case. A finding is a traceback, a crash, a hang, an unbounded
allocation, a message that is not one short line, or a file that appears
where none should. `--cases` is the number for each reader; slow ones get a
share of it.
"""

import argparse
import faulthandler
import multiprocessing
import resource
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from pathlib import Path

import targets
from hypothesis import HealthCheck, Phase, given, seed, settings

from keras_cdae.errors import CDAEError

LIGHT, HEAVY = 3 * 2**30, 16 * 2**30  # bytes of address space
SECONDS = 20  # for one case
PATIENCE = 240  # for one that loads a model, with its imports
MESSAGE = 700  # characters that one line may have


def check(target, folder, data):
    """Give one case to a reader."""
    path = folder / ("config" if target.name == "config-json" else "case")
    path = path.with_suffix(target.suffix)
    before = set(folder.parent.iterdir())
    path.write_bytes(data)
    (folder / "last").write_bytes(data)  # what is left of a crash
    limit = PATIENCE if target.name.startswith("model-") else SECONDS
    faulthandler.dump_traceback_later(limit, exit=True)
    try:
        target.read(path)
    except CDAEError as error:
        text = str(error)
        assert len(text) <= MESSAGE, f"a message of {len(text)} characters"
        assert text.isprintable(), f"not one line of text: {text!r}"
    finally:
        faulthandler.cancel_dump_traceback_later()
    assert set(folder.parent.iterdir()) == before, "a file beside the folder"


def run_target(target, cases, chosen_seed, folder):
    """Make `cases` cases; end at the first finding. Return how many."""
    made = 0

    @seed(chosen_seed)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.generate,),
    )
    @given(target.cases())
    def case(data):
        nonlocal made
        made += 1
        try:
            check(target, folder, data)
        except Exception:
            for line in traceback.format_exc().splitlines()[-12:]:
                print(f"    {line[:300]}")
            print(f"    case {made}: {folder / 'last'}", flush=True)
            sys.exit(1)

    case()
    return made


def child(target, heavy, cases, chosen_seed, folder, count):
    """One reader, in a process of its own."""
    limit = HEAVY if heavy else LIGHT
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    warnings.simplefilter("ignore")
    count.value = run_target(target, cases, chosen_seed, folder)


def run(cases, chosen_seed, only, heavy):
    """Every reader in its process; return how many had findings."""
    place = Path(tempfile.mkdtemp(prefix="fuzz-"))
    context = multiprocessing.get_context("fork")
    found = [(target, False) for target in targets.light(place)]
    found += [(target, True) for target in targets.heavy()] if heavy else []
    failed = total = 0
    for target, is_heavy in found:
        if only and only not in target.name:
            continue
        folder = place / target.name / "inside"
        folder.mkdir(parents=True)
        count = context.Value("i", 0)
        share = max(1, round(cases * target.share))
        started = time.monotonic()
        process = context.Process(
            target=child,
            args=(target, is_heavy, share, chosen_seed, folder, count),
        )
        process.start()
        process.join()
        seconds = time.monotonic() - started
        what = "ok"
        if process.exitcode:
            failed += 1
            what = f"FINDING, exit code {process.exitcode}"
        total += count.value
        line = f"{target.name:16} {count.value:>6} cases {seconds:6.1f} s"
        print(f"{line}  {what}", flush=True)
    print(f"{total} cases, seed {chosen_seed}, {failed} readers failed")
    if not failed:
        shutil.rmtree(place)
    return failed


def main():
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", help="readers whose name has this in it")
    parser.add_argument("--heavy", action="store_true", help="models, too")
    arguments = parser.parse_args()
    failed = run(
        arguments.cases, arguments.seed, arguments.only, arguments.heavy
    )
    sys.exit(min(1, failed))


if __name__ == "__main__":
    main()
