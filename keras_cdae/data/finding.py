"""Where videos lie: files, folders of frames, and their order."""

import os
import re
from pathlib import Path

from keras_cdae.errors import DataError, VideoError

PathLike = str | os.PathLike[str]

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
)


def natural_key(path: PathLike) -> list[tuple[int, int | str]]:
    """Sort key by which frame 2 stands before frame 10.

    Example:
        >>> sorted(["10.jpg", "2.jpg"], key=natural_key)
        ['2.jpg', '10.jpg']
    """
    parts = re.split(r"(\d+)", Path(path).name.lower())
    return [(0, int(p)) if p.isdecimal() else (1, p) for p in parts if p]


def _children(folder: Path) -> list[Path]:
    """The visible entries; dot files include macOS's `._001.tif` twins."""
    entries = (p for p in folder.iterdir() if not p.name.startswith("."))
    return sorted(entries, key=natural_key)


def _is_video_file(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and path.is_file()


def frame_files(folder: PathLike) -> list[Path]:
    """List the images that lie directly in `folder`, in natural order."""
    return [
        p
        for p in _children(Path(folder))
        if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file()
    ]


def is_video(path: PathLike) -> bool:
    """Tell whether `path` is a video file or a folder of frames.

    A folder counts when it holds images and no video file directly.
    """
    path = Path(path)
    if not path.is_dir():
        return _is_video_file(path)
    children = _children(path)
    if any(_is_video_file(p) for p in children):
        return False
    return any(
        p.suffix.lower() in IMAGE_SUFFIXES and p.is_file() for p in children
    )


def find_videos(path: PathLike) -> list[Path]:
    """List the videos at `path` in natural order.

    Args:
        path: a video file, a folder of frames, or a folder which directly
            holds video files or folders of frames. Hidden entries are left
            out, and so are folders named `*_gt` (UCSD's masks).

    Returns:
        One path a video.

    Raises:
        VideoError: `path` does not exist or is a file of another kind.
        DataError: a folder without a video.
    """
    path = Path(path)
    if is_video(path):
        return [path]
    if not path.exists():
        raise VideoError(f"{path}: no such file or folder. Check the path.")
    if not path.is_dir():
        raise VideoError(f"{path}: not a video. {kinds()}")
    found = [
        p for p in _children(path) if is_video(p) and not p.name.endswith("_gt")
    ]
    if not found:
        raise DataError(f"{path}: no video and no frames in it. {kinds()}")
    return found


def kinds() -> str:
    """Say what is a video, for messages."""
    return (
        f"Give a video ({' '.join(sorted(VIDEO_SUFFIXES))}) or a folder of "
        f"frames ({' '.join(sorted(IMAGE_SUFFIXES))})."
    )
