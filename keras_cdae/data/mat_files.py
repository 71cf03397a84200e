"""Cell arrays of numbers from MATLAB 5 files.

`scipy.io.loadmat` reads them, but crashes the process on some damaged files
(seen with SciPy 1.17). So the elements are walked first: their sizes,
their types and the checksums of compressed ones.
"""

import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import numpy as np
import numpy.typing as npt
import scipy.io

from keras_cdae.errors import LabelError, shown

_INT8, _INT32, _UINT32, _MATRIX, _COMPRESSED = 1, 5, 6, 14, 15
_ITEM_BYTES = {1: 1, 2: 1, 3: 2, 4: 2, 5: 4, 6: 4, 7: 4, 9: 8, 12: 8, 13: 8}
_CELL, _OPAQUE = 1, 17
_NUMERIC = range(6, 16)  # array classes double ... uint64
_COMPLEX = 0x0800
# Avenue's largest masks have a quarter of it; zlib packs a thousand to one.
MAX_INFLATED = 2**30  # bytes


class _Element(NamedTuple):
    kind: int
    body: memoryview


def read_cells(path: Path, name: str) -> list[npt.NDArray[Any]]:
    """Read the arrays in one cell array.

    Args:
        path: a MATLAB 5 file, as `save` writes it up to and with `-v7`.
        name: the variable, a row or column of cells that hold numbers.

    Raises:
        LabelError: for another kind of file, a damaged one, or one without
            such a variable.
    """
    step = f"a MATLAB 5 file with a cell array '{name}' is needed"
    data = path.read_bytes()
    if data[:19] == b"MATLAB 7.3 MAT-file":
        _fail(path, "a MATLAB 7.3 file, which cannot be read", "save as -v7")
    try:
        _check(data, name)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            content = scipy.io.loadmat(str(path), variable_names=[name])
    except Exception as error:
        # Garbage reaches every corner of a parser: zlib, struct, Type-,
        # Index-, Key-, Overflow- and MemoryError are all possible.
        reason = shown(str(error) or type(error).__name__, 150)
        raise LabelError(
            f"{path}: not a readable .mat file ({reason}); {step}"
        ) from error
    value = content.get(name)
    if not isinstance(value, np.ndarray) or value.dtype != object:
        _fail(path, f"no cell array '{name}'", step)
    if value.size == 0 or value.size != max(value.shape):
        _fail(path, f"'{name}' has shape {value.shape}", "expected (1, n)")
    return [np.asarray(cell) for cell in value.ravel()]


def _fail(path: Path, what: str, step: str) -> NoReturn:
    raise LabelError(f"{path}: {what}; {step}")


def _check(data: bytes, name: str) -> None:
    """Raise ValueError where the file's elements do not fit together."""
    order = {b"IM": "<", b"MI": ">"}.get(data[126:128])
    if order is None:
        raise ValueError("no MATLAB 5 header")
    for kind, body in _elements(memoryview(data)[128:], order):
        if kind == _COMPRESSED:
            stream = zlib.decompressobj()
            inflated = stream.decompress(body, MAX_INFLATED)
            if not stream.eof:
                raise ValueError("it ends too early, or never")
            kind, body = next(_elements(memoryview(inflated), order))
        if kind != _MATRIX:
            raise ValueError(f"an element of type {kind}")
        _check_matrix(body, order, name)


def _elements(data: memoryview, order: str) -> Iterator[_Element]:
    """Yield the elements that lie one after the other in `data`."""
    place = 0
    while place < len(data):
        kind, size = struct.unpack_from(f"{order}II", data, place)
        if kind >> 16:  # up to four bytes inside the tag
            kind, size, start = kind & 0xFFFF, kind >> 16, place + 4
            if size > 4:
                raise ValueError("a small element of more than 4 bytes")
            end = place + 8
        else:
            start = place + 8
            end = start + size
            if kind != _COMPRESSED:
                end += -size % 8
        if start + size > len(data):
            raise ValueError("it ends too early")
        yield _Element(kind, data[start : start + size])
        place = end


def _check_matrix(body: memoryview, order: str, name: str | None) -> None:
    """Check the cell array `name`, or with None one of its cells."""
    if name is None and not body:
        return  # an empty cell
    elements = _elements(body, order)
    flags = _words(next(elements), _UINT32, order)
    array_class = flags[0] & 0xFF
    if name is not None and array_class == _OPAQUE:
        return  # a MATLAB object, of another form and not read
    dims = _words(next(elements), _INT32, order)
    title = next(elements)
    if len(flags) != 2 or len(dims) < 2 or min(dims) < 0:
        raise ValueError("damaged flags or dimensions")
    if title.kind != _INT8:
        raise ValueError("a damaged name")
    count = math.prod(dims)
    if name is None:
        _check_numbers(elements, array_class, flags[0], count)
    elif bytes(title.body) == name.encode() and array_class == _CELL:
        cells = list(elements)
        if len(cells) != count or any(c.kind != _MATRIX for c in cells):
            raise ValueError(f"{len(cells)} of {count} cells")
        for cell in cells:
            _check_matrix(cell.body, order, None)


def _words(element: _Element, kind: int, order: str) -> tuple[int, ...]:
    """Unpack an element that must hold 4-byte integers."""
    if element.kind != kind or not element.body or len(element.body) % 4:
        raise ValueError(f"an element of type {element.kind} out of place")
    code = "i" if kind == _INT32 else "I"
    return struct.unpack(f"{order}{len(element.body) // 4}{code}", element.body)


def _check_numbers(
    elements: Iterator[_Element], array_class: int, flags: int, count: int
) -> None:
    values = list(elements)
    if array_class not in _NUMERIC or flags & _COMPLEX or len(values) != 1:
        raise ValueError("a cell holds other than real numbers")
    kind, body = values[0]
    if len(body) != count * _ITEM_BYTES.get(kind, -1):
        raise ValueError("a cell of another size than it says")
