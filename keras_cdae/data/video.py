"""Video files and frame folders as uint8 frames.

It needs NumPy and OpenCV alone, so that a small device can use it.
"""

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from keras_cdae.data.damage import (
    claimed_frames,
    grab_next,
    warn_if_truncated,
    warn_of_damage,
)
from keras_cdae.data.finding import PathLike, frame_files, kinds
from keras_cdae.data.images import (
    check_target,
    prepare_frame,
    read_raw,
    to_bgr,
)
from keras_cdae.data.timing import FrameTimes
from keras_cdae.errors import DataError, VideoError
from keras_cdae.files import atomic_path


@dataclass(frozen=True)
class VideoInfo:
    """What a container, or a folder, says about its video.

    Attributes:
        path: the file or frame folder.
        frames: number of frames as the container claims (0 where it does not
            know), or the number of image files.
        height: pixels.
        width: pixels.
        fps: frames per second; `None` for a folder or where unknown.
    """

    path: Path
    frames: int
    height: int
    width: int
    fps: float | None


def video_info(path: PathLike) -> VideoInfo:
    """Read size, length and rate without decoding the video.

    Args:
        path: a video file or a folder of frames.

    Returns:
        What the container claims; a folder's size is that of its first frame.

    Raises:
        VideoError: nothing readable is there.
    """
    path = Path(path)
    if path.is_dir():
        files = _require_frames(path)
        height, width = read_raw(files[0]).shape[:2]
        return VideoInfo(path, len(files), height, width, None)
    with _capture(path) as capture:
        fps = capture.get(cv2.CAP_PROP_FPS)
        return VideoInfo(
            path,
            claimed_frames(capture),
            int(capture.get(cv2.CAP_PROP_FRAME_HEIGHT)),
            int(capture.get(cv2.CAP_PROP_FRAME_WIDTH)),
            float(fps) if 0 < fps < float("inf") else None,
        )


def read_frames(
    path: PathLike,
    *,
    image_size: tuple[int, int] | None = None,
    channels: int = 3,
    start: int = 0,
    stop: int | None = None,
    stride: int = 1,
    on_damage: Callable[[int, int], None] | None = None,
) -> Iterator[np.ndarray]:
    """Yield the frames of one video, one at a time.

    The capture is released when the iterator ends, fails or is closed early.
    A file that ends clearly before its header says is read as far as it goes,
    with a logged warning. Where frames in its middle are damaged the one before
    stands for them, so that numbers and times of the rest stay right; a warning
    says how many.

    Args:
        path: a video file or a folder of frames (natural order of the names).
        image_size: (height, width) to resize to; `None` keeps the size.
        channels: 3 for RGB, 1 for luma.
        start: first frame, 0-based.
        stop: frame to stop before; `None` reads to the end.
        stride: read every `stride`-th frame.
        on_damage: called at the end, if frames were damaged, with how many and
            the first one's number.

    Yields:
        uint8 frames (height, width, channels).

    Raises:
        VideoError: the path does not exist, holds no frame, or holds frames
            that are damaged, of different sizes, or not 8-bit without alpha.
        ValueError: an argument is out of range.
    """
    check_target(image_size, channels)
    if start < 0 or stride < 1 or (stop is not None and stop < 0):
        raise ValueError(
            "read_frames expects start >= 0, stop >= 0 and stride >= 1. "
            f"Received: start={start}, stop={stop}, stride={stride}"
        )
    found = _raw_frames(Path(path), start, stop, stride, on_damage)
    raw = _same_size(found, Path(path))
    return _prepared(raw, image_size, channels)


