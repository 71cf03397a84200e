"""What `CDAE` minimises: the losses of Eq. 12 and 13, and what `fit` shows."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_cdae.training.codes import split_batch
from keras_cdae.training.explained import ExplainedShare
from keras_cdae.training.losses import gradient_loss, reconstruction_loss
from keras_cdae.types import Mixin, Tensor

TERMS = (  # what `fit` shows, beside the explained share
    "loss",
    "appearance_loss",
    "motion_loss",
    "appearance_distance",
    "motion_distance",
    "redundancy",
)


class Objective(Mixin):
    """Mixin: the terms of the loss, and their means over an epoch.

    The networks and their clusters are `CDAE`'s.
    """

    def _prepare_objective(self) -> None:
        """Create the metrics; called once, when the model is made."""
        self.trackers = {name: keras.metrics.Mean(name) for name in TERMS}
        self.explained = ExplainedShare("motion_explained")

    def block_losses(
        self, block: str, clips: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the loss that a block minimises, and its terms, as scalars.

        Args:
            block: `"autoencoders"`: Eq. 13, without its last term while
                pretraining; `"centroids"`: Eq. 12, and beside it the terms of
                Eq. 13 where the other block rests.
            clips: `(batch, T, height, width, channels)`.
            target: what is to be reconstructed, of the same shape; None: the
                clips. A clip that differs from its target is not normal, and
                has no part in the clusters.
        """
        last, stack = self._split(clips)
        appearance_code, motion_code, skips = self._encode(last, stack)
        normal = None if target is None else self._normal(clips, target)
        if block == "centroids":
            losses = self._cluster_losses(
                ops.stop_gradient(appearance_code),
                ops.stop_gradient(motion_code),
                normal,
            )
            if "autoencoders" in self.active_blocks():
                return losses  # whose losses have all other terms
        outputs = self._decode(appearance_code, motion_code, skips)
        if target is not None:
            clips = target
            last, stack = self._split(clips)
        wanted = self._motion_target(clips, last, stack)
        rebuilt = self._reconstruction_losses(last, wanted, *outputs)
        if block == "centroids":
            shown = {k: ops.stop_gradient(v) for k, v in rebuilt.items()}
            return {**shown, **losses}
        losses = rebuilt
        if self.stage != "pretraining":
            clusters = self._cluster_losses(
                appearance_code, motion_code, normal
            )
            weighted = self.cluster_weight * clusters.pop("loss")
            losses = {**clusters, **losses, "loss": losses["loss"] + weighted}
        return losses

    def all_losses(
        self, clips: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return every term of Eq. 13, for validation.

        The clusters count once k-means has set them, whatever the stage.

        Args:
            clips: as for `block_losses`.
            target: as for `block_losses`.
        """
        last, stack = self._split(clips)
        appearance_code, motion_code, skips = self._encode(last, stack)
        outputs = self._decode(appearance_code, motion_code, skips)
        normal = None if target is None else self._normal(clips, target)
        if target is not None:
            clips = target
            last, stack = self._split(clips)
        wanted = self._motion_target(clips, last, stack)
        losses = self._reconstruction_losses(last, wanted, *outputs)
        clusters = self._cluster_losses(appearance_code, motion_code, normal)
        ready = ops.cast(
            ops.convert_to_tensor(self.clusters_flag) > 0, "float32"
        )
        weight = self.cluster_weight * ready
        total = losses["loss"] + weight * clusters["loss"]
        return {**clusters, **losses, "loss": total}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` shows and resets each epoch."""
        return [*self.trackers.values(), self.explained]

    def update_metrics(
        self, logs: Mapping[str, Tensor], weight: Tensor | float = 1.0
    ) -> None:
        """Add a batch's losses to the metrics.

        Args:
            logs: the terms of the loss, means over the batch.
            weight: of the batch. Training, whose steps count alike, has 1;
                validation the number of clips.
        """
        for name, tracker in self.trackers.items():
            if name in logs:
                tracker.update_state(logs[name], sample_weight=weight)
        if "motion_power" in logs:
            self.explained.update_state(
                weight * logs["motion_error"], weight * logs["motion_power"]
            )

    def add_validation(self, data: Any) -> None:
        """Add the losses of a batch that is not trained on to the metrics.

        Args:
            data: as for `unpack`.
        """
        clips, target = self.unpack(data)
        count = ops.cast(ops.shape(clips)[0], "float32")
        self.update_metrics(self.all_losses(clips, target), count)

    def unpack(self, data: Any) -> tuple[Tensor, Tensor | None]:
        """Return clips, and what is to be reconstructed where it differs.

        Args:
            data: one item of a data set: clips, or a tuple of clips and of
                the normal clips to make of them. Labels are not looked at.
        """
        clips, target = split_batch(data)
        return clips, None if target is clips else target

    def _reconstruction_losses(
        self, last: Tensor, target: Tensor, appearance: Tensor, motion: Tensor
    ) -> dict[str, Tensor]:
        """Return how far both reconstructions are from what is wanted."""
        motion = ops.cast(motion, "float32")
        appearance_loss = reconstruction_loss(last, appearance, self.loss_type)
        motion_loss = reconstruction_loss(target, motion, self.loss_type)
        total = appearance_loss + motion_loss
        if self.gradient_weight:
            total = total + self.gradient_weight * gradient_loss(target, motion)
        return {
            "loss": total,
            "appearance_loss": appearance_loss,
            "motion_loss": motion_loss,
            "motion_error": ops.mean(ops.square(target - motion)),
            "motion_power": ops.mean(ops.square(target)),
        }

    def _cluster_losses(
        self,
        appearance_code: Tensor,
        motion_code: Tensor,
        normal: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Return Eq. 12, averaged over locations and batch, and its terms."""
        appearance = self._mean(
            self.appearance_clusters(appearance_code), normal
        )
        motion = self._mean(self.motion_clusters(motion_code), normal)
        redundancy = (
            self.appearance_clusters.redundancy()
            + self.motion_clusters.redundancy()
        )
        return {
            "loss": appearance + motion + self.redundancy_weight * redundancy,
            "appearance_distance": appearance,
            "motion_distance": motion,
            "redundancy": redundancy,
        }

    def _normal(self, clips: Tensor, target: Tensor) -> Tensor:
        """Return 1 for every clip that is its target to the model: (batch,)."""
        if self.roi is not None:
            clips, target = self._in_floats(clips), self._in_floats(target)
        same = ops.all(ops.equal(clips, target), axis=(1, 2, 3, 4))
        return ops.cast(same, "float32")

    def _mean(self, values: Tensor, weights: Tensor | None) -> Tensor:
        """Return the mean of (batch, h, w) over the clips that have weight.

        Where devices share a batch, each returns a part: their mean is right,
        though one may have more of the weight than another.
        """
        if weights is None:
            return ops.mean(values)
        per_clip = ops.mean(values, axis=(1, 2))
        total = self.mean_over_devices(ops.sum(weights))
        # All weights may be 0; then the sum above is 0, too.
        return ops.sum(per_clip * weights) / ops.maximum(total, 1e-6)
