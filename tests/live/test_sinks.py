import http.server
import json
import socket
import stat
import sys
import threading
import time

import pytest

from keras_cdae.live import CommandSink, JsonLines, Webhook, sinks

ALARM = {
    "event": "alarm",
    "id": "20260101T000000Z-1",
    "source": "$(touch x); rm -rf `y` \"'\n&& {}",
    "z": 3.5,
    "p": None,
    "clip": "/clips/1.mp4",
    "nested": {"a": 1},
}


@pytest.fixture(autouse=True)
def direct(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def receiver():
    """An HTTP server that answers with given codes and keeps the bodies."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            length = int(self.headers["Content-Length"])
            server.got.append(
                (self.path, dict(self.headers), self.rfile.read(length))
            )
            time.sleep(server.pause)
            code = server.codes.pop(0) if server.codes else 200
            if code == "no HTTP":
                self.wfile.write(b"\x15\x03\x01\x00\x02\x02\x46")
                return
            self.send_response(code)
            if code == 302:
                self.send_header("Location", server.elsewhere)
            self.end_headers()

        def do_GET(self):
            server.got.append(("GET", {}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *arguments):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.got, server.codes, server.pause = [], [], 0.0
    server.url = f"http://127.0.0.1:{server.server_port}/alarm"
    server.elsewhere = server.url + "/elsewhere"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_json_lines_are_one_line_each():
    lines = []
    JsonLines(lines.append).send(ALARM)
    [line] = lines
    assert "\n" not in line
    assert line.isascii()
    assert json.loads(line) == ALARM


def test_a_name_that_is_no_text_is_a_line_all_the_same():
    name = b"caf\xe9.mp4".decode(errors="surrogateescape")
    assert sinks.to_line({"source": name}).isascii()


def test_a_number_that_json_has_not_is_refused():
    with pytest.raises(ValueError, match="not JSON compliant"):
        sinks.to_line({"z": float("nan")})


def test_a_webhook_posts_json(receiver):
    hook = Webhook(receiver.url)
    hook.send(ALARM)
    hook.close()
    [(path, headers, body)] = receiver.got
    assert path == "/alarm"
    assert headers["Content-Type"] == "application/json"
    assert headers["User-Agent"].startswith("keras-cdae/")
    assert json.loads(body) == ALARM
    assert (hook.delivered, hook.failed) == (1, 0)


def test_a_webhook_tries_again(receiver):
    receiver.codes = [500, 503]
    hook = Webhook(receiver.url, pause=0.01)
    hook.send(ALARM)
    hook.close()
    assert len(receiver.got) == 3
    assert hook.delivered == 1


def test_an_answer_that_is_no_http_is_tried_again(receiver):
    receiver.codes = ["no HTTP"]
    hook = Webhook(receiver.url, pause=0.01)
    hook.send(ALARM)
    hook.close()
    assert len(receiver.got) == 2
    assert (hook.delivered, hook.failed) == (1, 0)


def test_what_nobody_foresaw_costs_one_message(receiver, caplog, monkeypatch):
    hook = Webhook(receiver.url)
    post = hook._post

    def fail_once(message):
        monkeypatch.setattr(hook, "_post", post)
        raise RuntimeError("odd")

    monkeypatch.setattr(hook, "_post", fail_once)
    hook.send(ALARM)
    hook.send(ALARM)
    hook.close()
    assert (hook.delivered, hook.failed) == (1, 1)
    assert "not delivered: RuntimeError('odd')" in caplog.text


def test_lines_that_find_no_room_are_told_once(caplog):
    def full(line):
        raise OSError(28, "No space left on device")

    lines = JsonLines(full)
    for _ in range(3):
        lines.send(ALARM)
    assert lines.failed == 3
    assert caplog.text.count("No space left on device") == 1


def test_a_reader_that_is_gone_is_told_once():
    def broken(line):
        raise BrokenPipeError

    lines = JsonLines(broken)
    with pytest.raises(BrokenPipeError):
        lines.send(ALARM)
    lines.send(ALARM)  # what a watch tells at its end
    assert lines.failed == 2


def test_a_webhook_follows_no_redirect(receiver, caplog):
    receiver.codes = [302]
    hook = Webhook(receiver.url, tries=1)
    hook.send(ALARM)
    hook.close()
    assert [path for path, *_ in receiver.got] == ["/alarm"]
    assert hook.failed == 1
    assert "302" in caplog.text


def test_a_slow_webhook_holds_nobody_up(receiver, caplog, monkeypatch):
    monkeypatch.setattr(sinks, "CLOSE_SECONDS", 0.3)
    receiver.pause = 0.5
    hook = Webhook(receiver.url)
    begun = time.monotonic()
    for _ in range(40):
        hook.send(ALARM)
    assert time.monotonic() - begun < 0.4
    hook.close()
    assert time.monotonic() - begun < 2
    assert hook.failed >= 40 - 16 - 2
    assert "too slow: given up on 20260101T000000Z-1" in caplog.text
    assert "given up," in caplog.text


def test_a_dead_webhook_is_given_up_with_a_warning(free_port, caplog):
    url = f"http://user:secret@127.0.0.1:{free_port}/hook?token=secret"
    hook = Webhook(url, pause=0.01, tries=2)
    begun = time.monotonic()
    hook.send(ALARM)
    assert time.monotonic() - begun < 0.1
    hook.close()
    assert hook.failed == 1
    assert "not delivered" in caplog.text
    assert "secret" not in caplog.text


def test_a_webhook_that_never_answers_times_out(caplog):
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        hook = Webhook(f"http://127.0.0.1:{port}/", timeout=0.1, tries=1)
        hook.send(ALARM)
        hook.close()
    assert hook.failed == 1
    assert "timed out" in caplog.text


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "ftp://host/x",
        "http://",
        "hook",
        "",
        "http://host/a b",
        "http://host/\nHost: other",
        "http://[::1",
    ],
)
def test_what_is_no_webhook(url):
    with pytest.raises(ValueError, match="begins with http"):
        Webhook(url)


@pytest.fixture
def witness(tmp_path):
    """A program that writes down what it was given."""
    program = tmp_path / "my witness"
    program.write_text(
        f"#!{sys.executable}\n"
        "import json, os, sys\n"
        "print('chatter')\n"
        "env = {k: v for k, v in os.environ.items() if 'KERAS_CDAE_' in k}\n"
        "line = [sys.argv[1:], json.loads(sys.stdin.read()), env]\n"
        f"with open({str(tmp_path / 'seen')!r}, 'a') as file:\n"
        "    print(json.dumps(line), file=file)\n"
    )
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_a_command_gets_the_alarm_as_data(
    witness, tmp_path, monkeypatch, capfd
):
    monkeypatch.chdir(tmp_path)
    for name in ("KERAS_CDAE_CACHE",):
        monkeypatch.delenv(name, raising=False)
    sink = CommandSink(f"'{witness}' --to '$HOME; touch {{id}}' a|b $(id)")
    sink.send(ALARM)
    sink.close()
    [line] = (tmp_path / "seen").read_text().splitlines()
    arguments, message, variables = json.loads(line)
    # Nothing is expanded, and nothing of the stream is in the command line.
    assert arguments == ["--to", "$HOME; touch {id}", "a|b", "$(id)"]
    assert message == ALARM
    assert variables == {
        "KERAS_CDAE_EVENT": "alarm",
        "KERAS_CDAE_ID": ALARM["id"],
        "KERAS_CDAE_SOURCE": ALARM["source"],
        "KERAS_CDAE_Z": "3.5",
        "KERAS_CDAE_CLIP": "/clips/1.mp4",
    }
    assert sorted(p.name for p in tmp_path.iterdir()) == ["my witness", "seen"]
    assert (sink.delivered, sink.failed) == (1, 0)
    assert capfd.readouterr().out == ""  # stdout is for lines of JSON


def test_a_command_that_fails_is_told(caplog):
    sink = CommandSink("sh -c 'echo it broke >&2; exit 3'")
    sink.send(ALARM)
    sink.close()
    assert sink.failed == 1
    assert "failed with 3 for 20260101T000000Z-1. it broke" in caplog.text


def test_a_command_that_does_not_read_is_no_error():
    sink = CommandSink("true")
    sink.send({**ALARM, "nested": ["x" * 200_000]})
    sink.close()
    assert sink.delivered == 1


def test_a_command_that_hangs_is_killed(caplog):
    sink = CommandSink("sleep 60", timeout=0.1)
    begun = time.monotonic()
    sink.send(ALARM)
    assert time.monotonic() - begun < 0.1
    sink.close()
    assert time.monotonic() - begun < 5
    assert "took longer than 0.1 s" in caplog.text


@pytest.mark.parametrize("command", ["sleep 60", "sleep 60 & wait"])
def test_what_a_script_started_is_killed_with_it(tmp_path, caplog, command):
    script = tmp_path / "notify"
    script.write_text(f"#!/bin/sh\n{command}\n")
    script.chmod(0o755)
    sink = CommandSink(str(script), timeout=0.2)
    begun = time.monotonic()
    sink.send(ALARM)
    sink.close()
    assert time.monotonic() - begun < 5
    assert "took longer than 0.2 s" in caplog.text


def test_what_goes_on_in_the_background_is_not_waited_for(tmp_path):
    script = tmp_path / "notify"
    script.write_text("#!/bin/sh\nsleep 5 &\nexit 0\n")
    script.chmod(0o755)
    sink = CommandSink(str(script), timeout=3)
    begun = time.monotonic()
    sink.send(ALARM)
    sink.close()
    assert sink.delivered == 1
    assert time.monotonic() - begun < 3


def test_the_end_does_not_wait_for_a_command_for_ever(monkeypatch):
    monkeypatch.setattr(sinks, "CLOSE_SECONDS", 0.2)
    sink = CommandSink("sleep 60")
    sink.send(ALARM)
    time.sleep(0.1)
    process = sink._process
    sink.close()
    assert process.wait(5) != 0


@pytest.mark.parametrize("command", ["", "no-such-program-here -x", "a 'b"])
def test_what_is_no_command(command):
    with pytest.raises(ValueError, match=r"no such program|No closing"):
        CommandSink(command)
