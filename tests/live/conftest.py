import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from keras_cdae.live import LiveFrame

SYSTEM_PYTHON = "/usr/bin/python3"
NEEDED = (
    "apt-get install ffmpeg python3-gi gir1.2-gst-rtsp-server-1.0 "
    "gstreamer1.0-plugins-good gstreamer1.0-plugins-bad"
)


@pytest.fixture
def live_frame():
    """Return a function that makes a frame at a time."""

    def make(index, moment, size=(24, 32)):
        image = np.full((*size, 3), index % 256, np.uint8)
        return LiveFrame(index, 0, moment, 1e9 + moment, image)

    return make


@pytest.fixture(scope="session")
def rtsp(tmp_path_factory):
    """Return a function that serves a made H.264 video over RTSP."""
    check = "import gi; gi.require_version('GstRtspServer', '1.0')"
    if not shutil.which("ffmpeg") or (
        subprocess.run(
            [SYSTEM_PYTHON, "-c", check], capture_output=True, check=False
        ).returncode
    ):
        pytest.skip(f"NO RTSP SERVER HERE: {NEEDED}")
    video = tmp_path_factory.mktemp("rtsp") / "camera.mp4"
    make = "testsrc2=size=160x120:rate=20:duration=60"
    code = "-c:v libx264 -tune zerolatency -g 10 -pix_fmt yuv420p"
    subprocess.run(
        [
            "ffmpeg",
            "-v",
            "error",
            "-f",
            "lavfi",
            "-i",
            make,
            *code.split(),
            video,
        ],
        check=True,
        timeout=60,
    )
    running = []
    server = Path(__file__).with_name("rtsp_server.py")

    def serve(port):
        process = subprocess.Popen(
            [SYSTEM_PYTHON, server, video, str(port)],
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        assert process.stdout.readline() == "ready\n"
        return process

    yield serve
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
