import contextlib
import io
import json
import os
import pty
import queue
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")
pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import av
from live_doubles import motion_model

from keras_cdae.data.video import write_video
from keras_cdae.runtime.metadata import read_metadata

COMMAND = Path(sys.executable).with_name("keras-cdae")
SECONDS = 60  # for anything, on a busy machine


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    return motion_model(tmp_path_factory.mktemp("model") / "motion.onnx")


@pytest.fixture(scope="session")
def yard(tmp_path_factory):
    """Three seconds of a still picture, in which something runs for half."""
    frames = np.full((75, 48, 64), 80, "uint8")
    for index in range(30, 45):
        frames[index, 10:30, (index - 30) * 3 :][:, :16] = 250
    path = tmp_path_factory.mktemp("yard") / "yard.avi"
    return write_video(path, frames, fps=25)


@pytest.fixture
def watch(invoke, model, tmp_path):
    """Return a function that watches; and gives the lines of JSON."""

    def run(source, *arguments, model=model):
        folder = tmp_path / "clips"
        result = invoke(
            "watch", source, "--model", model, "--clips", folder, *arguments
        )
        return result, [json.loads(line) for line in result.out.splitlines()]

    return run


def count_frames(path):
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


def test_a_file_is_watched_to_its_end(watch, yard, tmp_path):
    result, lines = watch(yard)
    assert result.code == 0, result.err
    assert [line["event"] for line in lines] == [
        "connected",
        "alarm",
        "end",
        "clip",
        "summary",
    ]
    _, alarm, _, clip, summary = lines
    assert alarm["source"] == str(yard)
    assert alarm["threshold"] == 1.0
    assert 30 <= alarm["frame"] <= 40
    assert count_frames(clip["clip"]) == clip["clip_frames"] > 40
    assert Path(clip["picture"]).is_file()
    assert len(list((tmp_path / "clips").iterdir())) == 2
    assert summary["frames"] == 75
    assert summary["alarms"] == 1
    first, warning, *rest = sorted(result.err.splitlines())
    assert first.startswith("Alarms: 1, 0 more within cool-downs.")
    assert warning.startswith("Delay: median ")
    assert any(line.startswith("Watched for ") for line in rest)


def test_no_name_is_run_or_sent_as_an_address(
    watch, yard, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    name = "$(touch owned);touch owned;`touch owned`&|'\".avi"
    Path(name).write_bytes(yard.read_bytes())
    program = "sh -c 'cat > seen; printf %s \"$KERAS_CDAE_SOURCE\" > source'"
    result, lines = watch(name, "--command", program)
    assert result.code == 0, result.err
    assert json.loads(Path("seen").read_text()) == lines[1]
    assert lines[1]["source"] == Path("source").read_text() == name
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        [name, "clips", "seen", "source"]
    )


def test_settings_reach_their_places(watch, yard, model):
    arguments = ["--threshold", 500, "--duration", 0.5, "--every", 2]
    result, lines = watch(yard, *arguments)
    assert [line["event"] for line in lines] == ["connected", "summary"]
    assert lines[1]["seconds"] < 3
    assert lines[1]["scored"] <= lines[1]["frames"] / 2
    # 500 standard deviations of normal video
    stored = read_metadata(model)["calibration"]
    place, scale = stored["location"]["score"], stored["scale"]["score"]
    expected = f"alarm above a log-score of {place + 500 * scale:.3f}"
    assert expected in result.err
    arguments = ["--alarms-per-hour", 10**6, "--duration", 0.3]
    result, _ = watch(yard, *arguments)
    assert "alarm above a log-score of 0.5" in result.err  # the median


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--webhook", "file:///etc/passwd"], "begins with http"),
        (["--webhook", "http://u:secret@"], "--webhook: A webhook is"),
        (["--command", "no-such-program-here"], "--command: 'no-such"),
        (["--command", "sh -c 'x"], "No closing quotation"),
        (["--alarms-per-hour", 0], "x>0"),
        (["--threshold", "nan"], "not a finite number"),
        (["--max-delay", 0], "x>=0.1"),
        (["--notify", "never"], "'start', 'clip', 'both'"),
    ],
)
def test_wrong_usage(invoke, yard, arguments, words):
    message = invoke("watch", yard, "--model", "a.onnx", *arguments).usage
    assert words in message
    assert "secret" not in message


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("absent.mp4", "absent.mp4: no such file"),
        ("file:///etc/passwd", "not an address that can be watched"),
        ("/dev/null", "/dev/null: not a camera. Give the number of one"),
        (".", ".: a folder"),
        ("9" * 20, "no camera has such a number"),
    ],
)
def test_a_source_that_is_none(watch, source, words):
    result, _ = watch(source)
    assert result.code == 1
    assert words in result.error


def test_a_model_that_is_none(watch, yard, tmp_path):
    for name in ("absent.onnx", "absent"):
        result, _ = watch(yard, model=tmp_path / name)
        assert result.code == 1
        assert "no such" in result.error


def test_a_model_without_a_calibration_needs_a_threshold(watch, yard, tmp_path):
    bare = motion_model(tmp_path / "bare.onnx", calibrated=False)
    result, _ = watch(yard, model=bare)
    assert result.code == 1
    assert "Give --threshold" in result.error
    arguments = ["--threshold", 1, "--duration", 0.3]
    assert watch(yard, *arguments, model=bare)[0].code == 0


