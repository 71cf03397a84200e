"""What moves before the made camera: people, bicycles and carts.

All in NumPy, in metres on the ground of `keras_cdae.data.scene`.
"""

import itertools
import math
from dataclasses import dataclass

import numpy as np

from keras_cdae.data.scene import (
    ACROSS,
    ALONG,
    LENGTH,
    PATH_HALF_WIDTH,
    START,
    Camera,
    Point,
)

KINDS = ("cyclist", "cart", "runner", "leaver")

Colour = tuple[float, float, float]


@dataclass
class Actor:
    """Somebody or something that moves along the path.

    Attributes:
        kind: `"walker"` or one of `KINDS`.
        begin: frame at which it starts to move.
        speed: metres a frame; negative walks from right to left.
        lane: metres from the middle of the path, positive away from the
            camera.
        height: metres.
        colours: of hair, skin, top, trousers, shoes.
        phase: of the stride, radians.
        turn: metres along the path at which a leaver turns off, else infinite.
    """

    kind: str
    begin: float
    speed: float
    lane: float
    height: float
    colours: tuple[Colour, ...]
    phase: float
    turn: float = math.inf

    def place(self, t: float) -> tuple[float, float]:
        """Metres along the path and across it at frame `t`."""
        gone = abs(self.speed) * (t - self.begin)
        along = gone if self.speed > 0 else LENGTH - gone
        if gone <= self.turn:
            return along, self.lane
        # Off the path, over the lawn towards the camera, still onwards.
        extra = gone - self.turn
        return self.turn + 0.75 * extra, self.lane - 0.66 * extra

    def ground(self, t: float) -> tuple[float, float]:
        """Ground point (X, Z) at frame `t`."""
        along, across = self.place(t)
        x, z = START + along * ALONG + across * ACROSS
        return float(x), float(z)

    def abnormal(self, t: float) -> bool:
        """Tell whether what it does at frame `t` is an anomaly."""
        if self.kind == "leaver":
            return abs(self.place(t)[1]) > PATH_HALF_WIDTH
        return self.kind != "walker"


@dataclass
class Canvas:
    """One frame in the making.

    Attributes:
        pixels: (height, width, 3), float32 RGB, 0 to 255.
        camera: what the frame is seen through.
    """

    pixels: np.ndarray
    camera: Camera

    def blend(
        self,
        box: tuple[int, int, int, int],
        mask: np.ndarray,
        colour: Colour,
    ) -> None:
        """Mix `colour` into the rows and columns of `box` by `mask`."""
        top, bottom, left, right = box
        patch = self.pixels[top:bottom, left:right]
        patch += mask[..., None] * (np.asarray(colour, np.float32) - patch)

    def _box(
        self, xs: tuple[float, ...], ys: tuple[float, ...], margin: float
    ) -> tuple[int, int, int, int] | None:
        height, width = self.pixels.shape[:2]
        top = max(0, math.floor(min(ys) - margin))
        bottom = min(height, math.ceil(max(ys) + margin) + 1)
        left = max(0, math.floor(min(xs) - margin))
        right = min(width, math.ceil(max(xs) + margin) + 1)
        if top >= bottom or left >= right:
            return None
        return top, bottom, left, right

    def limb(self, a: Point, b: Point, radius: float, colour: Colour) -> None:
        """Draw a rounded bar from `a` to `b` (columns and rows), smooth."""
        box = self._box((a[0], b[0]), (a[1], b[1]), radius + 1)
        if box is None:
            return
        rows = np.arange(box[0], box[1], dtype=np.float32)[:, None]
        columns = np.arange(box[2], box[3], dtype=np.float32)[None]
        dx, dy = b[0] - a[0], b[1] - a[1]
        square = dx * dx + dy * dy
        along = (columns - a[0]) * dx + (rows - a[1]) * dy
        along = np.clip(along / square, 0, 1) if square > 0 else 0 * along
        distance = np.hypot(
            columns - a[0] - along * dx, rows - a[1] - along * dy
        )
        mask = np.clip(radius + 0.5 - distance, 0, 1) * min(1, 2 * radius)
        self.blend(box, mask, colour)

    def ring(
        self, centre: Point, radius: float, thickness: float, colour: Colour
    ) -> None:
        """Draw a circle, as a wheel has."""
        x, y = centre
        box = self._box((x,), (y,), radius + thickness + 1)
        if box is None:
            return
        rows = np.arange(box[0], box[1], dtype=np.float32)[:, None]
        columns = np.arange(box[2], box[3], dtype=np.float32)[None]
        distance = np.abs(np.hypot(columns - x, rows - y) - radius)
        mask = np.clip(thickness / 2 + 0.5 - distance, 0, 1)
        self.blend(box, mask * min(1, thickness), colour)

    def shadow(self, centre: Point, across: float, down: float) -> None:
        """Darken a soft ellipse on the ground."""
        x, y = centre
        box = self._box((x - across, x + across), (y - down, y + down), 1)
        if box is None:
            return
        rows = np.arange(box[0], box[1], dtype=np.float32)[:, None]
        columns = np.arange(box[2], box[3], dtype=np.float32)[None]
        reach = ((columns - x) / across) ** 2 + ((rows - y) / down) ** 2
        patch = self.pixels[box[0] : box[1], box[2] : box[3]]
        patch *= 1 - 0.38 * np.clip(1.3 - reach, 0, 1)[..., None]


