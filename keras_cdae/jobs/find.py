"""Which videos a user means, and a name of its own for each."""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from keras_cdae.data.finding import (
    VIDEO_SUFFIXES,
    find_videos,
    is_video,
    natural_key,
)
from keras_cdae.errors import DataError
from keras_cdae.jobs.outcome import Failure
from keras_cdae.jobs.record import VIDEO_SUFFIX

logger = logging.getLogger(__name__)

# A video, and how many parts of its path its name has at the least.
Found = tuple[Path, int]


def find_all(
    paths: Iterable[Path], *, output: Path
) -> tuple[list[Found], list[Failure]]:
    """Find the videos at and below some paths, each once.

    Args:
        paths: video files, folders of frames, and folders of either at any
            depth.
        output: where results go: nothing in it is taken for input, and
            neither is an annotated video anywhere.

    Returns:
        The videos in natural order, and the paths that hold none.
    """
    found: dict[Path, Found] = {}
    failures = []
    for path in paths:
        absolute = path.expanduser().absolute()
        try:
            videos = list(_below(absolute, output.absolute()))
            if not videos:
                find_videos(path.expanduser())  # says what is wrong
                raise DataError(f"{path}: nothing in it but our own results.")
        except (DataError, OSError) as error:
            failures.append(Failure(path, str(error)))
            continue
        base = 0 if videos == [absolute] else len(absolute.parts)
        for video in videos:
            size = len(video.parts) - base if base else 1
            own = video.resolve()
            if own not in found:
                found[own] = video, size
                continue
            # Named by the file itself, not by a link to it.
            first = found[own]
            if first[0] != own and video == own:
                found[own] = video, size
            if first[0] != video:
                logger.warning(
                    "%s and %s are one video, which is scored once: as %s.",
                    first[0],
                    video,
                    found[own][0],
                )
    return list(found.values()), failures


def unique_names(
    found: list[Found], *, taken: Callable[[str, Path], bool]
) -> list[str]:
    """Name videos by the ends of their paths, as short as can be.

    Videos of one name get the folders above them before it, and, beside each
    other, keep their suffixes. Control characters become `_`.

    Args:
        found: from `find_all`.
        taken: tells whether a name belongs to another video already.

    Returns:
        Names such as `cam1` or `monday/cam1`, one a video.
    """
    bare = [_bare(path) for path, _ in found]
    times = Counter(bare)
    whole = [
        path if times[short] > 1 else short
        for (path, _), short in zip(found, bare, strict=True)
    ]
    sizes = [size for _, size in found]
    while True:
        names = [
            _tail(path, size) for path, size in zip(whole, sizes, strict=True)
        ]
        times_named = Counter(names)
        clashing = [
            i
            for i, name in enumerate(names)
            if times_named[name] > 1 or taken(name, found[i][0])
        ]
        growing = [i for i in clashing if sizes[i] < len(whole[i].parts) - 1]
        if not growing:
            break
        for i in growing:
            sizes[i] += 1
    for i in clashing:  # nothing is left to tell them apart by
        digest = hashlib.sha256(str(found[i][0]).encode()).hexdigest()
        names[i] = f"{names[i]}-{digest[:8]}"
    return names


def _below(path: Path, output: Path) -> Iterator[Path]:
    if is_video(path):
        yield path
    elif path.is_dir():
        for child in sorted(path.iterdir(), key=natural_key):
            if child.name.startswith(".") or child == output:
                continue
            if child.is_dir() and not child.name.endswith("_gt"):
                yield from _below(child, output)
            elif _is_input(child):
                yield child


def _is_input(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES and not path.name.endswith(
        VIDEO_SUFFIX
    )


def _bare(path: Path) -> Path:
    return path if path.is_dir() else path.with_suffix("")


def _tail(path: Path, parts: int) -> str:
    name = "/".join(path.parts[-parts:])
    return "".join(c if c.isprintable() else "_" for c in name)
