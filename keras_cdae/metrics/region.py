"""RBDC and TBDC: are the regions and the tracks of anomalies found?"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import ndimage
from sklearn.metrics import auc

from keras_cdae.data.images import resize_map
from keras_cdae.metrics.tracks import NEIGHBOURS, Region

ALPHA = 0.1
BETA = 0.1
SCALE = 5  # cells of the grid to one value of the map, each way; odd
STEPS = 50  # thresholds to a false positive a frame, and over all sizes
CHUNK = 25  # thresholds for which a video's maps are stretched once
# Corners connect within a frame; frames do not connect.
WITHIN_FRAMES = np.stack([0 * NEIGHBOURS, NEIGHBOURS, 0 * NEIGHBOURS])


@dataclass(frozen=True, eq=False)
class RegionCurve:
    """What is found at each threshold, from the highest down.

    Attributes:
        thresholds: (n,), falling.
        false_positives: (n,), false positive regions a frame.
        region_rate: (n,), share of the ground-truth regions that are found.
        track_rate: (n,), share of the tracks that are found.
    """

    thresholds: np.ndarray
    false_positives: np.ndarray
    region_rate: np.ndarray
    track_rate: np.ndarray


def region_metrics(
    maps: Sequence[np.ndarray],
    regions: Sequence[Sequence[Region]],
    sizes: Sequence[tuple[int, ...]],
    *,
    alpha: float = ALPHA,
    beta: float = BETA,
) -> dict[str, Any]:
    """Region- and track-based detection criteria of Ramachandra and Jones.

    As in "Street Scene" (WACV 2020), section 4: at a threshold `t`, connected
    pixels with `map >= t` are a detected region. A ground-truth region is
    found if its intersection over union with a detected region of its frame
    is at least beta; a track, if at least the share alpha of its regions is.
    A detected region that finds none is a false positive. RBDC and TBDC are
    the areas under the share of regions and of tracks that are found, over
    the false positive regions a frame from 0 to 1.

    What the paper leaves open: at a lower threshold regions grow and melt
    together, so that neither rate need rise. The curve is followed from the
    highest threshold down to the first with more than one false positive a
    frame (see `region_curve`); its value is the best rate up to there within
    that many false positives, and it stays at its last value if one a frame
    is never reached.

    Args:
        maps: one array (frames, h, w) a video, higher = more anomalous.
        regions: the ground truth of each video, from `mask_regions`.
        sizes: the size (H, W) of each video's masks.
        alpha: share of a track's regions.
        beta: least intersection over union.

    Returns:
        `rbdc` and `tbdc` in [0, 1], None without regions, and the numbers
        `regions`, `tracks` and `thresholds`.

    Raises:
        ValueError: if the lists do not match or a parameter is out of range.
    """
    curve = region_curve(maps, regions, sizes, alpha=alpha, beta=beta)
    known = any(map(len, regions))
    return {
        "rbdc": _area(curve, curve.region_rate) if known else None,
        "tbdc": _area(curve, curve.track_rate) if known else None,
        "regions": sum(map(len, regions)),
        "tracks": sum(map(_count_tracks, regions)),
        "thresholds": int(curve.thresholds.size),
    }


def region_curve(
    maps: Sequence[np.ndarray],
    regions: Sequence[Sequence[Region]],
    sizes: Sequence[tuple[int, ...]],
    *,
    alpha: float = ALPHA,
    beta: float = BETA,
) -> RegionCurve:
    """Count what is found from the highest threshold to one false positive.

    Maps are stretched to a grid five times as fine as they are, linear in
    between, and regions detected on its cells; masks keep their own
    resolution, as the area that they cover of each cell. An odd factor keeps
    the height of every peak. On five videos of Ped2, factors 3, 5 and 7 gave
    RBDC 24.6, 24.2 and 24.0, TBDC 46.6, 44.6 and 44.8; twice the thresholds
    moved them by less than 0.3.

    Thresholds follow from the maps alone. Every detected region holds a local
    maximum. Of all local maxima, in falling order, every n-th is a threshold,
    n being a fiftieth of the number of frames: between two of them, the false
    positives a frame rise by no more than 0.02. Fifty further ones stand where
    the detected area has grown by equal factors, from the highest value to
    the lowest. The last is the first with more than one false positive a
    frame.

    Args:
        maps: as in `region_metrics`.
        regions: as in `region_metrics`.
        sizes: as in `region_metrics`.
        alpha: as in `region_metrics`.
        beta: as in `region_metrics`.

    Returns:
        The rates; those of regions and tracks are 0 where there are none.

    Raises:
        ValueError: as `region_metrics`.
    """
    maps = [_as_maps(video) for video in maps]
    _check(maps, regions, sizes, alpha, beta)
    truths = [
        _Truth.of(found, _grid(video), size)
        for video, found, size in zip(maps, regions, sizes, strict=True)
    ]
    frames = sum(map(len, maps))
    thresholds = _thresholds(maps)
    rows: list[list[int]] = []
    for start in range(0, thresholds.size, CHUNK):
        chunk = thresholds[start : start + CHUNK]
        counts = np.zeros((chunk.size, 3), np.int64)
        for video, truth in zip(maps, truths, strict=True):
            fine = _stretch(video)  # one video at a time
            counts += [truth.count(fine, t, alpha, beta) for t in chunk]
        rows += counts.tolist()
        if (counts[:, 0] > frames).any():
            break
    table = np.array(rows, np.float64).reshape(-1, 3)
    beyond = np.flatnonzero(table[:, 0] > frames)
    stop = beyond[0] + 1 if beyond.size else len(table)
    totals = (sum(map(len, regions)), sum(map(_count_tracks, regions)))
    return RegionCurve(
        thresholds=thresholds[:stop],
        false_positives=table[:stop, 0] / frames,
        region_rate=table[:stop, 1] / max(totals[0], 1),
        track_rate=table[:stop, 2] / max(totals[1], 1),
    )


@dataclass(frozen=True, eq=False)
class _Truth:
    """The regions of one video, as the area that they cover of grid cells."""

    areas: np.ndarray  # (regions,), in cells
    tracks: np.ndarray  # (regions,)
    owner: np.ndarray  # (entries,): the region,
    frame: np.ndarray  # its frame,
    cell: np.ndarray  # the cell of the frame,
    covered: np.ndarray  # and how much of the cell is the region's

    @classmethod
    def of(
        cls,
        regions: Sequence[Region],
        grid: tuple[int, int],
        size: tuple[int, ...],
    ) -> "_Truth":
        rows, columns = (
            _coverage(cells, pixels)
            for cells, pixels in zip(grid, size, strict=True)
        )
        entries = [
            _cells(index, region, rows, columns)
            for index, region in enumerate(regions)
        ]
        table = np.concatenate([np.empty((4, 0)), *entries], axis=1)
        owner, frame, cell = table[:3].astype(np.int64)
        return cls(
            areas=np.bincount(owner, table[3], minlength=len(regions)),
            tracks=np.array([r.track for r in regions], np.int64),
            owner=owner,
            frame=frame,
            cell=cell,
            covered=table[3],
        )

    def count(
        self, maps: np.ndarray, threshold: float, alpha: float, beta: float
    ) -> tuple[int, int, int]:
        """Return false positives, found regions and found tracks."""
        active = maps.max(axis=(1, 2)) >= threshold
        if not active.any():
            return 0, 0, 0
        labels, detected = ndimage.label(
            maps[active] >= threshold, WITHIN_FRAMES
        )
        sizes = np.bincount(labels.reshape(-1), minlength=detected + 1)
        seen = active[self.frame]
        row = (np.cumsum(active) - 1)[self.frame[seen]]
        touched = labels.reshape(len(labels), -1)[row, self.cell[seen]]
        pairs, entry = np.unique(
            self.owner[seen] * (detected + 1) + touched, return_inverse=True
        )
        common = np.bincount(entry, self.covered[seen], minlength=pairs.size)
        region, label = np.divmod(pairs, detected + 1)
        union = self.areas[region] + sizes[label] - common
        good = (label > 0) & (common >= (beta - 1e-9) * union)
        found = np.unique(region[good])
        false_positives = detected - np.unique(label[good]).size
        wanted = alpha * np.bincount(self.tracks) - 1e-9
        per_track = np.bincount(self.tracks[found], minlength=wanted.size)
        tracks = np.count_nonzero((per_track >= wanted) & (per_track > 0))
        return false_positives, found.size, int(tracks)


def _cells(
    index: int, region: Region, rows: np.ndarray, columns: np.ndarray
) -> np.ndarray:
    """Return one region's entries, (4, n): owner, frame, cell, covered."""
    height, width = region.mask.shape
    down = rows[:, region.top : region.top + height]
    across = columns[:, region.left : region.left + width]
    covered = down @ region.mask.astype(np.float64) @ across.T
    cell = np.flatnonzero(covered > 1e-12)
    return np.stack(
        [
            np.full(cell.size, index),
            np.full(cell.size, region.frame),
            cell,
            covered.reshape(-1)[cell],
        ]
    )


