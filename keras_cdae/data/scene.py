"""The place that the made camera sees: a path between lawns, a wall, a tree.

In metres on the ground, through one pinhole camera.
"""

from dataclasses import dataclass

import numpy as np

PATH_HALF_WIDTH = 1.7  # metres

Point = tuple[float, float]


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that sees ground points (X right, Z away, metres).

    Attributes:
        height: of the picture, pixels.
        width: of the picture, pixels.
        metres_up: how high above the ground it hangs.
    """

    height: int
    width: int
    metres_up: float = 4.2

    @property
    def focal(self) -> float:
        """Focal length in pixels."""
        return 1.08 * self.height

    @property
    def horizon(self) -> float:
        """Row of the horizon."""
        return 0.1 * self.height

    def scale(self, z: float) -> float:
        """Pixels per metre at distance `z`."""
        return self.focal / z

    def project(self, x: float, z: float) -> Point:
        """Column and row of the ground point (x, z)."""
        s = self.scale(z)
        return self.width / 2 + s * x, self.horizon + s * self.metres_up

    def ground(self) -> tuple[np.ndarray, np.ndarray]:
        """(X, Z) of the ground under every pixel; Z infinite above it."""
        rows, columns = np.mgrid[: self.height, : self.width].astype(float)
        below = np.maximum(rows + 0.5 - self.horizon, 1e-3)
        z = self.focal * self.metres_up / below
        return (columns + 0.5 - self.width / 2) * z / self.focal, z


# The path: from the lower left to the upper right of the picture.
# It begins and ends outside of it at any allowed shape.
START, END = np.array([-6.2, 6.4]), np.array([10.2, 12.6])
LENGTH = float(np.linalg.norm(END - START))
ALONG = (END - START) / LENGTH
ACROSS = np.array([-ALONG[1], ALONG[0]])  # away from the camera


def _smooth_noise(
    shape: tuple[int, int], cells: int, rng: np.random.Generator
) -> np.ndarray:
    """Noise of about unit size whose grain is 1/`cells` of the picture."""
    rows = max(2, round(cells * shape[0] / shape[1]) + 1)
    grid = rng.normal(size=(rows, cells + 1))
    y = np.linspace(0, rows - 1, shape[0])
    x = np.linspace(0, cells, shape[1])
    upright = np.stack([np.interp(y, np.arange(rows), c) for c in grid.T], 1)
    return np.stack([np.interp(x, np.arange(cells + 1), r) for r in upright])


def scene(camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Paint the empty place: float32 (H, W, 3), 0 to 255."""
    shape = (camera.height, camera.width)
    x, z = camera.ground()
    offset = np.stack([x - START[0], z - START[1]], -1)
    across = offset @ ACROSS
    along = offset @ ALONG
    soft = np.clip(6 / z, 0.35, 1.0)  # far things lose their grain
    grain = rng.normal(size=shape)
    patches = _smooth_noise(shape, 9, rng)
    fine = _smooth_noise(shape, camera.width // 3, rng)
    lawn = np.array([92, 112, 66]) + (
        5 * patches + soft * (6 * fine + 5 * grain)
    )[..., None] * np.array([1.0, 1.1, 0.8])
    seams = np.minimum(
        np.abs((along + 40) % 1.6 - 0.8), np.abs((across + 40.85) % 1.7 - 0.85)
    )
    slab = np.sin(91.7 * np.floor(along / 1.6) + 47.3 * np.floor(across / 1.7))
    stone = 150 + 4 * patches + 4 * slab + soft * (3 * fine + 3 * grain)
    stone -= 26 * np.clip(1 - seams / np.maximum(0.05, 0.012 * z), 0, 1)
    paving = stone[..., None] * np.array([1.02, 0.99, 0.94])
    edge = PATH_HALF_WIDTH + 0.03 * _smooth_noise(shape, 24, rng)
    inside = np.clip((edge - np.abs(across)) / (0.02 * z) + 0.5, 0, 1)
    kerb = np.clip(1 - np.abs(np.abs(across) - edge) / 0.12, 0, 1)
    image = lawn + inside[..., None] * (paving - lawn)
    image *= 1 - 0.18 * kerb[..., None]
    _add_backdrop(image, camera, rng)
    _add_shade(image, x, z, rng)
    vignette = np.hypot(
        *np.meshgrid(np.linspace(-1, 1, shape[1]), np.linspace(-1, 1, shape[0]))
    )
    image *= 1.04 - 0.1 * vignette[..., None] ** 2
    return image.clip(0, 255).astype(np.float32)


def _add_backdrop(
    image: np.ndarray, camera: Camera, rng: np.random.Generator
) -> None:
    """A brick wall with windows, and a hedge before it."""
    height, width = camera.height, camera.width
    foot = round(0.27 * height)
    rows, columns = np.mgrid[:foot, :width]
    course = rows // 2
    joint = (rows % 2 == 1) | ((columns + 3 * (course % 2)) % 6 == 0)
    tone = 118 + 5 * np.sin(12.9 * course + 7.1 * ((columns + 3 * course) // 6))
    tone = tone - 10 * joint + 2 * rng.normal(size=tone.shape)
    image[:foot] = tone[..., None] * np.array([1.06, 0.9, 0.82])
    pane, gap = round(0.08 * width), round(0.17 * width)
    for left in range(round(0.05 * width), width - pane, gap):
        top, bottom = round(0.03 * height), round(0.14 * height)
        image[top - 1 : bottom + 1, left - 1 : left + pane + 1] = 168
        sky = np.linspace(74, 52, bottom - top)[:, None, None]
        image[top:bottom, left : left + pane] = sky * np.array([0.9, 1.0, 1.12])
        image[top:bottom, left + pane // 2] = 150
    crown = foot + 0.012 * height * _smooth_noise((1, width), 30, rng)[0]
    top_edge = crown - 0.075 * height
    rows = np.arange(height)[:, None]
    hedge = (rows > top_edge) & (rows < crown + 0.02 * height)
    leaves = _smooth_noise((height, width), width // 2, rng)
    light = 1 - 0.4 * (rows - top_edge) / (0.095 * height)
    green = (70 + 13 * leaves) * light
    image[hedge] = (green[..., None] * np.array([0.78, 1.0, 0.58]))[hedge]


def _add_shade(
    image: np.ndarray, x: np.ndarray, z: np.ndarray, rng: np.random.Generator
) -> None:
    """The shade of a tree that stands outside the picture."""
    ragged = 0.5 * _smooth_noise(x.shape, 14, rng)
    ragged += 0.3 * _smooth_noise(x.shape, 36, rng)
    reach = np.hypot((x - 3.6) / 2.6, (z - 8.6) / 2.2) + 0.28 * ragged
    image *= 1 - 0.27 * np.clip(2.4 * (1.05 - reach), 0, 1)[..., None]
