"""The frame cache: every video is decoded once, to uint8 on disk.

Epochs then read a memory map, so that data larger than memory works. One
video is two files, `KEY.npy` and `KEY.json`; the second is written last, and
only both together count.
"""

import dataclasses
import hashlib
import json
import logging
import math
import os
import shutil
import struct
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from keras_cdae.data import video as video_module
from keras_cdae.data.damage import warn_if_truncated, warn_of_damage
from keras_cdae.data.finding import PathLike, frame_files
from keras_cdae.data.images import RESIZE_METHOD
from keras_cdae.data.video import VideoInfo, video_info
from keras_cdae.errors import DataError, VideoError
from keras_cdae.files import atomic_path, write_json

logger = logging.getLogger(__name__)

CACHE_VERSION = 2
_HEADER_SIZE = 128  # bytes; .npy wants a multiple of 64
_STALE_SECONDS = 24 * 3600
_WORKERS = 4


@dataclass(frozen=True)
class CachedVideo:
    """One decoded video in the cache.

    It pickles small and holds no file open; `frames` opens the map.

    Attributes:
        name: how reports call the video.
        path: the video file or frame folder that it was read from.
        file: the `.npy` file in the cache.
        shape: (N, H, W, C).
        fps: frames per second; `None` where unknown.
        missing_frames: how many frames fewer than the container claims could
            be decoded: more than a few mean a truncated file.
        damage: how many frames are damaged, for which the one before stands,
            and the number of the first; None: none is.
    """

    name: str
    path: Path
    file: Path
    shape: tuple[int, int, int, int]
    fps: float | None = None
    missing_frames: int = 0
    damage: tuple[int, int] | None = None

    @property
    def frames(self) -> np.memmap:
        """The frames, a read-only uint8 memory map (N, H, W, C).

        Opened at every access: keep it in a variable inside a loop.

        Raises:
            DataError: if the file is no longer there, or no longer whole.
        """
        try:
            return _open(self.file, self.shape)
        except (OSError, ValueError) as error:
            raise DataError(
                f"{self.file}: the decoded frames of {self.name} are gone "
                f"({getattr(error, 'strerror', None) or error}). Start again: "
                "they are decoded anew; a training goes on with --resume."
            ) from error

    def __len__(self) -> int:
        return self.shape[0]


def default_cache_dir() -> Path:
    """Return `$KERAS_CDAE_CACHE`, or `keras_cdae/frames` in the user's cache.

    The user's cache is `$XDG_CACHE_HOME`, else `~/.cache`.
    """
    own = os.environ.get("KERAS_CDAE_CACHE")
    if own:
        return Path(own).expanduser()
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "keras_cdae" / "frames"


def cache_video(
    path: PathLike,
    *,
    image_size: tuple[int, int] | None,
    channels: int,
    cache_dir: PathLike | None = None,
    name: str | None = None,
) -> CachedVideo:
    """Decode a video into the cache, or find it there.

    Memory stays at one frame. A changed file, size or number of channels is
    decoded anew. Processes that cache one video at the same time both finish
    with the same whole file.

    Args:
        path: a video file or a folder of frames.
        image_size: (height, width), or `None` to keep the size.
        channels: 3 for RGB, 1 for luma.
        cache_dir: `None` for `default_cache_dir()`.
        name: how reports call the video; `None` for the file's stem.

    Returns:
        The decoded video.

    Raises:
        VideoError: the video cannot be read.
        DataError: the cache cannot be written (a full disk, no permission).
    """
    return _cache(
        path, image_size, channels, cache_dir, name, threading.Event()
    )


