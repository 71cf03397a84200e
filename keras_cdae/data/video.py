"""Video files and frame folders as uint8 frames.

The only module, besides the edge runtime, that imports OpenCV. It needs NumPy
and OpenCV alone, so that a small device can use it.
"""

import contextlib
import logging
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

# FFmpeg inside OpenCV complains on stderr, past Python's logging. Both names
# are read when OpenCV loads; whoever wants the chatter can set them first.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "SILENT")
# A damaged header may claim any size; OpenCV's own limit means gigabytes.
os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**27))

import cv2

from keras_cdae.errors import DataError, VideoError
from keras_cdae.files import atomic_path

logger = logging.getLogger(__name__)

PathLike = str | os.PathLike[str]

IMAGE_SUFFIXES = frozenset(
    {".bmp", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp"}
)
VIDEO_SUFFIXES = frozenset(
    {".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".webm", ".wmv"}
)
# Part of every cache key: a change of method must not meet old frames.
RESIZE_METHOD = "area-down-linear-up"
# Containers often claim a frame or two too many; less than this is a loss.
COMPLETE_SHARE = 0.9


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
        raise VideoError(f"{path}: not a video. {_kinds()}")
    found = [
        p for p in _children(path) if is_video(p) and not p.name.endswith("_gt")
    ]
    if not found:
        raise DataError(f"{path}: no video and no frames in it. {_kinds()}")
    return found


def _kinds() -> str:
    return (
        f"Give a video ({' '.join(sorted(VIDEO_SUFFIXES))}) or a folder of "
        f"frames ({' '.join(sorted(IMAGE_SUFFIXES))})."
    )


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
        height, width = _read_raw(files[0]).shape[:2]
        return VideoInfo(path, len(files), height, width, None)
    with _capture(path) as capture:
        fps = capture.get(cv2.CAP_PROP_FPS)
        return VideoInfo(
            path,
            _claimed_frames(capture),
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
) -> Iterator[np.ndarray]:
    """Yield the frames of one video, one at a time.

    The capture is released when the iterator ends, fails or is closed early.
    A file that ends clearly before its header says is read as far as it goes,
    with a logged warning.

    Args:
        path: a video file or a folder of frames (natural order of the names).
        image_size: (height, width) to resize to; `None` keeps the size.
        channels: 3 for RGB, 1 for luma.
        start: first frame, 0-based.
        stop: frame to stop before; `None` reads to the end.
        stride: read every `stride`-th frame.

    Yields:
        uint8 frames (height, width, channels).

    Raises:
        VideoError: the path does not exist, holds no frame, or holds frames
            that are damaged, of different sizes, or not 8-bit without alpha.
        ValueError: an argument is out of range.
    """
    _check_target(image_size, channels)
    if start < 0 or stride < 1 or (stop is not None and stop < 0):
        raise ValueError(
            "read_frames expects start >= 0, stop >= 0 and stride >= 1. "
            f"Received: start={start}, stop={stop}, stride={stride}"
        )
    raw = _same_size(_raw_frames(Path(path), start, stop, stride), Path(path))
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
        _check_target(image_size, channels)
    raw = _same_size(_raw_frames(Path(path), 0, None, 1), Path(path))
    return _viewed(raw, views)


def _raw_frames(
    path: Path, start: int, stop: int | None, stride: int
) -> Iterator[tuple[str, np.ndarray]]:
    if not path.exists():
        raise VideoError(f"{path}: no such file or folder. Check the path.")
    if path.is_dir():
        return _folder_frames(path, slice(start, stop, stride))
    return _file_frames(path, start, stop, stride)


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
        yield file.name, _read_raw(file)


def _file_frames(
    path: Path, start: int, stop: int | None, stride: int
) -> Iterator[tuple[str, np.ndarray]]:
    decoded = 0
    with _capture(path) as capture:
        claimed = _claimed_frames(capture)
        while stop is None or decoded < stop:
            if not capture.grab():
                break
            if decoded >= start and (decoded - start) % stride == 0:
                ok, frame = capture.retrieve()
                if not ok or frame is None:
                    break
                yield f"frame {decoded}", frame
            decoded += 1
    if decoded == 0 and stop != 0:
        raise VideoError(
            f"{path}: not one frame can be decoded. The file is damaged or of "
            "an unknown codec: copy it again, or convert it with ffmpeg."
        )
    if stop is None:
        warn_if_truncated(path, decoded, claimed)


def warn_if_truncated(path: Path, decoded: int, claimed: int) -> None:
    """Log a warning where a file ends clearly before its header says.

    Args:
        path: the file.
        decoded: frames that it has.
        claimed: frames that its header claims.
    """
    if decoded < COMPLETE_SHARE * claimed:
        logger.warning(
            "%s: the header claims %d frames, %d can be decoded; going on "
            "with these. The file seems truncated: copy it again.",
            path,
            claimed,
            decoded,
        )


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


def _claimed_frames(capture: cv2.VideoCapture) -> int:
    claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    # Streams claim nonsense such as -9.2e16; hours at any rate stay below 1e9.
    return int(claimed) if 0 < claimed < 1e9 else 0


def _require_frames(folder: Path) -> list[Path]:
    files = frame_files(folder)
    if not files:
        raise VideoError(f"{folder}: no images in this folder. {_kinds()}")
    return files


def _read_raw(path: Path) -> np.ndarray:
    """One image as stored: (H, W) or (H, W, 3) BGR, uint8."""
    try:
        data = np.frombuffer(path.read_bytes(), np.uint8)
    except OSError as error:
        raise VideoError(
            f"{path}: cannot be read ({error.strerror}). Check the path and "
            "its permissions."
        ) from error
    try:
        image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise VideoError(
            f"{path}: {'empty' if not data.size else 'damaged'} image. "
            "Copy or extract it again."
        )
    problem = _frame_problem(image)
    if problem:
        raise VideoError(f"{path}: {problem}")
    return image


def _frame_problem(frame: np.ndarray) -> str | None:
    """What keeps a frame from being used, with the next step."""
    if frame.dtype != np.uint8:
        return (
            f"{frame.dtype.itemsize * 8}-bit image ({frame.dtype}). Convert it "
            "to 8 bit: how to scale it is a choice that is not made here."
        )
    if frame.ndim == 3 and frame.shape[2] == 4:
        return "image with an alpha channel. Convert it to RGB or grey."
    if frame.ndim == 3 and frame.shape[2] not in (1, 3):
        return f"image with {frame.shape[2]} channels. Convert it to RGB."
    if frame.ndim not in (2, 3) or frame.size == 0:
        return f"not an image: shape {frame.shape}. Give (H, W) or (H, W, 3)."
    return None


def _check_target(image_size: tuple[int, int] | None, channels: int) -> None:
    if channels not in (1, 3):
        raise ValueError(
            f"channels must be 1 (grey) or 3 (RGB). Received: {channels=}"
        )
    if image_size is not None and (
        len(image_size) != 2 or any(int(side) < 1 for side in image_size)
    ):
        raise ValueError(
            "image_size must be (height, width), both positive, or None. "
            f"Received: {image_size=}"
        )


def _size(shape: tuple[int, ...]) -> str:
    return f"{shape[0]} x {shape[1]}"


def prepare_frame(
    frame: np.ndarray, *, image_size: tuple[int, int] | None, channels: int
) -> np.ndarray:
    """Turn one frame as OpenCV gives it into what the model reads.

    Training, scoring and the edge runtime all pass here, so that their
    numbers agree: colour conversion first, then the resize, by area when
    neither side grows and linear otherwise.

    Args:
        frame: uint8 (H, W, 3) BGR, or grey (H, W) or (H, W, 1).
        image_size: (height, width), or `None` to keep the size.
        channels: 3 for RGB, 1 for luma.

    Returns:
        uint8 (height, width, channels), C-contiguous.

    Raises:
        VideoError: the frame is not 8-bit, has alpha, or is no image.
        ValueError: `image_size` or `channels` is out of range.

    Example:
        >>> prepare_frame(
        ...     np.zeros((8, 8, 3), np.uint8), image_size=(4, 6), channels=1
        ... ).shape
        (4, 6, 1)
    """
    _check_target(image_size, channels)
    problem = _frame_problem(frame)
    if problem:
        raise VideoError(f"frame: {problem}")
    grey = frame.ndim == 2 or frame.shape[2] == 1
    if grey:
        frame = frame.reshape(frame.shape[:2])
        if channels == 3:
            frame = cv2.cvtColor(frame, cv2.COLOR_GRAY2RGB)
    elif channels == 3:
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)
    else:
        frame = cv2.cvtColor(frame, cv2.COLOR_BGR2GRAY)
    if image_size is not None and frame.shape[:2] != tuple(image_size):
        height, width = image_size
        shrinks = height <= frame.shape[0] and width <= frame.shape[1]
        method = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        frame = cv2.resize(frame, (width, height), interpolation=method)
    return np.ascontiguousarray(frame).reshape(*frame.shape[:2], channels)


def resize_map(values: np.ndarray, size: tuple[int, ...]) -> np.ndarray:
    """Stretch a low-resolution map over a frame, linear in between.

    Args:
        values: (h, w), such as the model's anomaly map.
        size: (height, width) of the frame.

    Returns:
        float32 (height, width).

    Example:
        >>> resize_map(np.eye(2), (4, 4)).shape
        (4, 4)
    """
    height, width = size
    values = np.ascontiguousarray(values, np.float32)
    return cv2.resize(values, (width, height), interpolation=cv2.INTER_LINEAR)


def read_image(path: PathLike) -> np.ndarray:
    """Read one 8-bit image.

    Args:
        path: an image file.

    Returns:
        uint8 (H, W, 3) RGB, or (H, W) where the file is grey.

    Raises:
        VideoError: missing, damaged, 16-bit or with alpha.
    """
    image = _read_raw(Path(path))
    if image.ndim == 2 or image.shape[2] == 1:
        return image.reshape(image.shape[:2])
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)


