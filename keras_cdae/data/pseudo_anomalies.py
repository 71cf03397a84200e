"""Anomalies made from normal video, for training and for choosing: NumPy.

No anomaly is at hand when a camera is set up. What can be made of its normal
video is video that is too fast (frames skipped, everywhere or in a window) and
things that cross where nothing of the kind does (a patch of another frame).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from keras_cdae.data.clips import Clips

KINDS = ("skip", "fast", "patch")
BLOCK = 8  # pixels: side of the blocks in which motion is looked for
SIDES = (1 / 6, 1 / 3)  # of a window or a patch, over the picture's side
RIM = 0.3  # of a window's half side, over which it fades
PATCH_SPEED = (1 / 128, 5 / 128)  # of the picture's side, a frame


@dataclass(frozen=True)
class PseudoAnomalies:
    """Replaces some clips by ones that are not normal, and keeps the normal.

    A model that is trained to make the normal clip of both is kept from
    learning to reconstruct anomalies (Astrid et al., Learning Not to
    Reconstruct Anomalies, BMVC 2021: there with skipped frames and patches).

    Kinds: `"skip"`, the clip's frames `step` apart, ending with the same
    frame; `"fast"`, so only within a window where something moves; `"patch"`,
    an ellipse of another frame of the video that crosses the clip.

    Args:
        probability: share of the clips that is replaced, in [0, 1].
        kinds: which kinds, each as likely as the others.
        max_step: `"skip"` and `"fast"` are up to so many times too fast.
        min_step: and at least so many.

    Raises:
        ValueError: for a probability, kind or step out of range.

    Example:
        >>> clips = Clips([np.zeros((30, 16, 16, 1), np.uint8)])
        >>> made, normal = PseudoAnomalies(0.5).gather(clips, [0, 25])
        >>> made.shape, normal.shape
        ((2, 5, 16, 16, 1), (2, 5, 16, 16, 1))
    """

    probability: float = 0.2
    kinds: tuple[str, ...] = KINDS
    max_step: int = 5
    min_step: int = 2

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(
                "probability must lie in [0, 1]. "
                f"Received: probability={self.probability!r}"
            )
        if not self.kinds or set(self.kinds) - set(KINDS):
            raise ValueError(
                f"kinds must be some of {KINDS}. Received: kinds={self.kinds!r}"
            )
        if not 2 <= self.min_step <= self.max_step:
            raise ValueError(
                "2 <= min_step <= max_step is asked for. Received: "
                f"min_step={self.min_step!r}, max_step={self.max_step!r}"
            )

    def gather(
        self,
        clips: Clips,
        indices: Sequence[int] | np.ndarray,
        *,
        epoch: int = 0,
        seed: int = 0,
    ) -> tuple[np.ndarray, np.ndarray]:
        """Return a batch, some of it replaced, and the normal clips.

        What becomes of a clip depends on its number, `epoch` and `seed`
        alone. A clip too near the start of its video for skipped frames
        stays normal.

        Args:
            clips: the clips.
            indices: n numbers of clips.
            epoch: number of the epoch.
            seed: the run's seed.

        Returns:
            Two uint8 arrays (n, T, H, W, C).
        """
        normal = clips.gather(indices)
        made = normal.copy()
        places = clips.locate(indices)
        for row, (video, start) in enumerate(places):
            rng = np.random.default_rng([seed, epoch, int(indices[row])])
            if rng.random() < self.probability:
                frames = clips.frames_of(int(video))
                end = int(start) + clips.length - 1
                kind = self.kinds[rng.integers(len(self.kinds))]
                made[row] = self.make(kind, frames, end, normal[row], rng)
        return made, normal

    def make(
        self,
        kind: str,
        frames: np.ndarray,
        end: int,
        clip: np.ndarray,
        rng: np.random.Generator,
    ) -> np.ndarray:
        """Return one pseudo-anomaly.

        Args:
            kind: which.
            frames: (N, H, W, C) uint8, the video.
            end: number of the clip's last frame.
            clip: (T, H, W, C) uint8, the normal clip.
            rng: what is drawn from.

        Returns:
            uint8 (T, H, W, C); `clip` where the video has too few frames
            before it.
        """
        if kind == "patch":
            return cross_by_patch(clip, frames[rng.integers(len(frames))], rng)
        before = len(clip) - 1
        highest = min(self.max_step, end // before)
        if highest < self.min_step:
            return clip
        step = int(rng.integers(self.min_step, highest + 1))
        fast = np.asarray(frames[end - before * step : end + 1 : step])
        return fast if kind == "skip" else speed_up(clip, fast, rng)


def speed_up(
    clip: np.ndarray, fast: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Let a window of a clip run fast, about a spot where something moves.

    Args:
        clip: (T, H, W, C) uint8.
        fast: the same, with frames skipped and the same last frame.
        rng: chooses the spot, by the square of the motion there, and the
            window's sides.

    Returns:
        uint8 (T, H, W, C).
    """
    height, width = clip.shape[1:3]
    y, x = _moving_spot(fast, rng)
    half = rng.uniform(*SIDES, 2) * (height, width) / 2
    rows = np.abs(np.arange(height) - y) / half[0]
    columns = np.abs(np.arange(width) - x) / half[1]
    outside = np.maximum(rows[:, None], columns[None, :]) - 1.0
    share = np.clip(1.0 - outside / RIM, 0.0, 1.0)[..., None]
    mixed = fast * share + clip * (1.0 - share)
    return np.rint(mixed).astype(np.uint8)