def read_frame_views(
    path: PathLike, views: Sequence[tuple[tuple[int, int] | None, int]]
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield each frame of one video in several sizes, decoding it once.

    Args:
        path: a video file or a folder of frames.
        views: for each view `image_size` and `channels`, as `read_frames`
            takes them.

    Yields:
        For each frame as many uint8 arrays (height, width, channels) as there
        are views, each equal to what `read_frames` yields.

    Raises:
        VideoError: as `read_frames`.
        ValueError: as `read_frames`.

    Example:
        ```python
        views = [((128, 128), 1), (None, 3)]
        for small, whole in read_frame_views(path, views):
            ...
        ```
    """
    for image_size, channels in views:
        check_target(image_size, channels)
    raw = _same_size(_raw_frames(Path(path), 0, None, 1), Path(path))
    return _viewed(raw, views)


def _raw_frames(
    path: Path,
    start: int,
    stop: int | None,
    stride: int,
    on_damage: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[str, np.ndarray]]:
    if not path.exists():
        raise VideoError(f"{path}: no such file or folder. Check the path.")
    if path.is_dir():
        return _folder_frames(path, slice(start, stop, stride))
    return _file_frames(path, start, stop, stride, on_damage)


def _same_size(
    raw: Iterator[tuple[str, np.ndarray]], path: Path
) -> Iterator[np.ndarray]:
    size: tuple[int, ...] | None = None
    with contextlib.closing(raw):  # type: ignore[type-var]
        for name, frame in raw:
            size = size or frame.shape[:2]
            if frame.shape[:2] != size:
                raise VideoError(
                    f"{path}: {name} has {_size(frame.shape)} pixels, the "
                    f"frames before it {_size(size)}. Split the video, or "
                    "bring its frames to one size."
                )
            yield frame


def _prepared(
    raw: Iterator[np.ndarray], image_size: tuple[int, int] | None, channels: int
) -> Iterator[np.ndarray]:
    with contextlib.closing(raw):  # type: ignore[type-var]
        for frame in raw:
            yield prepare_frame(frame, image_size=image_size, channels=channels)


def _viewed(
    raw: Iterator[np.ndarray],
    views: Sequence[tuple[tuple[int, int] | None, int]],
) -> Iterator[tuple[np.ndarray, ...]]:
    with contextlib.closing(raw):  # type: ignore[type-var]
        for frame in raw:
            yield tuple(
                prepare_frame(frame, image_size=size, channels=channels)
                for size, channels in views
            )


def _folder_frames(
    path: Path, chosen: slice
) -> Iterator[tuple[str, np.ndarray]]:
    for file in _require_frames(path)[chosen]:
        yield file.name, read_raw(file)


def _file_frames(
    path: Path,
    start: int,
    stop: int | None,
    stride: int,
    on_damage: Callable[[int, int], None] | None,
) -> Iterator[tuple[str, np.ndarray]]:
    decoded = 0
    damaged: list[int] = []
    shown: np.ndarray | None = None
    with _capture(path) as capture:
        claimed = claimed_frames(capture)
        times = FrameTimes(capture)
        while stop is None or decoded < stop:
            hole = grab_next(capture, claimed - decoded)
            if hole is None:
                break
            times.note(after_hole=hole > 0)
            numbers = range(decoded, decoded + hole + 1)
            damaged += numbers[:-1]
            decoded += len(numbers)
            chosen = [
                number
                for number in numbers
                if number >= start
                and (number - start) % stride == 0
                and (stop is None or number < stop)
            ]
            if not chosen:
                continue
            ok, frame = capture.retrieve()
            if not ok or frame is None:
                break
            for number in chosen:
                if number == numbers[-1] or shown is None:
                    shown = frame
                yield f"frame {number}", shown
    chosen_damage = [number for number in damaged if number >= start]
    if chosen_damage:
        warn_of_damage(path, len(chosen_damage), chosen_damage[0])
        if on_damage is not None:
            on_damage(len(chosen_damage), chosen_damage[0])
    if decoded == 0 and stop != 0:
        raise VideoError(
            f"{path}: not one frame can be decoded. The file is damaged or of "
            "an unknown codec: copy it again, or convert it with ffmpeg."
        )
    if stop is None:
        times.warn(path)
        warn_if_truncated(path, decoded, claimed)


@contextlib.contextmanager
def _capture(path: Path) -> Iterator[cv2.VideoCapture]:
    """Open a video file; release the capture however the block ends."""
    if not path.exists():
        raise VideoError(f"{path}: no such file or folder. Check the path.")
    if path.stat().st_size == 0:
        raise VideoError(f"{path}: the file is empty. Copy it again.")
    # FFmpeg first, because OpenCV would take 001.jpg for a whole sequence.
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    try:
        if not capture.isOpened():
            raise VideoError(
                f"{path}: cannot be opened as video. The file is damaged, "
                "truncated or of an unknown kind: copy it again, or convert "
                "it with ffmpeg."
            )
        yield capture
    finally:
        capture.release()


def _require_frames(folder: Path) -> list[Path]:
    files = frame_files(folder)
    if not files:
        raise VideoError(f"{folder}: no images in this folder. {kinds()}")
    return files


def write_video(
    path: PathLike, frames: Iterable[np.ndarray], *, fps: float
) -> Path:
    """Write a video, whole or not at all.

    MPEG-4 in `.mp4` (small; few browsers play it), motion JPEG in `.avi`
    (nearly lossless). An odd side gets one more row or column, because the
    codecs need even sizes.

    Args:
        path: the target, `.mp4` or `.avi`.
        frames: uint8 frames of one size, (H, W, 3) RGB, (H, W) or (H, W, 1).
            An iterator is taken one frame at a time.
        fps: frames per second.

    Returns:
        The path written.

    Raises:
        ValueError: another suffix, `fps` not positive, or no frame given.
        VideoError: frames that are no 8-bit images or differ in size.
    """
    path = Path(path)
    codecs = {".mp4": "mp4v", ".avi": "MJPG"}
    if path.suffix.lower() not in codecs or not fps > 0:
        raise ValueError(
            "write_video expects a .mp4 or .avi path and fps > 0. "
            f"Received: path={str(path)!r}, fps={fps}"
        )
    fourcc = cv2.VideoWriter.fourcc(*codecs[path.suffix.lower()])
    with atomic_path(path) as temporary:
        _encode(temporary, path, frames, fourcc, fps)
    return path


def _encode(
    temporary: Path,
    path: Path,
    frames: Iterable[np.ndarray],
    fourcc: int,
    fps: float,
) -> None:
    writer: cv2.VideoWriter | None = None
    size: tuple[int, ...] = ()
    try:
        for frame in frames:
            bgr = to_bgr(frame)
            if bgr.ndim == 2:
                bgr = cv2.cvtColor(bgr, cv2.COLOR_GRAY2BGR)
            bgr = _to_even(bgr)
            if writer is None:
                size = bgr.shape
                writer = cv2.VideoWriter(
                    str(temporary), fourcc, fps, (size[1], size[0])
                )
                if not writer.isOpened():
                    raise DataError(
                        f"{path}: OpenCV cannot write this kind of video here."
                    )
            elif bgr.shape != size:
                raise VideoError(
                    f"{path}: a frame of {_size(bgr.shape)} pixels follows "
                    f"frames of {_size(size)}. Give frames of one size."
                )
            writer.write(bgr)
    finally:
        if writer is not None:
            writer.release()
    if writer is None:
        raise ValueError(f"write_video got no frame for {path}.")
    if temporary.stat().st_size == 0:
        raise DataError(f"{path}: nothing was written. Is the disk full?")


def _to_even(frame: np.ndarray) -> np.ndarray:
    odd = frame.shape[0] % 2, frame.shape[1] % 2
    if not any(odd):
        return frame
    return np.pad(frame, ((0, odd[0]), (0, odd[1]), (0, 0)), mode="edge")


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"
