"""Random changes of training clips: NumPy and OpenCV."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from keras_cdae.data.images import resize

AUGMENTATIONS = ("flip", "crop", "brightness")
BRIGHTEST = 255.0  # a factor beyond it makes white of everything but black


@dataclass(frozen=True)
class Augmentation:
    """Changes training clips at random, all frames of a clip alike.

    For a training that comes to know its own few videos by heart: held-out
    frames are then reconstructed far worse than the training's.

    Kinds: `"flip"`, left and right exchanged in half of the clips (motion runs
    the other way, too); `"crop"`, a part of the picture at a random place,
    enlarged to all of it (motion is enlarged, too); `"brightness"`, values
    times one factor a clip, at most white.

    Args:
        kinds: which, each drawn on its own for every clip.
        min_crop: side of the smallest crop over the picture's, in (0, 1].
        max_brightness: the factor lies between 1 + this and its reciprocal,
            evenly in the logarithm; from 0 to 254.

    Raises:
        ValueError: for an unknown kind or a number out of range.

    Example:
        >>> batch = np.arange(4, dtype=np.uint8).reshape(1, 1, 1, 4, 1)
        >>> seen = {
        ...     Augmentation(("flip",)).apply(batch, [k])[0].tobytes()
        ...     for k in range(9)
        ... }
        >>> sorted(list(picture) for picture in seen)
        [[0, 1, 2, 3], [3, 2, 1, 0]]
    """

    kinds: tuple[str, ...] = AUGMENTATIONS
    min_crop: float = 0.8
    max_brightness: float = 0.25

    def __post_init__(self) -> None:
        if not self.kinds or set(self.kinds) - set(AUGMENTATIONS):
            raise ValueError(
                f"kinds must be some of {AUGMENTATIONS}. Received: "
                f"kinds={self.kinds!r}"
            )
        if not 0 < self.min_crop <= 1:
            raise ValueError(
                "min_crop must lie in (0, 1]. Received: "
                f"min_crop={self.min_crop!r}"
            )
        if not 0 <= self.max_brightness <= BRIGHTEST - 1:
            raise ValueError(
                f"max_brightness must lie in [0, {BRIGHTEST - 1:.0f}]. "
                f"Received: max_brightness={self.max_brightness!r}"
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
        if "flip" in self.kinds and rng.random() < 0.5:
            clip = clip[:, :, ::-1]
        if "crop" in self.kinds:
            clip = _crop(clip, rng.uniform(self.min_crop, 1), rng.random(2))
        if "brightness" in self.kinds:
            most = np.log1p(self.max_brightness)
            factor = np.float32(np.exp(rng.uniform(-most, most)))
            bright = np.minimum(clip * factor, BRIGHTEST)
            clip = np.rint(bright).astype(np.uint8)
        return clip


class SwitchedAugmentation(Augmentation):
    """Augmentation that a training turns on, between two epochs.

    Attributes:
        on: whether clips are changed; as they are until it is set.

    Example:
        >>> late = SwitchedAugmentation(("brightness",))
        >>> batch = np.full((1, 1, 1, 1, 1), 100, np.uint8)
        >>> int(late.apply(batch, [0]).item())
        100
        >>> late.on = True
        >>> int(late.apply(batch, [0]).item())
        91
    """

    on: bool = False  # no field: an instance may set it

    def apply(
        self,
        batch: np.ndarray,
        indices: Sequence[int] | np.ndarray,
        **when: int,
    ) -> np.ndarray:
        """As `Augmentation.apply`; the batch itself while it is off."""
        return super().apply(batch, indices, **when) if self.on else batch


def _crop(clip: np.ndarray, share: float, place: np.ndarray) -> np.ndarray:
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
    value: Augmentation | Iterable[str] | None,
) -> Augmentation | None:
    """Return the settings, from names of kinds if need be; None for none.

    Args:
        value: settings, names of kinds (one string: commas between), or None.

    Raises:
        ValueError: for an unknown kind.

    Example:
        >>> as_augmentation("crop,flip").kinds
        ('flip', 'crop')
    """
    if isinstance(value, Augmentation):
        return value
    kinds = augmentation_kinds(value)
    return Augmentation(kinds) if kinds else None


def augmentation_kinds(value: Iterable[str] | None) -> tuple[str, ...]:
    """Return names of kinds, each once, in the order of `AUGMENTATIONS`.

    Args:
        value: names (one string: commas between), or None.

    Raises:
        ValueError: for an unknown kind.
    """
    names = value.split(",") if isinstance(value, str) else value or ()
    if isinstance(value, Augmentation):  # more than names: not to be lost
        names = (repr(value),)
    given = {str(name).strip() for name in names} - {""}
    if given - set(AUGMENTATIONS):
        raise ValueError(
            f"augment must be some of {AUGMENTATIONS}. Received: "
            f"augment={value!r}"
        )
    return tuple(kind for kind in AUGMENTATIONS if kind in given)