def cross_by_patch(
    clip: np.ndarray, source: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Let an ellipse of another frame cross a clip.

    Args:
        clip: (T, H, W, C) uint8.
        source: (H, W, C) uint8, the frame that the ellipse is cut from.
        rng: chooses where it is cut, its sides, course and speed.

    Returns:
        uint8 (T, H, W, C).
    """
    size = np.array(clip.shape[1:3])
    sides = np.maximum(2, rng.uniform(*SIDES, 2) * size).astype(int)
    cut = rng.integers(0, size - sides + 1)
    patch = source[cut[0] : cut[0] + sides[0], cut[1] : cut[1] + sides[1]]
    rows, columns = (2 * np.arange(n) / (n - 1) - 1 for n in sides)
    ellipse = (rows[:, None] ** 2 + columns[None, :] ** 2 <= 1)[..., None]
    angle = rng.uniform(0, 2 * np.pi)
    course = np.array([np.sin(angle), np.cos(angle)])
    speed = rng.uniform(*PATCH_SPEED) * size.max()
    last = rng.uniform(0, size - sides)
    made = clip.copy()
    for frame in range(len(clip)):
        place = last + course * speed * (frame - len(clip) + 1)
        y, x = np.clip(np.rint(place), 0, size - sides).astype(int)
        window = made[frame, y : y + sides[0], x : x + sides[1]]
        window[...] = np.where(ellipse, patch, window)
    return made


def _moving_spot(
    frames: np.ndarray, rng: np.random.Generator
) -> tuple[float, float]:
    """Draw a spot by the square of the change from first to last frame."""
    change = np.abs(frames[-1].astype(np.float32) - frames[0]).mean(axis=-1)
    rows, columns = (side // BLOCK for side in change.shape)
    blocks = change[: rows * BLOCK, : columns * BLOCK]
    blocks = blocks.reshape(rows, BLOCK, columns, BLOCK).mean(axis=(1, 3))
    weights = np.square(blocks).ravel().astype(np.float64) + 1e-9
    place = rng.choice(weights.size, p=weights / weights.sum())
    y, x = divmod(int(place), columns)
    return (y + 0.5) * BLOCK, (x + 0.5) * BLOCK


def as_pseudo_anomalies(
    value: PseudoAnomalies | float | None,
) -> PseudoAnomalies | None:
    """Return the settings, from a probability if need be; None for none.

    Args:
        value: settings, a probability, or None.
    """
    if value is None or isinstance(value, PseudoAnomalies):
        return value
    return PseudoAnomalies(float(value)) if value else None
