"""Hypothesis strategies that damage good files, and make wild ones."""

import copy
import json
import math

from hypothesis import strategies as st

WORDS = (0, 1, 0x7F, 0x80, 0xFF, 0xFFFF, 0x7FFFFFFF, 0xFFFFFFFF)
NUMBERS = ("0", "1", "-1", "4", "12", "1.5", "1e9", "1e400", "nan", "inf",
           "9" * 9, "9" * 30, "9" * 5000, "", " ", "0x1", "1_0",
           "\u0663")  # fmt: skip
NAMES = ("a", "01", "../x", "/etc/passwd", "..", "a\nb", "a" * 300, "\u202e",
         'say "a"', "a,b", "")  # fmt: skip
SPACES = (" ", "\t", "\n", "\r\n", "\x0b", "\x1c", "\u2028", " " * 20000)


@st.composite
def damaged(draw, seeds):
    """One of `seeds`, with bytes flipped, cut out, doubled or put in."""
    data = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(1, 5))):
        place = draw(st.integers(0, max(0, len(data) - 1)))
        kind = draw(st.sampled_from(("flip", "word", "cut", "double", "end")))
        size = draw(st.integers(1, 64))
        if kind == "flip" and data:
            data[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "word":
            word = draw(st.sampled_from(WORDS))
            order = draw(st.sampled_from(("little", "big")))
            data[place : place + 4] = word.to_bytes(4, order)
        elif kind == "cut":
            del data[place : place + size]
        elif kind == "double":
            data[place:place] = data[place : place + size]
        elif kind == "end":
            del data[place:]
    return bytes(data)


def csv_text(header, columns):
    """A table: mostly good cells, some of another kind, wild spaces."""
    good = st.one_of(*map(st.sampled_from, columns))
    wild = st.sampled_from(NUMBERS + NAMES) | st.text(max_size=12)
    cell = st.one_of(good, good, good, wild)
    row = st.tuples(*[st.sampled_from(c) | cell for c in columns])
    rows = st.lists(row.map(",".join) | cell, max_size=12)
    first = st.just(header) | st.sampled_from(("", "video", header[1:]))
    end = st.sampled_from(("\n", "\n", "\n", *SPACES))
    return st.builds(
        lambda first, rows, end: end.join([first, *rows]).encode(),
        first, rows, end,
    )  # fmt: skip


def matlab_text():
    """Lines of a UCSD list, and lines that look like them."""
    part = st.sampled_from(
        ("TestVideoFile", "{", "end+1", "}", ".gt_frame", "=", "[", "]", ";",
         "61:180", ":", ",", "%", "1", "{1}", "{end+1}.gt_frame=[", "];",
         *SPACES, *NUMBERS),
    )  # fmt: skip
    line = st.lists(part, max_size=14).map("".join)
    good = st.just("TestVideoFile{end+1}.gt_frame = [61:180];")
    return st.lists(good | line, max_size=6).map(
        lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
    )


LEAVES = (
    None, True, 0, 1, -1, 3, 1.5, 10**30, 10**400, 1e308, -1e308, 5e-324,
    math.nan, math.inf, "", "1", "x" * 5000, "../x", [], {}, [1], {"a": 1},
    [[1]], "score",
)  # fmt: skip


@st.composite
def json_bytes(draw, values):
    """A JSON document with some of its leaves or branches replaced."""
    value = copy.deepcopy(draw(st.sampled_from(values)))
    if draw(st.integers(0, 30)) == 0:
        return b"[" * draw(st.sampled_from((10, 3000, 200_000)))
    for _ in range(draw(st.integers(1, 3))):
        place = draw(st.sampled_from(_places(value) or [None]))
        leaf = copy.deepcopy(draw(st.sampled_from(LEAVES)))
        if place is None:
            return json.dumps(leaf).encode()
        holder, key = place
        action = draw(st.sampled_from(("set", "set", "set", "drop", "more")))
        if action == "set":
            holder[key] = leaf
        elif action == "drop":
            del holder[key]
        elif isinstance(holder, dict):
            holder["unheard of"] = leaf
        else:
            holder.append(leaf)
    return json.dumps(value).encode()


def _places(value):
    """Every (holder, key) in a document."""
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))[:8]
    else:
        return []
    found = [(value, key) for key, _ in items]
    for _, inner in items:
        found += _places(inner)
    return found