def cache_videos(
    paths: Sequence[PathLike],
    *,
    image_size: tuple[int, int] | None,
    channels: int,
    cache_dir: PathLike | None = None,
    names: Sequence[str] | None = None,
    progress: Callable[[int, int, str], None] | None = None,
    on_error: str = "raise",
) -> list[CachedVideo]:
    """Decode several videos into the cache, a few at a time.

    Args:
        paths: video files or folders of frames.
        image_size: (height, width), or `None` to keep the size.
        channels: 3 for RGB, 1 for luma.
        cache_dir: `None` for `default_cache_dir()`.
        names: one a video; `None` for the files' stems.
        progress: called as `progress(done, total, name)` after each video.
        on_error: `"raise"`, or `"warn"` to leave out, with a logged warning,
            a video that cannot be read.

    Returns:
        The videos in the order of `paths`.

    Raises:
        VideoError: a video cannot be read (with `"warn"`: none can).
        DataError: the cache cannot be written.
        ValueError: `names` of another length, or an unknown `on_error`.
    """
    if on_error not in ("raise", "warn"):
        raise ValueError(
            f"on_error must be 'raise' or 'warn'. Received: {on_error=}"
        )
    if names is not None and len(names) != len(paths):
        raise ValueError(
            f"names must be as many as paths ({len(paths)}). "
            f"Received: {len(names)} names"
        )
    labels = list(names) if names is not None else [_name(p) for p in paths]
    cancelled = threading.Event()
    with ThreadPoolExecutor(min(_WORKERS, max(1, len(paths)))) as pool:
        futures = [
            pool.submit(
                _cache, path, image_size, channels, cache_dir, label, cancelled
            )
            for path, label in zip(paths, labels, strict=True)
        ]
        try:
            return _collect(futures, labels, progress, on_error == "warn")
        except BaseException:
            cancelled.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def cache_derived(
    video: CachedVideo,
    tag: str,
    make: Callable[[np.ndarray], Iterator[np.ndarray]],
) -> CachedVideo:
    """Keep what is computed of a video's frames, or find it kept.

    Args:
        video: a video in the cache; the file goes beside its own.
        tag: names what is computed, and its version.
        make: all frames (N, H, W, C) to as many derived ones, uint8, by a
            generator.

    Returns:
        The derived video.

    Raises:
        DataError: the cache cannot be written.
    """
    file = video.file.with_name(f"{video.file.stem}-{tag}.npy")
    found = _lookup(file, video.path, video.name)
    if found is not None:
        return found
    try:
        with atomic_path(file) as temporary, temporary.open("wb") as out:
            shape = _write_frames(out, make(video.frames), threading.Event())
        facts: dict[str, Any] = {
            "path": str(video.path.resolve()),
            "shape": list(shape),
            "fps": video.fps,
            "missing_frames": video.missing_frames,
            "damage": video.damage,
        }
        write_json(file.with_suffix(".json"), facts)
    except OSError as error:
        raise DataError(
            f"{file.parent}: cannot write what was computed of the frames "
            f"({error.strerror}). Free some space, or name another folder with "
            "--cache-dir."
        ) from error
    return dataclasses.replace(video, file=file, shape=shape)


def _collect(
    futures: list[Future[CachedVideo]],
    names: list[str],
    progress: Callable[[int, int, str], None] | None,
    tolerant: bool,
) -> list[CachedVideo]:
    """Results in order; progress as they come; the first error raised."""
    pending = set(futures)
    position = {future: i for i, future in enumerate(futures)}
    errors: list[VideoError] = []
    done_count = 0
    while pending:
        done, pending = wait(pending, timeout=0.2, return_when=FIRST_EXCEPTION)
        for future in sorted(done, key=position.__getitem__):
            error = future.exception()
            if isinstance(error, VideoError) and tolerant:
                logger.warning("left out: %s", error)
                errors.append(error)
            elif error is not None:
                raise error
            done_count += 1
            if progress is not None:
                progress(done_count, len(futures), names[position[future]])
    if errors and len(errors) == len(futures):
        raise VideoError(
            f"none of {len(futures)} videos can be read. The first: {errors[0]}"
        )
    return [f.result() for f in futures if f.exception() is None]


def _name(path: PathLike) -> str:
    path = Path(path)
    return path.name if path.is_dir() else path.stem


def _cache(
    path: PathLike,
    image_size: tuple[int, int] | None,
    channels: int,
    cache_dir: PathLike | None,
    name: str | None,
    cancelled: threading.Event,
) -> CachedVideo:
    source = Path(path)
    folder = Path(cache_dir) if cache_dir is not None else default_cache_dir()
    file = folder / f"{_key(source, image_size, channels)}.npy"
    name = name if name is not None else _name(source)
    found = _lookup(file, source, name)
    if found is not None:
        warn_if_truncated(source, len(found), len(found) + found.missing_frames)
        if found.damage is not None:
            warn_of_damage(source, *found.damage)
        return found
    info = video_info(source)
    try:
        _prepare_folder(folder, info, image_size, channels)
        return _decode(
            source, file, name, info, image_size, channels, cancelled
        )
    except OSError as error:
        raise DataError(
            f"{folder}: cannot write decoded frames ({error.strerror}). Free "
            "some space, or name another folder with --cache-dir."
        ) from error


