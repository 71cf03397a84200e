"""The made camera: a small labelled data set that needs no download.

A fixed camera looks down on a path across a lawn. People walk along it from
left to right; in the test videos somebody cycles, drives a cart, runs against
the flow or leaves the path. Everything is drawn with NumPy, in metres on the
ground, through one pinhole camera.
"""

import csv
import io
import math
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from keras_cdae.data.drawing import KINDS, Actor, Canvas, Colour, draw
from keras_cdae.data.scene import LENGTH, Camera
from keras_cdae.data.scene import scene as empty_scene
from keras_cdae.data.video import write_video
from keras_cdae.errors import DataError
from keras_cdae.files import write_text

FPS = 10.0
MIN_FRAMES = 60

_README = """A made data set for keras_cdae: one camera over a path, drawn.

train/    {train} videos of people walking from left to right: normal.
test/     {test} videos of the same place with these events:
{events}
labels.csv   video,start,end: abnormal frames, 0-based, end exclusive; a test
             video without a row is normal throughout.

{frames} frames a video, {height} x {width} pixels, {fps:g} frames a second,
seed {seed}. An AUC on it says that a program works, not how well a method
does on real video.
"""


def _visible(camera: Camera, actor: Actor, t: float) -> bool:
    """Tell whether a good part of it is inside the picture."""
    if t < actor.begin:
        return False
    x, z = actor.ground(t)
    if z < 2:
        return False
    half = {"cart": 1.0, "cyclist": 0.8}.get(actor.kind, 0.25)
    column, row = camera.project(x, z)
    half *= camera.scale(z)
    inside = min(column + half, camera.width) - max(column - half, 0)
    top = row - 1.2 * camera.scale(z)
    return inside > 0.5 * 2 * half and top < camera.height and row > 0


_TOPS: tuple[Colour, ...] = (
    (52, 60, 84),
    (122, 58, 54),
    (70, 94, 78),
    (150, 146, 138),
    (46, 46, 50),
    (96, 84, 112),
    (164, 138, 96),
    (80, 112, 138),
)
_TROUSERS: tuple[Colour, ...] = (
    (44, 52, 74),
    (58, 56, 54),
    (92, 86, 74),
    (36, 36, 40),
    (104, 100, 98),
)
_SKINS: tuple[Colour, ...] = (
    (206, 166, 140),
    (176, 130, 102),
    (122, 84, 62),
    (90, 62, 48),
)
_HAIRS: tuple[Colour, ...] = (
    (42, 34, 30),
    (84, 62, 44),
    (28, 26, 26),
    (134, 112, 84),
)


def _actor(
    kind: str, begin: float, speed: float, rng: np.random.Generator
) -> Actor:
    """Somebody dressed at random: the same clothes for all kinds."""
    palettes = (_HAIRS, _SKINS, _TOPS, _TROUSERS)
    chosen = [p[int(rng.integers(len(p)))] for p in palettes]
    tint = rng.normal(0, 5, (4, 3))
    dyed = (np.asarray(chosen) + tint).clip(10, 240).tolist()
    colours = [(float(r), float(g), float(b)) for r, g, b in dyed]
    lane_reach = {"cart": 0.3, "cyclist": 0.7}.get(kind, 1.3)
    return Actor(
        kind=kind,
        begin=begin,
        speed=speed,
        lane=float(rng.uniform(-lane_reach, lane_reach)),
        height=float(rng.uniform(1.58, 1.88)),
        colours=(*colours, (40.0, 36.0, 34.0)),
        phase=float(rng.uniform(0, 2 * math.pi)),
    )


def _walkers(frames: int, rng: np.random.Generator) -> list[Actor]:
    """The normal stream: people from left to right, 3 to 6 in the picture."""
    actors: list[Actor] = []
    begin = -LENGTH / 0.09
    while begin < frames:
        begin += float(rng.gamma(4, 6.5))
        speed = float(rng.uniform(0.105, 0.155))
        actors.append(_actor("walker", begin, speed, rng))
    return actors


_SPEEDS = {"cyclist": 0.42, "cart": 0.24, "runner": -0.3, "leaver": 0.13}


def _event(kind: str, slot: tuple[int, int], rng: np.random.Generator) -> Actor:
    """Somebody abnormal whose whole appearance lies inside `slot`."""
    room = slot[1] - slot[0]
    speed = _SPEEDS[kind] * float(rng.uniform(0.9, 1.1))
    # A short slot makes the actor faster: nobody vanishes in mid-picture.
    metres = 13.0 if kind == "leaver" else LENGTH
    speed = math.copysign(max(abs(speed), metres / (0.97 * room)), speed)
    spare = room - metres / abs(speed)
    begin = slot[0] + float(rng.uniform(0, max(spare, 0)))
    actor = _actor(kind, begin, speed, rng)
    if kind == "leaver":
        actor.turn = float(rng.uniform(2.5, 4))
    return actor