def write_image(path: PathLike, image: np.ndarray) -> Path:
    """Write one image, whole or not at all.

    Args:
        path: the target; its suffix names the format (.png, .tif, .jpg, ...).
        image: uint8 (H, W, 3) RGB, or grey (H, W) or (H, W, 1).

    Returns:
        The path written.

    Raises:
        ValueError: an unknown suffix.
        VideoError: an array that is no 8-bit image.
    """
    path = Path(path)
    if path.suffix.lower() not in IMAGE_SUFFIXES:
        raise ValueError(
            f"write_image expects a suffix among {sorted(IMAGE_SUFFIXES)}. "
            f"Received: path={str(path)!r}"
        )
    data = encode_image(image, suffix=path.suffix.lower())
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)
    return path


def encode_image(image: np.ndarray, *, suffix: str = ".jpg") -> bytes:
    """Return one image as the content of a file.

    Args:
        image: uint8 (H, W, 3) RGB, or grey (H, W) or (H, W, 1).
        suffix: names the format (.png, .tif, .jpg, ...).

    Raises:
        VideoError: an array that is no 8-bit image.
        DataError: a format that OpenCV cannot write here.
    """
    ok, data = cv2.imencode(suffix, _to_bgr(image))
    if not ok:
        raise DataError(f"OpenCV cannot encode this image as {suffix}.")
    return data.tobytes()


def _to_bgr(image: np.ndarray) -> np.ndarray:
    problem = _frame_problem(image)
    if problem:
        raise VideoError(f"image: {problem}")
    if image.ndim == 3 and image.shape[2] == 3:
        return cv2.cvtColor(image, cv2.COLOR_RGB2BGR)
    return np.ascontiguousarray(image.reshape(image.shape[:2]))


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
            bgr = _to_bgr(frame)
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
