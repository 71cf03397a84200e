"""Readers of single ground-truth files: nothing is evaluated or unpickled.

Intervals are integer arrays (n, 2) of frame numbers, 0-based, end exclusive,
whatever the file's own convention is.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import numpy.typing as npt

from keras_cdae.data.finding import natural_key
from keras_cdae.data.images import read_image
from keras_cdae.data.mat_files import read_cells
from keras_cdae.errors import LabelError, VideoError, shown

Intervals = npt.NDArray[np.int64]
"""Shape (n, 2): abnormal frames start..end-1, 0-based."""

Labels = npt.NDArray[np.uint8]
"""Shape (N,): 1 = anomalous."""

Masks = npt.NDArray[np.uint8]
"""Shape (N, h, w): 1 = anomalous pixel."""

MASK_SUFFIXES = frozenset({".bmp", ".png", ".tif", ".tiff"})  # lossless only
MAX_TEXT_BYTES = 64 * 2**20  # a label text beyond this is something else
MAX_FRAME = 10**9 - 1  # what nine digits hold; a year of video is less

# Of a line whose spaces are single ones: on long runs of them the time would
# grow with the square of their number.
_GT_LINE = re.compile(
    r"\w+ ?\{ ?(?:end ?\+ ?1|(?P<index>[0-9]{1,9})) ?\} ?\. ?gt_frame ?= ?"
    r"(?:\[(?P<list>[^\[\]]*)\]|(?P<one>[0-9: ]+)) ?[;,]? ?"
)
_GT_RANGE = re.compile(r"([0-9]{1,9})(?::([0-9]{1,9}))?")


def _fail(path: Path, what: str, step: str) -> NoReturn:
    raise LabelError(f"{path}: {shown(what, 200)}; {step}")


def read_ucsd_m(path: str | Path) -> list[Intervals]:
    """Read a UCSD `.m` list such as `UCSDped2.m` by regular expression.

    Args:
        path: the file, with one `TestVideoFile{end+1}.gt_frame = [61:180];`
            a video, 1-based and inclusive, with any number of ranges.

    Returns:
        One array (n, 2) a video, in the order of the file.

    Raises:
        LabelError: for a file that is not such a list.
    """
    path = Path(path)
    step = "take the .m file from the data set's Test folder again"
    videos: list[Intervals] = []
    for number, line in enumerate(_text(path).splitlines(), start=1):
        code = " ".join(line.split("%", 1)[0].split())
        if "gt_frame" not in code:
            continue
        match = _GT_LINE.fullmatch(code)
        if match is None:
            _fail(path, f"line {number} is not a gt_frame list", step)
        if match["index"] and int(match["index"]) != len(videos) + 1:
            _fail(path, f"line {number} is out of order", step)
        body = match["one"] if match["list"] is None else match["list"]
        ranges = _matlab_ranges(body)
        if ranges is None:
            _fail(path, f"line {number} holds other than whole ranges", step)
        videos.append(_one_based(ranges, path, f"line {number}"))
    if not videos:
        _fail(path, "no gt_frame list in it", step)
    return videos


def _matlab_ranges(body: str) -> list[tuple[int, int]] | None:
    """Parse `1:20, 40:60 70` into pairs; None where it is anything else."""
    compact = re.sub(r" ?: ?", ":", body.strip())
    pairs = []
    for item in re.split(r"[\s,;]+", compact) if compact else []:
        match = _GT_RANGE.fullmatch(item)
        if match is None:
            return None
        pairs.append((int(match[1]), int(match[2] or match[1])))
    return pairs


def _one_based(pairs: Any, path: Path, where: str) -> Intervals:
    """Turn 1-based inclusive pairs (n, 2) into 0-based half-open ones."""
    found = np.asarray(pairs, dtype=np.int64).reshape(-1, 2)
    for start, end in found.tolist():
        if start < 1 or start > end:
            what = f"{where} has the interval {start} to {end}"
            _fail(path, what, "frames count from 1, the start comes first")
    return found - np.array([1, 0])


def read_mat_intervals(path: str | Path) -> list[Intervals]:
    """Read a community file (`ped2.mat`, `avenue.mat`, `shanghaitech.mat`).

    Args:
        path: the file; its cell array `gt` holds one (2, n) array a video,
            first row starts and second row ends, 1-based and inclusive.

    Returns:
        One array (n, 2) a video, in the order of the file.

    Raises:
        LabelError: for a file that is not of this form.
    """
    path = Path(path)
    cells = _cells(path, "gt")
    videos = []
    for number, cell in enumerate(cells, start=1):
        where = f"video {number}"
        if cell.size == 0:
            videos.append(np.empty((0, 2), np.int64))
            continue
        if cell.ndim != 2 or cell.shape[0] != 2:
            what = f"gt of {where} has shape {cell.shape}"
            _fail(path, what, "expected (2, n): a row of starts, one of ends")
        whole = _whole_numbers(cell, path, f"gt of {where}")
        videos.append(_one_based(whole.T, path, where))
    return videos


def read_volume_masks(path: str | Path) -> Masks:
    """Read the masks of one of Avenue's official `N_label.mat` files.

    Args:
        path: the file; its cell array `volLabel` holds one mask a frame.

    Returns:
        uint8 (N, h, w), 1 where abnormal.

    Raises:
        LabelError: for a file that is not of this form.
    """
    path = Path(path)
    cells = _cells(path, "volLabel")
    shapes = {cell.shape for cell in cells}
    if len(shapes) != 1 or any(len(shape) != 2 for shape in shapes):
        what = f"the masks have the shapes {sorted(shapes)[:3]}"
        _fail(path, what, "expected one (h, w) for all: fetch it again")
    if any(cell.dtype.kind not in "buif" for cell in cells):
        _fail(path, "the masks hold no numbers", "fetch the file again")
    return np.stack([cell > 0 for cell in cells]).view(np.uint8)


def _cells(path: Path, name: str) -> list[npt.NDArray[Any]]:
    _check_file(path)
    return read_cells(path, name)


def read_frame_npy(path: str | Path) -> Labels:
    """Read frame labels, such as ShanghaiTech's `test_frame_mask/*.npy`.

    Args:
        path: a `.npy` of N zeros and ones, of any numeric type.

    Returns:
        uint8 (N,).

    Raises:
        LabelError: for another shape, other values, or a broken file.
    """
    path = Path(path)
    array = _npy(path)
    if array.ndim != 1:
        what = f"shape {array.shape}"
        _fail(path, what, "expected (frames,): one label a frame of one video")
    return _zeros_and_ones(array, path)


def read_pixel_npy(path: str | Path) -> Masks:
    """Open pixel masks, such as ShanghaiTech's `test_pixel_mask/*.npy`.

    Args:
        path: a `.npy` of (N, h, w), boolean or uint8.

    Returns:
        uint8 (N, h, w), 1 where abnormal; read from disk as it is used where
        the file's type allows.

    Raises:
        LabelError: for another shape or type, or a broken file.
    """
    path = Path(path)
    array = _npy(path)
    if array.ndim != 3 or array.dtype.kind not in "bui":
        what = f"shape {array.shape} of {array.dtype}"
        _fail(path, what, "expected whole numbers (frames, height, width)")
    if array.dtype == np.bool_:
        return array.view(np.uint8)
    return (array > 0).view(np.uint8)


def npy_dimensions(path: Path) -> int:
    """How many dimensions the array of a `.npy` has."""
    return _npy(path).ndim


def _npy(path: Path) -> npt.NDArray[Any]:
    _check_file(path)
    try:
        # Mapping holds the header's shape against the size of the file.
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except Exception as error:
        # A header is parsed as Python: garbage in it raises errors of many
        # kinds, RecursionError and zipfile's among them.
        what = "not a .npy file of plain numbers"
        raise LabelError(f"{path}: {what}; fetch the file again") from error
    if not isinstance(array, np.ndarray):
        array.close()
        _fail(path, "a .npz, not a .npy file", "save one array a file")
    return array


def read_mask_folder(path: str | Path) -> Masks:
    """Read a folder of mask pictures, such as UCSD's `Test001_gt`.

    Args:
        path: a folder of `.bmp`, `.png` or `.tif` masks, one a frame.

    Returns:
        uint8 (N, h, w), 1 where a mask is not black.

    Raises:
        LabelError: for an empty folder or masks of different sizes.
    """
    path = Path(path)
    files = mask_files(path)
    if not files:
        _fail(path, "no mask in the folder", "unpack the data set again")
    masks: list[npt.NDArray[Any]] = []
    for file in files:
        try:
            image = read_image(file)
        except VideoError as error:
            raise LabelError(str(error)) from error
        mask = np.atleast_3d(image).max(axis=-1) > 0
        if masks and mask.shape != masks[0].shape:
            what = f"size {mask.shape}, the first mask has {masks[0].shape}"
            _fail(file, what, "unpack the data set again")
        masks.append(mask)
    return np.stack(masks).view(np.uint8)


def mask_files(path: Path) -> list[Path]:
    """The mask pictures of a folder in the order of their numbers."""
    files = [
        file
        for file in path.iterdir()
        if file.suffix.lower() in MASK_SUFFIXES
        and not file.name.startswith(".")
    ]
    return sorted(files, key=natural_key)


def read_interval_csv(path: str | Path) -> dict[str, Intervals]:
    """Read the generic `labels.csv`.

    Args:
        path: the file; columns `video,start,end`, 0-based, end exclusive.

    Returns:
        An array (n, 2) for every video named in the file.

    Raises:
        LabelError: for a missing column, or a row that is no interval.
    """
    path = Path(path)
    found: dict[str, list[tuple[int, int]]] = {}
    for line, row in _rows(path, ("video", "start", "end")):
        start = _integer(row["start"], path, line)
        end = _integer(row["end"], path, line)
        if start < 0 or start >= end:
            what = f"line {line} has the interval {start} to {end}"
            _fail(path, what, "frames count from 0, the end is exclusive")
        found.setdefault(row["video"], []).append((start, end))
    return {
        video: np.asarray(pairs, np.int64).reshape(-1, 2)
        for video, pairs in found.items()
    }


def read_frame_csv(
    path: str | Path, column: str | None = None
) -> dict[str, Labels]:
    """Read a CSV with one row a frame: `video,frame,<label>[,<label>...]`.

    Args:
        path: the file; frames 0-based, all of them, in order.
        column: the label column; None: the first after `frame`.

    Returns:
        uint8 (N,) for every video in the file.

    Raises:
        LabelError: for a missing column, a gap, or other labels than 0 and 1.
    """
    path = Path(path)
    column = column or frame_csv_columns(path)[0]
    found: dict[str, list[int]] = {}
    for line, row in _rows(path, ("video", "frame", column)):
        labels = found.setdefault(row["video"], [])
        if _integer(row["frame"], path, line) != len(labels):
            what = f"line {line} is frame {row['frame']} of {row['video']}"
            _fail(path, what, f"expected frame {len(labels)}: give every one")
        labels.append(_integer(row[column], path, line))
    return {
        video: _zeros_and_ones(np.asarray(labels), path)
        for video, labels in found.items()
    }


def frame_csv_columns(path: Path) -> list[str]:
    """The label columns of a frame CSV; empty for an interval CSV."""
    header = csv_header(path)
    if header[:2] != ["video", "frame"]:
        return []
    return header[2:]


def csv_header(path: Path) -> list[str]:
    """The column names of a CSV file."""
    lines = _text(path).splitlines()
    try:
        return [name.strip() for name in next(csv.reader(lines[:1]), [])]
    except csv.Error as error:
        raise LabelError(f"{path}: {error}; fetch the file again") from error


def _rows(
    path: Path, columns: Sequence[str]
) -> Iterable[tuple[int, dict[str, str]]]:
    """Yield (line number, stripped values of `columns`) for each row."""
    lines = _text(path).splitlines()
    header = csv_header(path)
    missing = [name for name in columns if name not in header]
    if missing:
        what = f"no column {', '.join(missing)} (found: {', '.join(header)})"
        _fail(path, what, f"the first line must be {','.join(columns)}")
    try:
        rows = list(csv.reader(lines[1:]))
    except csv.Error as error:
        raise LabelError(f"{path}: {error}; fetch the file again") from error
    for line, values in enumerate(rows, start=2):
        if not any(value.strip() for value in values):
            continue
        if len(values) != len(header):
            what = f"line {line} has {len(values)} values"
            _fail(path, what, f"expected {len(header)}, as in the first line")
        row = dict(zip(header, values, strict=True))
        yield line, {name: row[name].strip() for name in columns}


def _integer(text: str, path: Path, line: int) -> int:
    if re.fullmatch(r"[+-]?[0-9]{1,9}", text) is None:
        what = f"line {line} holds {text!r}"
        _fail(path, what, "expected a whole number of frames")
    return int(text)


def _whole_numbers(
    array: npt.NDArray[Any], path: Path, where: str
) -> npt.NDArray[np.int64]:
    """`array` as int64, which uint8 arithmetic would wrap around in."""
    if array.dtype.kind == "f" and not (
        np.all(np.isfinite(array)) and np.all(array == np.floor(array))
    ):
        _fail(path, f"{where} holds fractions", "expected whole frame numbers")
    if array.size and not -MAX_FRAME <= array.min() <= array.max() <= MAX_FRAME:
        _fail(path, f"{where} is out of range", "expected frame numbers")
    return array.astype(np.int64)


def _zeros_and_ones(array: npt.NDArray[Any], path: Path) -> Labels:
    if array.dtype.kind not in "buif" or not np.isin(array, (0, 1)).all():
        _fail(path, "labels other than 0 and 1", "use 1 for abnormal frames")
    return np.asarray(array).astype(np.uint8)


def _text(path: Path) -> str:
    _check_file(path)
    if path.stat().st_size > MAX_TEXT_BYTES:
        _fail(path, "too large for a list of labels", "give the label file")
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        what = "not a text file"
        raise LabelError(f"{path}: {what}; fetch the file again") from error
    if "\0" in text:
        _fail(path, "not a text file", "fetch the file again")
    return text


def _check_file(path: Path) -> None:
    if not path.is_file():
        _fail(path, "no such label file", "check the path")
    if path.stat().st_size == 0:
        _fail(path, "the file is empty", "fetch it again")
