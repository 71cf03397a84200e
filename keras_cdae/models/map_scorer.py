"""Scores that are made of maps of error and distance (Eq. 14)."""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, Self

from keras import ops

from keras_cdae.layers.deep_kmeans import DeepKMeans
from keras_cdae.models.autoencoder import STRIDE
from keras_cdae.models.clip_scorer import ClipScorer, pooled
from keras_cdae.models.fusion import (
    FUSIONS,
    MAPS,
    ScoreTerms,
    check_terms,
    fuse,
    locate,
)
from keras_cdae.training.staged import check_choice
from keras_cdae.types import Array, Tensor

DISTANCES = ("nearest", "soft")
SCORE_ARGUMENTS = ("score_terms", "fusion", "distance")


class MapScorer(ClipScorer):
    """Mixin: scores clips by the terms, fusion and distance that are chosen.

    The networks and their clusters are `CDAE`'s, which offers `_split`,
    `_encode` and `_decode`.
    """

    terms = MAPS
    output_notes = MappingProxyType(
        {
            "score": "log of the product of error and distances that the "
            "model scores by, higher = more anomalous; belongs to the clip's "
            "last frame",
            "appearance_distance": "mean distance of the appearance code to a "
            "centroid",
            "motion_distance": "mean distance of the motion code to a centroid",
            "error": "mean squared reconstruction error",
            "motion_error": "mean squared error of the motion target",
            "motion_power": "mean squared motion target",
            "map": "(h, w), product of error and distances about each location",
        }
    )

    def score_tensors(self, clips: Tensor) -> dict[str, Tensor]:
        """Return the score of each clip as tensors, inside any graph.

        Args:
            clips: `(batch, T, height, width, channels)`, float or uint8.

        Returns:
            `"score"`, the anomaly score `log(1 / s)` (Eq. 14, unless
            `score_terms` says otherwise), and the terms
            `"appearance_distance"`, `"motion_distance"`, `"error"` and
            `"motion_error"` (mean squared errors) and `"motion_power"` (the
            mean squared motion target), averaged over the picture (what of it
            counts), all `(batch,)`; `"map"`, where the clip is odd (see
            `locate`), `(batch, h, w)`. All float32; more is more anomalous.
        """
        maps = self.term_maps(clips)
        score = fuse(
            maps,
            terms={
                term: None if pixels is None else pixels // STRIDE
                for term, pixels in self.score_terms.items()
            },
            fusion=self.fusion,
            share=self.map_share,
        )
        terms = {name: self._mean_where_it_counts(maps[name]) for name in MAPS}
        error = "error" if "error" in self.score_terms else "motion_error"
        where = locate(maps, error=error)  # reaches one location beyond
        where = self._where_it_counts(where)
        return {"score": score, **terms, "map": where}

    def term_maps(self, clips: Tensor) -> dict[str, Tensor]:
        """Return what a score is made of, where in the picture it is.

        Args:
            clips: `(batch, T, height, width, channels)`, float or uint8.

        Returns:
            `"error"`, `"motion_error"`, `"motion_power"`,
            `"appearance_distance"` and `"motion_distance"`, each
            `(batch, height / 8, width / 8)` float32; 0 outside the region of
            interest.
        """
        last, stack = self._split(clips)
        appearance_code, motion_code, skips = self._encode(last, stack)
        appearance, motion = self._decode(appearance_code, motion_code, skips)
        maps: dict[str, Tensor] = {
            **self._errors(clips, last, stack, appearance, motion),
            "appearance_distance": self._distance_map(
                self.appearance_clusters, appearance_code
            ),
            "motion_distance": self._distance_map(
                self.motion_clusters, motion_code
            ),
        }
        return {k: self._where_it_counts(v) for k, v in maps.items()}

    def score_maps(self, clips: Any, batch_size: int = 16) -> dict[str, Array]:
        """Return what the scores are made of, where in the picture it is.

        Args:
            clips: as for `score`.
            batch_size: clips that are computed at a time.

        Returns:
            NumPy arrays `(batch, height / 8, width / 8)`, see `term_maps`.

        Raises:
            ValueError: if clips have another shape than the model's.
        """
        return self._in_batches("maps", self.term_maps, clips, batch_size)

    def with_score(self, **changes: Any) -> Self:
        """Return a model of the same weights that scores otherwise.

        Its scores lie elsewhere, so it is not calibrated.

        Args:
            **changes: some of the arguments `score_terms`, `fusion` and
                `distance`; the others stay.

        Raises:
            ValueError: for another argument, or a value out of range.

        Example:
            >>> from keras_cdae import CDAE
            >>> model = CDAE.from_preset("nano", image_size=(32, 32))
            >>> other = model.with_score(score_terms=["motion_error"])
            >>> other.score_terms
            {'motion_error': None}
        """
        others = sorted(set(changes) - set(SCORE_ARGUMENTS))
        if others:
            raise ValueError(
                "A score is made of score_terms, fusion and distance; the rest "
                f"needs training. Received: {', '.join(others)}"
            )
        config = {**self.get_config(), **changes, "calibration": None}
        check_score(
            config["score_terms"],
            config["fusion"],
            config["distance"],
            self.image_size,
        )
        other = type(self).from_config(config)
        other.set_weights(self.get_weights())
        return other

    def _errors(
        self,
        clips: Tensor,
        last: Tensor,
        stack: Tensor,
        appearance: Tensor,
        motion: Tensor,
    ) -> dict[str, Tensor]:
        """Return the maps of errors, and of what motion there was."""
        before = self.clip_length - 1
        # x_clips - x_diff_hat: what is left is the last frame, four times
        rest = stack - ops.cast(motion, "float32")
        rebuilt = ops.tile(ops.cast(appearance, "float32"), (1, 1, 1, before))
        last = ops.tile(last, (1, 1, 1, before))
        return {
            "error": pooled(ops.square(rest - rebuilt)),
            "motion_error": pooled(ops.square(rest - last)),
            "motion_power": pooled(ops.square(stack - last)),
        }

    def _distance_map(self, clusters: DeepKMeans, code: Tensor) -> Tensor:
        return (
            clusters.nearest(code)
            if self.distance == "nearest"
            else clusters(code)
        )


def check_score(
    terms: ScoreTerms | Sequence[str],
    fusion: str,
    distance: str,
    image_size: Sequence[int],
) -> dict[str, int | None]:
    """Return the terms of a score, after all that it is made of is checked."""
    check_choice("fusion", fusion, FUSIONS)
    check_choice("distance", distance, DISTANCES)
    return check_terms(
        terms, fusion=fusion, stride=STRIDE, side=min(image_size)
    )
