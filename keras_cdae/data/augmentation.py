"""More pictures from the same training video."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_cdae.data.images import resize

AUGMENTATIONS = ("mirror", "zoom", "light")


@dataclass(frozen=True)
class Augmentation:
    """Shows training clips as another camera of the same scene might.

    All frames of a clip are changed alike, so that what moves still moves as
    it did. Few training videos are learnt by heart otherwise: held-out frames
    are then reconstructed far worse than the training's.

    Kinds: `"mirror"`, left and right exchanged in every second clip (not for
    a scene where the direction of motion tells what is normal); `"zoom"`, a
    part of the picture, cut at random and enlarged to all of it; `"light"`,
    grey values times one factor a clip, saturating at white.

    Args:
        kinds: which, each drawn on its own for every clip.
        least_side: side of the smallest part that `"zoom"` cuts, over the
            picture's, in (0, 1].
        light_range: `"light"` multiplies by up to 1 + this and down to its
            reciprocal, evenly in the logarithm; at least 0.

    Raises:
        ValueError: for an unknown kind or a number out of range.

    Example:
        >>> batch = np.arange(4, dtype=np.uint8).reshape(1, 1, 1, 4, 1)
        >>> seen = {
        ...     Augmentation(("mirror",)).apply(batch, [k])[0].tobytes()
        ...     for k in range(9)
        ... }
        >>> sorted(list(picture) for picture in seen)
        [[0, 1, 2, 3], [3, 2, 1, 0]]
    """

    kinds: tuple[str, ...] = AUGMENTATIONS
    least_side: float = 0.8
    light_range: float = 0.25

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds) - set(AUGMENTATIONS):
            raise ValueError(
                f"kinds must be some of {AUGMENTATIONS}. Received: "
                f"kinds={self.kinds!r}"
            )
        if not 0 < self.least_side <= 1:
            raise ValueError(
                "least_side must lie in (0, 1]. Received: "
                f"least_side={self.least_side!r}"
            )
        if not 0 <= self.light_range < np.inf:
            raise ValueError(
                "light_range must be at least 0, and finite. Received: "
                f"light_range={self.light_range!r}"
            )

    def apply(
        self,
        batch: np.ndarray,
        indices: Sequence[int] | np.ndarray,
        *,
        epoch: int = 0,
        seed: int = 0,
    ) -> np.ndarray:
        """Return a batch of clips as they are shown in one epoch.

        What becomes of a clip depends on its number, `epoch` and `seed`
        alone: pseudo-anomalies and the normal clips that they were made from
        are changed alike.

        Args:
            batch: (n, T, H, W, C) uint8.
            indices: the n clips' numbers.
            epoch: number of the epoch.
            seed: the run's seed.

        Returns:
            A new uint8 array (n, T, H, W, C).
        """
        shown = np.empty_like(batch)
        for row, index in enumerate(indices):
            # One more number than pseudo-anomalies draw by: what is drawn
            # here does not go with what is drawn there.
            rng = np.random.default_rng([seed, epoch, int(index), 1])
            shown[row] = self._show(batch[row], rng)
        return shown

    def _show(self, clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        # In one order, and each draws even if it changes nothing.
        if "mirror" in self.kinds and rng.random() < 0.5:
            clip = clip[:, :, ::-1]
        if "zoom" in self.kinds:
            clip = _zoom(clip, rng.uniform(self.least_side, 1), rng.random(2))
        if "light" in self.kinds:
            most = np.log1p(self.light_range)
            factor = np.float32(np.exp(rng.uniform(-most, most)))
            clip = np.rint(np.minimum(clip * factor, 255)).astype(np.uint8)
        return clip


def _zoom(clip: np.ndarray, share: float, place: np.ndarray) -> np.ndarray:
    """Enlarge a part of a clip to all of it.

    Args:
        clip: (T, H, W, C) uint8.
        share: side of the part over the picture's, in (0, 1].
        place: (2,) in [0, 1): 0 is the upper or left, 1 the other border.

    Returns:
        uint8 (T, H, W, C).
    """
    size = np.array(clip.shape[1:3])
    part = np.maximum(1, np.rint(share * size)).astype(int)
    y, x = np.rint(place * (size - part)).astype(int)
    cut = clip[:, y : y + part[0], x : x + part[1]]
    large = [resize(np.ascontiguousarray(frame), tuple(size)) for frame in cut]
    return np.stack(large).reshape(clip.shape)


def as_augmentation(
    value: Augmentation | str | Iterable[str] | None,
) -> Augmentation | None:
    """Return the settings, from names of kinds if need be; None for none.

    Args:
        value: settings, one or more kinds, or None.

    Raises:
        ValueError: for an unknown kind.
    """
    if value is None or isinstance(value, Augmentation):
        return value
    kinds = (value,) if isinstance(value, str) else tuple(value)
    return Augmentation(kinds) if kinds else None
