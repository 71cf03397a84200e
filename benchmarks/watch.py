"""How late `keras-cdae watch` is on a real RTSP stream, and what it needs.

    python benchmarks/watch.py --video 04.mp4 --model ped2-edge --minutes 10

Loops a video into a live RTSP stream (ffmpeg and GStreamer's RTSP server, from
the system's packages), watches it, cuts the stream in the middle for a few
seconds, and reads every alarm clip. Prints delays, dropped frames, memory at
30 seconds and at the end, and the clips.
"""

import json
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click

from keras_cdae.data.video import read_frames, video_info

SERVER = Path(__file__).parents[1] / "tests" / "live" / "rtsp_server.py"
SYSTEM_PYTHON = "/usr/bin/python3"  # has GStreamer's bindings
WARM = 30.0  # seconds after which memory is taken for the first time
CUT = 5.0  # seconds without a stream


@click.command()
@click.option("--video", type=click.Path(path_type=Path), required=True)
@click.option("--model", default="ped2-edge", show_default=True)
@click.option("--minutes", default=10.0, show_default=True)
@click.option("--threshold", help="Of the log-score, as `watch` takes it.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, no table.")
def main(
    video: Path,
    model: str,
    minutes: float,
    threshold: str | None,
    as_json: bool,
) -> None:
    """Watch a looped video over RTSP."""
    for program in ("ffmpeg", SYSTEM_PYTHON):
        if shutil.which(program) is None:
            raise click.ClickException(f"needs {program}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stream = loop(video, folder / "stream.mp4", minutes)
        found = watch(stream, model, minutes, threshold, folder)
    click.echo(json.dumps(found, indent=2) if as_json else table(found))


def loop(video: Path, target: Path, minutes: float) -> Path:
    """Repeat a video until it is long enough, as H.264."""
    rate = video_info(video).fps
    words = ["ffmpeg", "-v", "error", "-stream_loop", "-1", "-i", str(video)]
    words += ["-t", str(60 * minutes + 60), "-c:v", "libx264", "-g"]
    words += [str(max(1, round(rate or 10))), "-tune", "zerolatency"]
    words += ["-pix_fmt", "yuv420p", str(target)]
    subprocess.run(words, check=True)
    return target


def watch(
    stream: Path,
    model: str,
    minutes: float,
    threshold: str | None,
    folder: Path,
) -> dict[str, Any]:
    """Serve, watch, cut, and gather what there is to tell."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = serve(stream, port)
    command = [str(Path(sys.executable).with_name("keras-cdae")), "watch"]
    command += [f"rtsp://127.0.0.1:{port}/camera", "--model", model]
    command += ["--clips", str(folder / "clips"), "--no-view"]
    command += ["--duration", str(60 * minutes)]
    command += ["--threshold", threshold] if threshold else []
    told = folder / "told.jsonl"
    begun = time.monotonic()
    with told.open("w") as out:
        watcher = subprocess.Popen(command, stdout=out)
    try:
        time.sleep(min(WARM, 30 * minutes))
        memory = [rss(watcher.pid)]
        time.sleep(max(0.0, 30 * minutes - (time.monotonic() - begun)))
        server.kill()
        server.wait()
        time.sleep(CUT)
        server = serve(stream, port)
        while watcher.poll() is None:
            if 60 * minutes - (time.monotonic() - begun) > -5:
                memory = [memory[0], rss(watcher.pid) or memory[-1]]
            time.sleep(1)
    finally:
        watcher.kill()
        server.kill()
    if watcher.returncode:
        raise click.ClickException(f"watch: exit code {watcher.returncode}")
    lines = [json.loads(line) for line in told.read_text().splitlines()]
    clips = [line for line in lines if line["event"] == "clip"]
    read = [sum(1 for _ in read_frames(line["clip"])) for line in clips]
    return {
        "minutes": minutes,
        "model": model,
        "machine": f"{platform.system()} {platform.machine()}",
        "memory_mib": {"after_30_s": memory[0], "at_the_end": memory[-1]},
        "clips": len(clips),
        "clips_whole": sum(
            frames == line["clip_frames"]
            for frames, line in zip(read, clips, strict=True)
        ),
        "summary": lines[-1],
    }


def serve(stream: Path, port: int) -> subprocess.Popen[str]:
    """Start the RTSP server; return it when it listens."""
    process = subprocess.Popen(
        [SYSTEM_PYTHON, str(SERVER), str(stream), str(port)],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    if process.stdout.readline() != "ready\n":
        raise click.ClickException("the RTSP server does not start")
    return process


def rss(process: int) -> float:
    """Return the memory that a process holds, in MiB; 0 if it is gone."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
    except OSError:
        return 0.0
    for line in status.splitlines():
        if line.startswith("VmRSS"):
            return round(int(line.split()[1]) / 1024, 1)
    return 0.0


def table(found: dict[str, Any]) -> str:
    """Return what was found as text."""
    summary, memory = found["summary"], found["memory_mib"]
    delay = summary["delay_ms"]
    rows = {
        "watched": f"{found['minutes']:g} min of {found['model']}",
        "frames, scored, dropped": (
            f"{summary['frames']}, {summary['scored']}, {summary['dropped']}"
        ),
        "delay, ms": ", ".join(f"{k} {v:g}" for k, v in delay.items()),
        "stream lost": (
            f"{summary['lost_seconds']:.1f} s, came back "
            f"{summary['reconnects']} time(s)"
        ),
        "memory, MiB": (
            f"{memory['after_30_s']} after 30 s, {memory['at_the_end']} at "
            "the end"
        ),
        "alarm clips": (
            f"{found['clips']}, of which {found['clips_whole']} decode whole"
        ),
    }
    return "\n".join(f"{name:24} {value}" for name, value in rows.items())


if __name__ == "__main__":
    main()