class Figure:
    """Draws in metres around one ground point: u along the way, v up.

    Args:
        canvas: what is drawn on.
        actor: whose ground point it is.
        t: the frame's number.
    """

    def __init__(self, canvas: Canvas, actor: Actor, t: float) -> None:
        x, z = actor.ground(t)
        self.canvas = canvas
        self.scale = canvas.camera.scale(z)
        self.foot = canvas.camera.project(x, z)
        self.sense = 1.0 if actor.speed > 0 else -1.0

    def at(self, u: float, v: float) -> Point:
        """Column and row of the point (u, v)."""
        return (
            self.foot[0] + self.sense * 0.94 * u * self.scale,
            # The way leads upwards in the picture, and so do its objects.
            self.foot[1] - v * self.scale - 0.05 * self.sense * u * self.scale,
        )

    def limb(self, points: list[Point], width: float, colour: Colour) -> None:
        """Draw bars through `points`, `width` metres thick."""
        placed = [self.at(*p) for p in points]
        for a, b in itertools.pairwise(placed):
            self.canvas.limb(a, b, max(0.35, width * self.scale / 2), colour)

    def wheel(self, u: float, radius: float, colour: Colour) -> None:
        """Draw a spoked wheel that stands on the ground."""
        centre = self.at(u, radius)
        size = radius * self.scale
        self.canvas.ring(centre, size, max(0.7, 0.06 * self.scale), colour)

    def shadow(self, length: float) -> None:
        """Darken the ground below."""
        x, y = self.foot
        self.canvas.shadow(
            (x + 0.15 * self.scale, y),
            max(1.5, length * self.scale / 2),
            max(0.8, 0.12 * self.scale),
        )


def _draw_person(
    figure: Figure, actor: Actor, stride: float, swing: float
) -> None:
    """Someone on foot; `stride` is the phase, `swing` the reach in radians."""
    hair, skin, top, trousers, shoes = actor.colours
    h = actor.height
    hip, shoulder = 0.5 * h, 0.82 * h
    bob = 0.02 * h * math.cos(2 * stride)
    lean = 0.05 if swing < 0.6 else 0.16
    figure.shadow(0.5)
    dark = _shade(trousers, 0.78)
    for side, colour in ((math.pi, dark), (0.0, trousers)):
        angle = swing * math.sin(stride + side)
        bend = 0.9 * swing * max(0.0, math.cos(stride + side))
        knee = (0.25 * h * math.sin(angle), hip - 0.25 * h * math.cos(angle))
        foot = (
            knee[0] + 0.25 * h * math.sin(angle - bend),
            knee[1] - 0.25 * h * math.cos(angle - bend),
        )
        figure.limb([(0, hip + bob), knee], 0.17, colour)
        figure.limb([knee, foot], 0.12, colour)
        figure.limb([foot, (foot[0] + 0.13, foot[1])], 0.08, shoes)
    neck = (lean * h, shoulder + bob)
    sleeve = _shade(top, 0.86)
    _draw_arm(figure, neck, swing * math.sin(stride), h, (sleeve, skin))
    figure.limb([(0, hip + bob), (0.8 * neck[0], neck[1] - 0.06)], 0.32, top)
    _draw_arm(figure, neck, -swing * math.sin(stride), h, (sleeve, skin))
    _draw_head(figure, (1.15 * neck[0], 0.93 * h + bob), h, hair, skin)


def _draw_arm(
    figure: Figure,
    shoulder: Point,
    angle: float,
    h: float,
    colours: tuple[Colour, Colour],
) -> None:
    x, y = shoulder[0], shoulder[1] - 0.05
    elbow = (
        x + 0.17 * h * math.sin(angle),
        y - 0.17 * h * math.cos(angle),
    )
    hand = (
        elbow[0] + 0.16 * h * math.sin(angle + 0.4),
        elbow[1] - 0.16 * h * math.cos(angle + 0.4),
    )
    figure.limb([(x, y), elbow], 0.11, colours[0])
    figure.limb([elbow, hand], 0.08, colours[1])


