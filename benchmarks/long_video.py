"""Memory and scores of the edge runtime on a very long video.

    python benchmarks/long_video.py model.tflite camera.mp4
    python benchmarks/long_video.py model.onnx camera.mp4 --frames 10000 --json

The video is repeated, without encoding it anew, into one temporary file of
100,000 frames, and scored from there: decoded, resized and scored like any
other. Memory must not grow, and each repetition must get the scores of the
first. Needs PyAV: pip install 'keras-cdae[video]'.
"""

import dataclasses
import json
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np

from keras_cdae.runtime import EdgeScorer, Score

MEBI = 2**20
MARKS = 20  # times that memory is read
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@dataclasses.dataclass
class Watched:
    """What was seen while a long video was scored.

    Attributes:
        loop: frames of one repetition.
        frames: frames that were scored, the first four among them.
        resident: (frame, MiB of resident memory), at the marks.
        seconds: for all of them.
        largest_difference: of a score from that of the same frame in the
            first repetition.
        compared: scores that were compared.
    """

    loop: int
    frames: int = 0
    resident: list[tuple[int, float]] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    largest_difference: float = 0.0
    compared: int = 0


@click.command()
@click.argument("model", type=FILE)
@click.argument("video", type=FILE)
@click.option("--frames", default=100_000, show_default=True)
@click.option("--threads", default=1, show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, no table.")
@click.option(
    "--keep",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the long video there, and keep it.",
)
def main(
    model: Path,
    video: Path,
    frames: int,
    threads: int,
    as_json: bool,
    keep: Path | None,
) -> None:
    """Score VIDEO, repeated, with the exported MODEL."""
    with tempfile.TemporaryDirectory() as folder:
        target = keep or Path(folder) / "long.mp4"
        loop = repeat_video(video, target, frames)
        with EdgeScorer(model, threads=threads) as scorer:
            first = scorer.clip_length - 1
            watched = watch(scorer.score_video(target), loop, frames, first)
    facts = dataclasses.asdict(watched)
    click.echo(json.dumps(facts, indent=2) if as_json else table(watched))


def repeat_video(source: Path, target: Path, frames: int) -> int:
    """Write a video's packets again and again; return its frames.

    Args:
        source: a video file that begins with a key frame.
        target: the file to write, at least `frames` long.
        frames: so many, rounded up to whole repetitions.
    """
    import av

    with av.open(str(source)) as given, av.open(str(target), "w") as made:
        stream = given.streams.video[0]
        packets = [p for p in given.demux(stream) if p.dts is not None]
        times = [(p.pts, p.dts, p.duration, p.is_keyframe) for p in packets]
        whole = sum(duration for _, _, duration, _ in times)
        copy = made.add_stream_from_template(stream)
        for number in range(-(-frames // len(packets))):
            for packet, (pts, dts, duration, is_key) in zip(
                packets, times, strict=True
            ):
                fresh = av.Packet(bytes(packet))
                fresh.pts = pts + number * whole
                fresh.dts = dts + number * whole
                fresh.duration, fresh.is_keyframe = duration, is_key
                fresh.time_base, fresh.stream = stream.time_base, copy
                made.mux(fresh)
    return len(packets)


def watch(
    scores: Iterator[Score], loop: int, frames: int, first: int
) -> Watched:
    """Take `frames` frames' scores; keep those of one repetition alone.

    Args:
        scores: of a video that repeats itself.
        loop: frames of one repetition.
        frames: to stop after.
        first: frames at a repetition's begin whose clips reach into the one
            before, and are not compared.
    """
    watched = Watched(loop)
    reference = np.full(loop, np.nan)
    step = max(1, frames // MARKS)
    begun = time.perf_counter()
    for score in scores:
        number, place = divmod(score.frame, loop)
        if number == 0:
            reference[place] = score.score
        elif place >= first:
            difference = abs(score.score - reference[place])
            watched.largest_difference = max(
                watched.largest_difference, float(difference)
            )
            watched.compared += 1
        watched.frames = score.frame + 1
        if watched.frames in (loop, frames) or watched.frames % step == 0:
            watched.resident.append((watched.frames, resident_mib()))
            click.echo(
                f"{watched.frames} of {frames} frames, "
                f"{watched.resident[-1][1]:.1f} MiB, largest difference "
                f"{watched.largest_difference:.3g}",
                err=True,
            )
        if watched.frames == frames:
            break
    watched.seconds = time.perf_counter() - begun
    return watched


def resident_mib() -> float:
    """Return the resident memory of this process; off Linux, its peak."""
    status = Path("/proc/self/statm")
    if status.is_file():
        pages = int(status.read_text(encoding="ascii").split()[1])
        return pages * resource.getpagesize() / MEBI
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (MEBI if sys.platform == "darwin" else 1024)


def table(watched: Watched) -> str:
    """Return what was seen, for people."""
    repetitions = watched.frames / watched.loop
    facts: list[Any] = [
        f"{watched.frames} frames, {repetitions:.1f} repetitions of "
        f"{watched.loop}, in {watched.seconds:.0f} s",
        "",
        f"{'frame':>8}{'resident MiB':>15}",
        *(f"{frame:8}{mib:15.1f}" for frame, mib in watched.resident),
        "",
        f"largest difference of {watched.compared} scores to those of the "
        f"first repetition: {watched.largest_difference:.3g}",
    ]
    return "\n".join(facts)


if __name__ == "__main__":
    main()