def _coverage(cells: int, pixels: int) -> np.ndarray:
    """Return (cells, pixels): the part of a cell's side that a pixel is."""
    edges = np.linspace(0.0, pixels, cells + 1)
    pixel = np.arange(pixels)
    above = np.maximum(edges[:-1, None], pixel)
    below = np.minimum(edges[1:, None], pixel + 1)
    return np.maximum(below - above, 0.0) * cells / pixels


def _grid(maps: np.ndarray) -> tuple[int, int]:
    return SCALE * maps.shape[1], SCALE * maps.shape[2]


def _stretch(maps: np.ndarray) -> np.ndarray:
    return np.stack([resize_map(m, _grid(maps)) for m in maps])


def _thresholds(maps: Sequence[np.ndarray]) -> np.ndarray:
    """Return falling thresholds; see `region_curve`."""
    frames = sum(map(len, maps))
    peaks = -np.sort(-np.concatenate(list(map(_peaks, maps))))
    step = max(1, frames // STEPS)
    values = -np.sort(-np.concatenate([m.reshape(-1) for m in maps]))
    ranks = np.geomspace(1, values.size, STEPS).round().astype(np.int64) - 1
    chosen = [peaks[step - 1 :: step], peaks[-1:], values[ranks]]
    return np.unique(np.concatenate(chosen))[::-1]


def _peaks(maps: np.ndarray) -> np.ndarray:
    """Return the local maxima of one video's maps, (n,).

    Linear interpolation adds none, and an odd scale keeps their height.
    """
    highest = ndimage.maximum_filter(maps, size=(1, 3, 3), mode="nearest")
    return maps[maps == highest]


def _area(curve: RegionCurve, rate: np.ndarray) -> float:
    """Return the area under the best rate, false positives from 0 to 1."""
    order = np.argsort(curve.false_positives, kind="stable")
    positives = np.concatenate([[0.0], curve.false_positives[order]])
    best = np.maximum.accumulate(np.concatenate([[0.0], rate[order]]))
    at_one = np.interp(1.0, positives, best)  # flat where it ends before
    inside = positives < 1.0
    return float(
        auc(
            np.concatenate([positives[inside], [1.0]]),
            np.concatenate([best[inside], [at_one]]),
        )
    )


def _count_tracks(regions: Iterable[Region]) -> int:
    return len({region.track for region in regions})


def _as_maps(video: np.ndarray) -> np.ndarray:
    array = np.asarray(video)
    # OpenCV stretches no float16.
    return array.astype(np.float32) if array.dtype == np.float16 else array


def _check(
    maps: Sequence[np.ndarray],
    regions: Sequence[Sequence[Region]],
    sizes: Sequence[tuple[int, ...]],
    alpha: float,
    beta: float,
) -> None:
    if not len(maps) == len(regions) == len(sizes) or not len(maps):
        raise ValueError(
            "`maps`, `regions` and `sizes` must hold one entry for every "
            f"video, and at least one. Received: {len(maps)}, {len(regions)} "
            f"and {len(sizes)} entries"
        )
    for name, value in (("alpha", alpha), ("beta", beta)):
        if not 0 < value <= 1:
            raise ValueError(
                f"`{name}` must lie in (0, 1]. Received: {name}={value!r}"
            )
    for index, problem in _problems(maps, regions, sizes):
        raise ValueError(f"Video {index} (counted from 0): {problem}")


def _lies_in(region: Region, size: tuple[int, ...]) -> bool:
    height, width = region.mask.shape
    return region.top + height <= size[0] and region.left + width <= size[1]


def _problems(
    maps: Sequence[np.ndarray],
    regions: Sequence[Sequence[Region]],
    sizes: Sequence[tuple[int, ...]],
) -> Iterator[tuple[int, str]]:
    rows = zip(maps, regions, sizes, strict=True)
    for index, (video, found, size) in enumerate(rows):
        if len(size) != 2:
            yield index, f"`sizes` are (H, W). Received: {tuple(size)}"
        elif not all(_lies_in(region, size) for region in found):
            yield index, f"`regions` lie outside of its size {tuple(size)}"
        if video.ndim != 3 or not video.size or not np.isfinite(video).all():
            yield (
                index,
                "`maps` must be (frames, h, w), finite and not empty. "
                f"Received: shape {video.shape}",
            )
        if not all(0 <= region.frame < len(video) for region in found):
            yield index, f"`regions` lie beyond its {len(video)} maps"
