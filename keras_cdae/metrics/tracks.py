"""Ground-truth regions from pixel masks, linked over frames to tracks."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# Pixels that touch at a corner are of one region.
NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class Region:
    """One connected piece of a frame's mask.

    Attributes:
        frame: its frame, as the masks are numbered.
        track: number of its track within the video, from 0.
        top: its first row.
        left: its first column.
        mask: bool (height, width), its pixels within its bounding box.
    """

    frame: int
    track: int
    top: int
    left: int
    mask: np.ndarray

    @property
    def area(self) -> int:
        """Number of its pixels."""
        return int(self.mask.sum())


def mask_regions(masks: np.ndarray) -> list[Region]:
    """Find the regions of one video's masks and link them to tracks.

    Masks name no tracks, so they are made: of all pairs of regions in
    consecutive frames, those that share the most pixels are linked first, and
    every region is linked to at most one before and one after it. What has no
    region before it begins a track. Where two regions melt together, the
    larger overlap goes on and the other track ends; where one falls apart,
    the rest is a new track; a frame without a region ends a track.

    Args:
        masks: (frames, H, W), not 0 where anomalous.

    Returns:
        The regions, frame by frame.

    Raises:
        ValueError: if `masks` is not 3-D.

    Example:
        >>> masks = np.zeros((2, 4, 6), np.uint8)
        >>> masks[:, 1:3, :2] = 1
        >>> masks[1, 1:3, 4:] = 1
        >>> [(r.frame, r.track, r.area) for r in mask_regions(masks)]
        [(0, 0, 4), (1, 0, 4), (1, 1, 4)]
    """
    if masks.ndim != 3:
        raise ValueError(
            "`masks` must be (frames, height, width). "
            f"Received: shape {masks.shape}"
        )
    regions: list[Region] = []
    before = np.zeros(masks.shape[1:], np.int64)
    tracks = np.empty(0, np.int64)  # of the regions in `before`
    count = 0
    for frame, mask in enumerate(masks):
        labels, found = ndimage.label(mask != 0, NEIGHBOURS)
        now = np.full(found, -1, np.int64)
        for old, new in _links(before, labels):
            now[new] = tracks[old]
        begun = np.flatnonzero(now < 0)
        now[begun] = count + np.arange(begun.size)
        count += begun.size
        regions += _cut_out(frame, labels, now)
        before, tracks = labels, now
    return regions


def draw_regions(
    regions: Iterable[Region], shape: tuple[int, ...]
) -> np.ndarray:
    """Return the masks that `mask_regions` was given.

    Args:
        regions: of one video.
        shape: (frames, H, W).

    Returns:
        Bool array of that shape.
    """
    masks = np.zeros(shape, bool)
    for region in regions:
        height, width = region.mask.shape
        rows = slice(region.top, region.top + height)
        columns = slice(region.left, region.left + width)
        masks[region.frame, rows, columns] |= region.mask
    return masks


def _links(before: np.ndarray, now: np.ndarray) -> list[tuple[int, int]]:
    """Return (old, new), both from 0: one to one, the largest first."""
    both = (before > 0) & (now > 0)
    pairs, sizes = np.unique(
        np.stack([before[both], now[both]], axis=1), axis=0, return_counts=True
    )
    links: list[tuple[int, int]] = []
    taken: tuple[set[int], set[int]] = (set(), set())
    for place in np.argsort(-sizes, kind="stable"):
        old, new = (int(label) - 1 for label in pairs[place])
        if old not in taken[0] and new not in taken[1]:
            links.append((old, new))
            taken[0].add(old)
            taken[1].add(new)
    return links


def _cut_out(
    frame: int, labels: np.ndarray, tracks: np.ndarray
) -> list[Region]:
    boxes = ndimage.find_objects(labels)
    return [
        Region(
            frame=frame,
            track=int(tracks[index]),
            top=box[0].start,
            left=box[1].start,
            mask=labels[box] == index + 1,
        )
        for index, box in enumerate(boxes)
    ]