def _key(path: Path, image_size: tuple[int, int] | None, channels: int) -> str:
    """Hash of all that decides the decoded frames."""
    if not path.exists():
        raise VideoError(f"{path}: no such file or folder. Check the path.")
    files = frame_files(path) if path.is_dir() else [path]
    stats = [(file.name, file.stat()) for file in files]
    identity = [
        str(path.resolve()),
        [[name, stat.st_size, stat.st_mtime_ns] for name, stat in stats],
        list(image_size) if image_size is not None else None,
        channels,
        RESIZE_METHOD,
        CACHE_VERSION,
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:32]


def _lookup(file: Path, source: Path, name: str) -> CachedVideo | None:
    """The cached video if both of its files are there and agree."""
    try:
        facts = json.loads(file.with_suffix(".json").read_text("utf-8"))
        shape = tuple(facts["shape"])
        if not _is_whole(file, shape):
            return None
        fps, missing = facts["fps"], facts["missing_frames"]
        damage = facts["damage"] and tuple(facts["damage"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return CachedVideo(name, source, file, shape, fps, missing, damage)


def _is_whole(file: Path, shape: tuple[int, ...]) -> bool:
    """Whether the file holds an array of this shape, and nothing else."""
    with file.open("rb") as stream:
        header = stream.read(_HEADER_SIZE)
    size = _HEADER_SIZE + math.prod(shape)
    return header == _npy_header(shape) and file.stat().st_size == size


def _open(file: Path, shape: tuple[int, ...]) -> np.memmap:
    # Not np.load, which parses the header by `ast`: in several threads at
    # once that raises SystemError now and then (seen in Python 3.11), and a
    # pipeline gathers clips in several threads.
    return np.memmap(file, np.uint8, "r", offset=_HEADER_SIZE, shape=shape)


def _prepare_folder(
    folder: Path,
    info: VideoInfo,
    image_size: tuple[int, int] | None,
    channels: int,
) -> None:
    """Make the folder, clear what killed runs left, and see what is free."""
    folder.mkdir(parents=True, exist_ok=True)
    for left in folder.glob(".*.npy"):
        try:
            if time.time() - left.stat().st_mtime > _STALE_SECONDS:
                left.unlink()
        except FileNotFoundError:
            continue
    height, width = image_size or (info.height, info.width)
    need = info.frames * height * width * channels
    free = shutil.disk_usage(folder).free
    if need > free:
        raise DataError(
            f"{folder}: {info.path.name} needs {need / 1e9:.1f} GB of decoded "
            f"frames, {free / 1e9:.1f} GB are free. Free some space, or name "
            "another folder with --cache-dir."
        )


def _decode(
    source: Path,
    file: Path,
    name: str,
    info: VideoInfo,
    image_size: tuple[int, int] | None,
    channels: int,
    cancelled: threading.Event,
) -> CachedVideo:
    damage: list[tuple[int, int]] = []  # one, or none
    frames = video_module.read_frames(
        source,
        image_size=image_size,
        channels=channels,
        on_damage=lambda count, first: damage.append((count, first)),
    )
    with atomic_path(file) as temporary, temporary.open("wb") as out:
        shape = _write_frames(out, frames, cancelled)
        out.flush()
    missing = max(0, info.frames - shape[0])
    found = damage[0] if damage else None
    facts: dict[str, Any] = {
        "path": str(source.resolve()),
        "shape": list(shape),
        "fps": info.fps,
        "missing_frames": missing,
        "damage": found,
    }
    write_json(file.with_suffix(".json"), facts)
    return CachedVideo(name, source, file, shape, info.fps, missing, found)


def _write_frames(
    out: BinaryIO, frames: Any, cancelled: threading.Event
) -> tuple[int, int, int, int]:
    """A .npy file whose length is known only at the end."""
    out.write(b"\0" * _HEADER_SIZE)
    count = 0
    size: tuple[int, ...] = ()
    try:
        for frame in frames:
            if cancelled.is_set():
                raise VideoError("decoding was cancelled")
            out.write(frame.data)
            size = frame.shape
            count += 1
    finally:
        frames.close()
    shape = (count, *size)
    out.seek(0)
    out.write(_npy_header(shape))
    return shape  # type: ignore[return-value]


def _npy_header(shape: tuple[int, ...]) -> bytes:
    """Version 1.0 of the format, padded with spaces as it allows."""
    text = repr({"descr": "|u1", "fortran_order": False, "shape": shape})
    body = text.encode("latin1").ljust(_HEADER_SIZE - 11) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(body)) + body
