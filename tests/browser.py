"""A headless Chromium, driven by the W3C WebDriver protocol: no dependency."""

import base64
import contextlib
import json
import re
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

ABSENT = "CHROMIUM ABSENT: apt-get install chromium chromium-driver"
ARGUMENTS = (
    "--headless=new",
    "--no-sandbox",  # the root user of a container has none
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",  # no name leads anywhere
)
KEYS = {
    "ArrowLeft": "\ue012",
    "ArrowUp": "\ue013",
    "ArrowRight": "\ue014",
    "ArrowDown": "\ue015",
    "PageUp": "\ue00e",
    "PageDown": "\ue00f",
    "End": "\ue010",
    "Home": "\ue011",
    "Tab": "\ue004",
    "Enter": "\ue007",
}


def is_installed():
    return bool(shutil.which("chromium") and shutil.which("chromedriver"))


class Browser:
    """One window of one session."""

    def __init__(self, url, arguments):
        self.base = url
        options = {
            "binary": shutil.which("chromium"),
            "args": [*ARGUMENTS, *arguments],
        }
        logs = {"browser": "ALL", "performance": "ALL"}
        wanted = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": logs,
        }
        body = {"capabilities": {"alwaysMatch": wanted}}
        answer = self._send("POST", "/session", body)
        self.base = f"{url}/session/{answer['sessionId']}"

    def _send(self, method, path, body=None):
        data = None if method != "POST" else json.dumps(body or {}).encode()
        request = urllib.request.Request(self.base + path, data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=120) as answer:
                return json.load(answer)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]) from error

    def open(self, path):
        self._send("POST", "/url", {"url": path.resolve().as_uri()})

    def run(self, script, *arguments):
        """Run a function body; `return` gives its value."""
        body = {"script": script, "args": list(arguments)}
        return self._send("POST", "/execute/sync", body)

    def wait(self, script, *arguments, seconds=20):
        """Run until it is true, and return what it returned."""
        body = {
            "script": (
                "const done = arguments[arguments.length - 1];"
                f"const test = function() {{ {script} }};"
                "const given = Array.from(arguments).slice(0, -1);"
                f"const end = Date.now() + {1000 * seconds};"
                "(function again() { const value = test(...given);"
                "if (value || Date.now() > end) done(value);"
                "else setTimeout(again, 30); })();"
            ),
            "args": list(arguments),
        }
        value = self._send("POST", "/execute/async", body)
        assert value, f"waited {seconds} s for: {script}"
        return value

    def element(self, css):
        body = {"using": "css selector", "value": css}
        return self._send("POST", "/element", body)

    def click(self, css, x=0, y=0):
        """Click with a real pointer, `x` and `y` from the centre."""
        moves = [
            {"type": "pointerMove", "origin": self.element(css), "x": x, "y": y}
        ]
        moves += [
            {"type": kind, "button": 0} for kind in ("pointerDown", "pointerUp")
        ]
        mouse = {"type": "pointer", "id": "mouse", "actions": moves}
        self._send("POST", "/actions", {"actions": [mouse]})

    def press(self, *keys):
        """Press keys, one after the other, where the focus is."""
        actions = [
            {"type": kind, "value": KEYS.get(key, key)}
            for key in keys
            for kind in ("keyDown", "keyUp")
        ]
        board = {"type": "key", "id": "board", "actions": actions}
        self._send("POST", "/actions", {"actions": [board]})

    def size(self, width, height):
        """Set the size of the page itself, as a phone has it."""
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=False,
        )

    def devtools(self, command, **parameters):
        body = {"cmd": command, "params": parameters}
        return self._send("POST", "/goog/cdp/execute", body)

    def picture(self, path):
        """Save what the window shows."""
        path.write_bytes(base64.b64decode(self._send("GET", "/screenshot")))

    def messages(self):
        """Return what the console, and the browser about the page, said."""
        log = self._send("POST", "/se/log", {"type": "browser"})
        return [entry["message"] for entry in log]

    def requests(self):
        """Return every address that was asked for since the last call."""
        log = self._send("POST", "/se/log", {"type": "performance"})
        events = [json.loads(entry["message"])["message"] for entry in log]
        return [
            event["params"]["request"]["url"]
            for event in events
            if event["method"] == "Network.requestWillBeSent"
        ]

    def quit(self):
        self._send("DELETE", "")


@contextlib.contextmanager
def chromium(*arguments):
    """Yield a browser with a profile of its own; both are gone afterwards."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        driver = subprocess.Popen(
            ["chromedriver", "--port=0"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            port = None
            for line in driver.stdout:
                found = re.search(r"on port (\d+)", line)
                if found and found[1] != "0":
                    port = found[1]
                    break
            assert port, "chromedriver did not start"
            browser = Browser(
                f"http://127.0.0.1:{port}",
                [f"--user-data-dir={profile}", *arguments],
            )
            try:
                yield browser
            finally:
                browser.quit()
        finally:
            driver.terminate()
            driver.wait(30)
            driver.stdout.close()
