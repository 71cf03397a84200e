"""What a user's words for a video source mean, and how they are shown."""

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from keras_cdae.errors import VideoError

SCHEMES = ("http", "https", "rtmp", "rtp", "rtsp", "rtsps", "srt", "tcp", "udp")
# By number, or by Linux's name of it.
CAMERA = re.compile(r"(?:/dev/video)?([0-9]{1,4})", re.ASCII)


@dataclass(frozen=True)
class Address:
    """A source of live video.

    Attributes:
        target: what OpenCV opens: a camera's number, an address, or a file's
            absolute path.
        name: how it is shown; see `source_name`.
        kind: a camera at this machine, a stream, or a file.
    """

    target: int | str
    name: str
    kind: Literal["camera", "stream", "file"]

    @classmethod
    def parse(cls, source: str) -> "Address":
        """Return what a user's words mean.

        Args:
            source: `0` or `/dev/video0`, `rtsp://...`, `http://...`, or the
                path of a file.

        Raises:
            VideoError: for a file that is not there, and for an address of
                another kind.
        """
        name = source_name(source)
        if match := CAMERA.fullmatch(source):
            return cls(int(match[1]), name, "camera")
        if source.isascii() and source.isdecimal():
            raise VideoError(
                f"{name}: no camera has such a number. The first is 0."
            )
        scheme, separator, _ = source.partition("://")
        if separator:
            if scheme.lower() not in SCHEMES:
                raise VideoError(
                    f"{name}: not an address that can be watched. Give one of "
                    f"{', '.join(SCHEMES)}, the path of a file, or the number "
                    "of a camera."
                )
            return cls(source, name, "stream")
        path = Path(source)
        if path.is_char_device():
            raise VideoError(
                f"{name}: not a camera. Give the number of one, as 0 for "
                "/dev/video0, an address, or the path of a video."
            )
        if source and path.is_dir():
            raise VideoError(
                f"{name}: a folder, which has no pace of its own to be watched "
                "at. `keras-cdae score` reads folders of frames."
            )
        if source and path.exists() and not path.is_file():
            raise VideoError(
                f"{name}: a pipe or a socket, which cannot be watched. Give an "
                "address such as udp://127.0.0.1:5000, or the path of a video."
            )
        if not path.is_file():
            raise VideoError(
                f"{name}: no such file. Give the path of a video, the number "
                "of a camera, or an address such as rtsp://host/stream."
            )
        if not path.stat().st_size:
            raise VideoError(f"{name}: the file is empty. Copy it again.")
        # Absolute, so that FFmpeg never takes `concat:a` for a protocol.
        return cls(str(Path(source).absolute()), name, "file")


def source_name(source: int | str | os.PathLike[str]) -> str:
    """Return a source as it may be shown: no password, nothing unprintable.

    Args:
        source: a camera's number, an address or a path.

    Example:
        >>> source_name("rtsp://admin:secret@10.0.0.7/stream?token=1")
        'rtsp://***@10.0.0.7/stream?***'
    """
    text = str(source)
    if "://" in text:
        text = re.sub(r"\?.*", "?***", text, flags=re.S)
        text = re.sub(r"://.*@", "://***@", text, flags=re.S)
    return "".join(c if c.isprintable() else "?" for c in text)