def _draw_head(
    figure: Figure, centre: Point, h: float, hair: Colour, skin: Colour
) -> None:
    u, v = centre
    figure.limb([(u, v - 0.03), (u + 0.02, v)], 0.125 * h, skin)
    figure.limb([(u - 0.03, v + 0.035), (u + 0.01, v + 0.05)], 0.1 * h, hair)


def _draw_cyclist(figure: Figure, actor: Actor, stride: float) -> None:
    hair, skin, top, trousers, shoes = actor.colours
    frame_colour = _shade(top, 0.6, 25)
    figure.shadow(1.7)
    for u in (-0.52, 0.52):
        figure.wheel(u, 0.34, (38.0, 38.0, 40.0))
    saddle, pedals, bars = (-0.2, 0.92), (-0.02, 0.34), (0.42, 1.02)
    figure.limb([(-0.52, 0.34), pedals, (0.38, 0.84)], 0.05, frame_colour)
    figure.limb([pedals, saddle, (0.38, 0.84)], 0.05, frame_colour)
    figure.limb([(0.52, 0.34), bars], 0.05, frame_colour)
    for side in (math.pi, 0.0):
        foot = (
            pedals[0] + 0.17 * math.cos(stride + side),
            pedals[1] - 0.17 * math.sin(stride + side),
        )
        knee = (0.5 * foot[0] + 0.22, 0.55 * foot[1] + 0.5)
        figure.limb([(-0.18, 0.98), knee], 0.17, trousers)
        figure.limb([knee, foot], 0.12, trousers)
        figure.limb([foot, (foot[0] + 0.12, foot[1])], 0.08, shoes)
    shoulder = (0.14, 1.48)
    figure.limb([(-0.17, 1.02), shoulder], 0.3, top)
    figure.limb([shoulder, (0.33, 1.22), bars], 0.1, top)
    figure.limb([(0.38, 1.05), bars], 0.08, skin)
    _draw_head(figure, (0.24, 1.7), 1.72, hair, skin)


def _draw_cart(figure: Figure, actor: Actor) -> None:
    hair, skin, top, trousers, _ = actor.colours
    body = _shade(trousers, 0.75, 20)
    figure.shadow(2.6)
    figure.limb([(-1.05, 0.55), (0.95, 0.55)], 0.5, body)
    figure.limb([(-1.05, 0.8), (-0.35, 0.8)], 0.45, body)
    figure.limb([(0.75, 0.75), (0.95, 0.72)], 0.4, body)
    figure.limb([(-0.1, 0.8), (-0.14, 1.2)], 0.34, top)
    figure.limb([(-0.05, 1.15), (0.35, 0.98)], 0.1, skin)
    _draw_head(figure, (-0.08, 1.48), 1.72, hair, skin)
    post = _shade(body, 0.6)
    figure.limb([(-0.95, 0.9), (-0.9, 1.86)], 0.06, post)
    figure.limb([(0.8, 0.9), (0.6, 1.86)], 0.06, post)
    figure.limb([(-1.05, 1.9), (0.75, 1.9)], 0.12, _shade(body, 1.1))
    for u in (-0.75, 0.72):
        figure.limb([(u, 0.26), (u + 0.01, 0.26)], 0.5, (35.0, 35.0, 37.0))
        figure.limb([(u, 0.26), (u + 0.01, 0.26)], 0.2, (120.0, 120.0, 118.0))


def draw(canvas: Canvas, actor: Actor, t: float) -> None:
    """Draw one actor as it is at frame `t`."""
    figure = Figure(canvas, actor, t)
    metres = abs(actor.speed) * (t - actor.begin)
    if actor.kind == "cyclist":
        _draw_cyclist(figure, actor, actor.phase + 1.5 * metres)
    elif actor.kind == "cart":
        _draw_cart(figure, actor)
    elif actor.kind == "runner":
        stride = actor.phase + 2 * math.pi * metres / 2.1
        _draw_person(figure, actor, stride, 0.8)
    else:
        stride = actor.phase + 2 * math.pi * metres / 1.45
        _draw_person(figure, actor, stride, 0.42)


def _shade(colour: Colour, factor: float, offset: float = 0) -> Colour:
    red, green, blue = colour
    return (
        factor * red + offset,
        factor * green + offset,
        factor * blue + offset,
    )
