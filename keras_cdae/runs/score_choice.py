"""Which score tells what is not normal, without a test video or a label.

Held-out normal video is scored beside pseudo-anomalies made from it. What
separates the two best is a choice that the test set had no part in.
"""

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from keras_cdae.data.clips import Clips
from keras_cdae.data.frames import CachedVideo
from keras_cdae.data.pseudo_anomalies import PseudoAnomalies
from keras_cdae.errors import DataError
from keras_cdae.metrics.frame import micro_auc
from keras_cdae.models.autoencoder import STRIDE
from keras_cdae.models.cdae import CDAE
from keras_cdae.models.fusion import EQUATION_14, MAPS, ScoreTerms, fuse
from keras_cdae.types import Array

BATCH_SIZE = 32
FASTEST = 4
SIDES = (None, 16, 24, 32)  # of the square that a term is averaged over
SHORT = {  # of the terms, as the paper's letters have them
    "error": "error",
    "motion_error": "motion error",
    "unexplained_motion": "unexplained",
    "appearance_distance": "D_a",
    "motion_distance": "D_m",
}


@dataclasses.dataclass(frozen=True)
class ScoreVariant:
    """One way to make a score of the maps of error and distance.

    Attributes:
        terms: `score_terms` of `CDAE`.
        fusion: `fusion` of `CDAE`.
    """

    terms: ScoreTerms
    fusion: str = "product"

    def __str__(self) -> str:
        if self == ScoreVariant(EQUATION_14):
            return "Eq. 14"
        names = [
            SHORT[term] if pixels is None else f"{SHORT[term]}[{pixels}]"
            for term, pixels in self.terms.items()
        ]
        prefix = "" if self.fusion == "product" else f"{self.fusion}: "
        return prefix + " x ".join(names)


def _variants() -> Iterator[ScoreVariant]:
    """Yield what the paper leaves open: which terms, pooled how."""
    distances = ("appearance_distance", "motion_distance")
    for error in ("error", "motion_error", "unexplained_motion"):
        for pixels in SIDES:
            yield ScoreVariant({error: pixels})
            yield ScoreVariant(dict.fromkeys((error, *distances), pixels))
            pixelwise = dict.fromkeys((error, *distances), pixels)
            yield ScoreVariant(pixelwise, "pixelwise")
        for distance in distances:
            yield ScoreVariant({error: None, distance: 16})
            yield ScoreVariant({error: 24, distance: 16})
    for distance in distances:
        for pixels in SIDES:
            yield ScoreVariant({distance: pixels})


VARIANTS = tuple(_variants())


@dataclasses.dataclass(frozen=True)
class Rating:
    """How well a score tells pseudo-anomalies from normal clips.

    Attributes:
        variant: the score.
        auc: AUC by kind of pseudo-anomaly, as fractions.
        separation: d' by kind: how far apart the mean scores of
            pseudo-anomalies and of normal clips are, in standard deviations
            (the root of both variances' mean). It goes on rising where the AUC
            is nearly 1.
        spread: standard deviation of the log-scores of normal clips.
    """

    variant: ScoreVariant
    auc: Mapping[str, float]
    separation: Mapping[str, float]
    spread: float

    @property
    def mean(self) -> float:
        """The mean over all kinds."""
        return float(np.mean(list(self.auc.values())))

    @property
    def hardest(self) -> float:
        """The separation of the kind that is told worst."""
        return min(self.separation.values())


def rate_scores(
    model: CDAE,
    videos: Sequence[CachedVideo | np.ndarray],
    *,
    step: int = 3,
    seed: int = 0,
    variants: Sequence[ScoreVariant] = VARIANTS,
    scored: Callable[[int, int, str], None] | None = None,
) -> list[Rating]:
    """Rate scores on normal video that the model was not trained on.

    Args:
        model: the model.
        videos: normal videos, uint8 (N, H, W, C).
        step: frames from one clip to the next.
        seed: of the pseudo-anomalies.
        variants: the scores to rate.
        scored: called after each kind, with kinds done, kinds in all, and the
            kind's name.

    Returns:
        One rating a variant, the best first.

    Raises:
        DataError: if no clip of a kind is odd where the picture counts.
    """
    clips = Clips(videos, length=model.clip_length)
    indices = _late_enough(clips)[::step]
    kinds = {"normal": None, **pseudo_kinds()}
    maps: dict[str, dict[str, Array]] = {}
    for number, (name, kind) in enumerate(kinds.items(), start=1):
        maps[name] = _maps(model, clips, indices, kind, seed)
        if scored is not None:
            scored(number, len(kinds), name)
    ratings = [_rate(variant, maps, model.map_share) for variant in variants]
    return sorted(ratings, key=lambda rating: -rating.mean)


def pseudo_kinds() -> dict[str, PseudoAnomalies]:
    """Return what is told from normal video, by name: one kind each."""
    fast = {
        f"{kind} x{step}": PseudoAnomalies(1.0, (kind,), step, min_step=step)
        for kind in ("skip", "fast")
        for step in range(2, FASTEST + 1)
    }
    return {**fast, "patch": PseudoAnomalies(1.0, ("patch",))}


def _late_enough(clips: Clips) -> Array:
    """Return the clips with enough frames before them to be sped up."""
    indices = np.arange(len(clips))
    starts = clips.locate(indices)[:, 1]
    return indices[starts >= (FASTEST - 1) * (clips.length - 1)]


def _maps(
    model: CDAE,
    clips: Clips,
    indices: Array,
    kind: PseudoAnomalies | None,
    seed: int,
) -> dict[str, Array]:
    parts: list[dict[str, Array]] = []
    for start in range(0, len(indices), BATCH_SIZE):
        chosen = indices[start : start + BATCH_SIZE]
        batch = clips.gather(chosen)
        if kind is not None:
            normal, (batch, _) = batch, kind.gather(clips, chosen, seed=seed)
            if model.roi is not None:  # what it does not see is not odd
                differs = (batch != normal) & model.roi[..., None]
                batch = batch[differs.any(axis=(1, 2, 3, 4))]
        if len(batch):
            parts.append(model.score_maps(batch, batch_size=BATCH_SIZE))
    if not parts:
        raise DataError(
            "No pseudo-anomaly reaches the model's region of interest: it is "
            "too small to rate scores by them."
        )
    return {term: np.concatenate([p[term] for p in parts]) for term in MAPS}


def _rate(
    variant: ScoreVariant,
    maps: Mapping[str, Mapping[str, Array]],
    share: float = 1.0,
) -> Rating:
    scores = {
        name: _scores(variant, of_kind, share) for name, of_kind in maps.items()
    }
    normal = scores.pop("normal")
    areas = {}
    for name, odd in scores.items():
        labels = np.repeat([0, 1], [len(normal), len(odd)])
        area = micro_auc([np.concatenate([normal, odd])], [labels])
        areas[name] = float(area)  # type: ignore[arg-type]
    apart = {
        name: float(
            (odd.mean() - normal.mean())
            / max(np.sqrt((odd.var() + normal.var()) / 2), 1e-12)
        )
        for name, odd in scores.items()
    }
    return Rating(variant, areas, apart, float(normal.std()))


def _scores(
    variant: ScoreVariant, maps: Mapping[str, Array], share: float
) -> Array:
    from keras import ops

    score = fuse(
        {name: ops.convert_to_tensor(maps[name]) for name in MAPS},
        terms={
            term: None if pixels is None else pixels // STRIDE
            for term, pixels in variant.terms.items()
        },
        fusion=variant.fusion,
        share=share,
    )
    return ops.convert_to_numpy(score)