def test_a_file_that_is_no_video(watch, tmp_path):
    (tmp_path / "text.mp4").write_text("no video")
    result, lines = watch(tmp_path / "text.mp4")
    assert (result.code, lines) == (1, [])
    last = result.err.splitlines()[-1]
    assert last.startswith("Error: ")
    assert "text.mp4: cannot be opened as video" in last


def test_a_stream_that_never_opens(watch, free_port):
    url = f"rtsp://admin:secret@127.0.0.1:{free_port}/x"
    result, lines = watch(url, "--connect-timeout", 0.3)
    assert (result.code, lines) == (1, [])
    last = result.err.splitlines()[-1]
    assert last.startswith("Error: camera rtsp://***@127.0.0.1")
    assert "Tried for 0.3 s" in last
    assert "secret" not in result.err


@contextlib.contextmanager
def running(*arguments, **settings):
    """Run the installed command; give it and a queue of its JSON lines."""
    process = subprocess.Popen(
        [COMMAND, "watch", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=settings.pop("stderr", subprocess.PIPE),
        text=True,
        start_new_session=True,
        # The tests may run under nohup, which a watch would go by.
        preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),
    )
    lines = queue.Queue()

    def read():
        for line in process.stdout:
            lines.put(json.loads(line))

    thread = threading.Thread(target=read)
    thread.start()
    try:
        yield process, lines
    finally:
        process.kill()
        process.wait()
        thread.join()
        process.stdout.close()
        if process.stderr is not None:
            process.stderr.close()


def wait_for(lines, event):
    """Return the next line of a kind."""
    deadline = time.monotonic() + SECONDS
    while True:
        line = lines.get(timeout=max(0.1, deadline - time.monotonic()))
        if line["event"] == event:
            return line


@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGTERM, 0), (signal.SIGHUP, 0), (signal.SIGINT, 130)],
)
def test_a_signal_ends_it_in_order(model, yard, tmp_path, number, code):
    arguments = [yard, "--model", model, "--clips", tmp_path, "--loop"]
    with running(*arguments) as (process, lines):
        wait_for(lines, "alarm")
        process.send_signal(number)
        assert process.wait(SECONDS) == code
        clip = wait_for(lines, "clip")
        summary = wait_for(lines, "summary")
        errors = process.stderr.read()
    assert count_frames(clip["clip"]) == clip["clip_frames"] > 5
    assert summary["alarms"] == 1
    assert "Traceback" not in errors
    assert "Watched for" in errors


def test_a_terminal_shows_the_live_score(model, yard, tmp_path):
    master, slave = pty.openpty()
    arguments = [yard, "--model", model, "--clips", tmp_path]
    with running(*arguments, stderr=slave) as (process, lines):
        os.close(slave)
        seen = b""
        with contextlib.suppress(OSError):  # a terminal that was left
            while part := os.read(master, 65536):
                seen += part
        assert process.wait(SECONDS) == 0
        wait_for(lines, "summary")  # stdout is JSON and nothing else
    os.close(master)
    text = seen.decode()
    for words in ("yard.avi", "threshold 1.00", "frames/s", "dropped 0"):
        assert words in text
    assert "last alarm 20" in text
    assert "█" in text
    assert "Watched for" in text


def test_the_view_takes_names_as_text():
    from rich.console import Console

    from keras_cdae.live import Status
    from keras_cdae.live.stats import WatchStats
    from keras_cdae_cli.watch_view import WatchView

    stats = WatchStats(9.0, 90, 80, 7, 0.9, 1, 0, 2, 3.0, None)
    status = Status(
        name="[red]a[/red]",
        state="lost",
        score=-3.25,
        highest=-3.0,
        z=1.5,
        threshold=-2.0,
        alarm=False,
        fps=None,
        delay_ms=12.0,
        stats=stats,
        last_alarm={"start": "now", "z": None, "clip": "[b].mp4"},
    )
    view = WatchView()
    view.scores.extend([-3.0, -1.0])
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(view._draw(status))
    text = console.export_text()
    for words in ("[red]a[/red] lost", "last alarm now: [b].mp4", "- frames/s"):
        assert words in text
    for words in ("score -3.25", "z +1.5", "dropped 7", "reconnects 2"):
        assert words in text


def test_lines_are_printed_beside_the_view(capfd):
    """And not into it: the terminal is cleared before, drawn anew after."""
    from rich.console import Console

    from keras_cdae_cli import output
    from keras_cdae_cli.watch_view import WatchView

    view = WatchView()
    view.console = Console(force_terminal=True, width=40, file=sys.stderr)
    with view, output.pausing(view.pause):
        view._live.update("the view", refresh=True)
        output.say("a warning")
        output.result("a result")
        assert view._live.is_started
    assert view._live is None
    output.say("afterwards")
    out, err = capfd.readouterr()
    assert out == "a result\n"
    assert "the view" in err.partition("a warning\n")[0]
    assert "\x1b[2K" in err.partition("a warning\n")[0]  # a line is cleared
    assert err.endswith("afterwards\n")


def test_a_sparkline_shows_what_is_above_the_threshold():
    from keras_cdae_cli.watch_view import ALARM, CALM, sparkline

    text = sparkline([0.0, 0.5, 4.0], 1.0)
    assert text.plain == "▁▂█"
    assert [span.style for span in text.spans] == [CALM, CALM, ALARM]
    assert sparkline([0.0, 1.0], 1.0).plain == "▁▇"
    assert sparkline([], 1.0).plain == ""