def _plan(index: int, videos: int, frames: int) -> tuple[str, ...]:
    """The events of test video `index`; the last of several has none."""
    if videos > 1 and index == videos - 1:
        return ()
    first = (index + index // 2) % len(KINDS)
    if index % 2 and frames >= 2 * MIN_FRAMES:
        return KINDS[first], KINDS[(first + 1) % len(KINDS)]
    return (KINDS[first],)


def _events(
    kinds: tuple[str, ...], frames: int, rng: np.random.Generator
) -> list[Actor]:
    """One actor a kind, each in its own slot between the normal ends."""
    edge = max(8, round(0.1 * frames))
    bounds = np.linspace(edge, frames - edge, len(kinds) + 1).astype(int)
    return [
        _event(kind, (int(bounds[i]), int(bounds[i + 1])), rng)
        for i, kind in enumerate(kinds)
    ]


@dataclass
class _Take:
    """One video: who is in it, and which frames are abnormal."""

    frames: int
    camera: Camera
    scene: np.ndarray
    actors: list[Actor]
    rng: np.random.Generator
    labels: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        self.labels = np.array(
            [
                any(
                    a.abnormal(t) and _visible(self.camera, a, t)
                    for a in self.actors
                )
                for t in range(self.frames)
            ]
        )

    def render(self) -> Iterator[np.ndarray]:
        """Yield uint8 (H, W, 3) frames."""
        drift, noise = self.rng.uniform(0, 2 * math.pi, 2), self.rng
        for t in range(self.frames):
            canvas = Canvas(self.scene.copy(), self.camera)
            here = [a for a in self.actors if a.begin <= t and self._near(a, t)]
            for actor in sorted(here, key=lambda a: -a.ground(t)[1]):
                draw(canvas, actor, t)
            light = 1 + 0.02 * math.sin(drift[0] + t / 41)
            light += 0.012 * math.sin(drift[1] + t / 17)
            image = canvas.pixels * np.float32(light)
            image += noise.normal(0, 1, image.shape[:2])[..., None]
            image += noise.standard_normal(image.shape, np.float32) * 1.3
            yield image.clip(0, 255).round().astype(np.uint8)

    def _near(self, actor: Actor, t: int) -> bool:
        x, z = actor.ground(t)
        if z < 2:
            return False
        column, _ = self.camera.project(x, z)
        margin = 1.6 * self.camera.scale(z)
        return -margin < column < self.camera.width + margin


def intervals(labels: np.ndarray) -> list[tuple[int, int]]:
    """Return the runs of ones as (start, end), 0-based, end exclusive.

    Example:
        >>> intervals(np.array([0, 1, 1, 0, 1]))
        [(1, 3), (4, 5)]
    """
    edges = np.diff(np.concatenate([[0], np.asarray(labels, int), [0]]))
    starts, ends = np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def make_synthetic(
    root: str | os.PathLike[str],
    *,
    train_videos: int = 6,
    test_videos: int = 6,
    frames: int = 200,
    image_size: tuple[int, int] = (120, 160),
    seed: int = 0,
    overwrite: bool = False,
) -> Path:
    """Write a small labelled data set in the layout of a `folder` data set.

    `train/01.mp4` and so on are normal. In `test/`, all but the last video
    hold one or two events (`KINDS`) between normal stretches; the last is
    normal throughout. `labels.csv` has the abnormal frames. The same
    arguments give the same frames and labels.

    Args:
        root: the folder to make.
        train_videos: number of normal videos.
        test_videos: number of test videos.
        frames: frames in each, at least 60; two events need 120.
        image_size: (height, width), even, at least 48, not wider than
            1.6 times the height.
        seed: of the place, the people and the noise.
        overwrite: write into a folder that holds something.

    Returns:
        `root`.

    Raises:
        DataError: `root` is a file or holds something.
        ValueError: a number out of range.
    """
    root = Path(root)
    _check(train_videos, test_videos, frames, image_size)
    if root.is_file() or (
        root.is_dir() and any(root.iterdir()) and not overwrite
    ):
        raise DataError(
            f"{root}: exists and is not empty. Name another folder, or pass "
            "overwrite=True (--overwrite)."
        )
    camera = Camera(*image_size)
    place = empty_scene(camera, np.random.default_rng([seed, 0]))
    for i in range(train_videos):
        rng = np.random.default_rng([seed, 1, i])
        take = _Take(frames, camera, place, _walkers(frames, rng), rng)
        write_video(root / f"train/{i + 1:02}.mp4", take.render(), fps=FPS)
    rows: list[tuple[str, int, int]] = []
    told: list[str] = []
    for i in range(test_videos):
        rng = np.random.default_rng([seed, 2, i])
        kinds = _plan(i, test_videos, frames)
        actors = _walkers(frames, rng) + _events(kinds, frames, rng)
        take = _Take(frames, camera, place, actors, rng)
        name = f"{i + 1:02}"
        write_video(root / f"test/{name}.mp4", take.render(), fps=FPS)
        rows += [(name, *span) for span in intervals(take.labels)]
        told.append(f"    {name}: {', '.join(kinds) or 'normal throughout'}")
    _write_notes(root, rows, told, (train_videos, frames, image_size, seed))
    return root


def _check(
    train_videos: int,
    test_videos: int,
    frames: int,
    image_size: tuple[int, int],
) -> None:
    if train_videos < 1 or test_videos < 1 or frames < MIN_FRAMES:
        raise ValueError(
            f"make_synthetic expects at least one video of each kind and "
            f"frames >= {MIN_FRAMES}. Received: {train_videos=}, "
            f"{test_videos=}, {frames=}"
        )
    if (
        len(image_size) != 2
        or any(s < 48 or s % 2 for s in image_size)
        or image_size[1] > 1.6 * image_size[0]
    ):
        raise ValueError(
            "image_size must be (height, width), even, at least 48, not wider "
            "than 1.6 times the height. "
            f"Received: {image_size=}"
        )


def _write_notes(
    root: Path,
    rows: list[tuple[str, int, int]],
    told: list[str],
    facts: tuple[int, int, tuple[int, int], int],
) -> None:
    train_videos, frames, (height, width), seed = facts
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["video", "start", "end"])
    writer.writerows(rows)
    write_text(root / "labels.csv", table.getvalue())
    text = _README.format(
        train=train_videos,
        test=len(told),
        events="\n".join(told),
        frames=frames,
        height=height,
        width=width,
        fps=FPS,
        seed=seed,
    )
    write_text(root / "README.txt", text)
