"""Frames of a file that cannot be decoded, and ends before the claimed one."""

import logging
from pathlib import Path

import cv2

from keras_cdae.data.finding import PathLike

logger = logging.getLogger(__name__)

# Containers often claim a frame or two too many; less than this is a loss.
COMPLETE_SHARE = 0.9
LONGEST_HOLE = 1000  # frames; what is damaged for longer has ended


def claimed_frames(capture: cv2.VideoCapture) -> int:
    """Return how many frames a file's header claims; 0 where it does not.

    Args:
        capture: of the file.
    """
    claimed = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    # Streams claim nonsense such as -9.2e16; hours at any rate stay below 1e9.
    return int(claimed) if 0 < claimed < 1e9 else 0


def grab_next(capture: cv2.VideoCapture, left: int) -> int | None:
    """Go to the next frame that can be decoded.

    Args:
        capture: of a file.
        left: frames that the file claims to have yet.

    Returns:
        How many frames before it are damaged; None at the end of the file.
    """
    if capture.grab():
        return 0
    for hole in range(1, min(left, LONGEST_HOLE)):
        if capture.grab():
            return hole
    return None


def warn_of_damage(
    path: PathLike, count: int, first: int, *, left_out: bool = False
) -> None:
    """Log a warning of frames that cannot be decoded amid others.

    Args:
        path: the file.
        count: how many.
        first: number of the first one.
        left_out: whether they are; else the frame before stands for each.
    """
    logger.warning(
        "%s: %d damaged frame%s, the first is number %d; %s, and scores about "
        "there mean little. Copy the file again.",
        path,
        count,
        "" if count == 1 else "s",
        first,
        "left out" if left_out else "the frame before stands for each",
    )


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
