"""What `CDAE` adds to `keras.Model` so that `fit` runs three stages."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_cdae.training.codes import split_batch
from keras_cdae.training.explained import ExplainedShare
from keras_cdae.training.losses import gradient_loss, reconstruction_loss
from keras_cdae.training.optimizer import BlockOptimizer
from keras_cdae.training.schedule import Schedule, as_schedule
from keras_cdae.training.stages import Stages, Watch
from keras_cdae.types import Mixin, Tensor

STAGES = {  # stage of training -> blocks of weights that a step updates
    "pretraining": ("autoencoders",),
    "alternation": ("autoencoders", "centroids"),
    "autoencoders": ("autoencoders",),
    "centroids": ("centroids",),
}
TERMS = (  # what `fit` shows, beside the explained share
    "loss",
    "appearance_loss",
    "motion_loss",
    "appearance_distance",
    "motion_distance",
    "redundancy",
)


class StagedTraining(Mixin):
    """Mixin: the objective (Eq. 12 and 13), its blocks, `compile` and `fit`.

    One step of gradients is `AlternatingStep` of `keras_cdae.backend`; the
    networks are `CDAE`'s.
    """

    def _prepare_training(self) -> None:
        """Create the metrics; called once, when the model is made."""
        self.trackers = {name: keras.metrics.Mean(name) for name in TERMS}
        self.explained = ExplainedShare("motion_explained")
        self.stage = "pretraining"
        self._train_functions: dict[str, Any] = {}
        self._base_rates: tuple[Any, ...] = ()

    @property
    def clusters_ready(self) -> bool:
        """Whether k-means or a loaded file has set the centroids."""
        return bool(ops.convert_to_numpy(self.clusters_flag) > 0)

    @property
    def compiled_encode(self) -> Callable[[Tensor], tuple[Tensor, Tensor]]:
        """`encode`, compiled by the backend."""
        return self._forward("encode", self.encode)

    def compile(
        self,
        optimizer: Any = None,
        *,
        schedule: Schedule | dict[str, Any] | None = None,
        jit_compile: bool | str = "auto",
        **kwargs: Any,
    ) -> None:
        """Prepare the model for `fit`.

        Args:
            optimizer: None for Adam at the schedule's learning rates; else a
                Keras optimizer or its name, which updates the autoencoders,
                while Adam updates the centroids; or a `BlockOptimizer`.
            schedule: replaces the model's.
            jit_compile: `"auto"` compiles by XLA under jax only: on a CPU
                tensorflow is faster without, and torch's compiler takes
                minutes.
            **kwargs: arguments of `keras.Model.compile`, such as
                `run_eagerly`.

        Raises:
            ValueError: for `loss=` or `metrics=`; both belong to the method.
        """
        for name in ("loss", "metrics", "weighted_metrics", "loss_weights"):
            if kwargs.pop(name, None) is not None:
                raise ValueError(
                    f"CDAE has its own {name} (Eq. 13): leave {name}= out, and "
                    "use loss_type=, cluster_weight= and gradient_weight= of "
                    "CDAE instead."
                )
        if schedule is not None:
            self.schedule = as_schedule(schedule)
        if jit_compile == "auto":
            jit_compile = keras.backend.backend() == "jax"
        inner = self._make_optimizer(optimizer)
        super().compile(optimizer=inner, jit_compile=jit_compile, **kwargs)
        self._base_rates = tuple(
            float(ops.convert_to_numpy(block.learning_rate))
            for block in inner.optimizers
        )
        self._train_functions = {}
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """Return what `compile_from_config` needs."""
        if not self.compiled:
            return {}
        optimizer = getattr(self.optimizer, "inner_optimizer", self.optimizer)
        return {
            "optimizer": keras.saving.serialize_keras_object(optimizer),
            "jit_compile": self.jit_compile,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was."""
        if config:
            optimizer = keras.saving.deserialize_keras_object(
                config["optimizer"]
            )
            self.compile(optimizer)

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Any = "auto",
        callbacks: Any = None,
        **kwargs: Any,
    ) -> keras.callbacks.History:
        """Train on clips of normal video, through all three stages.

        Args:
            x: a `tf.data.Dataset` or `PyDataset` of batches of clips, or an
                array `(count, T, height, width, channels)`; float in [0, 1]
                or uint8. Batches may be pairs: clips, and the normal clips
                to make of them (see `PseudoAnomalies`).
            y: not used: training needs no labels.
            batch_size: clips a batch, for an array.
            epochs: epochs in all; the schedule divides them.
            verbose: as in `keras.Model.fit`.
            callbacks: as in `keras.Model.fit`.
            **kwargs: other arguments of `keras.Model.fit`, such as
                `validation_data`, `initial_epoch` and `steps_per_epoch`.

        Returns:
            The history: `loss`, `appearance_loss`, `motion_loss`,
            `appearance_distance`, `motion_distance`, `redundancy`,
            `motion_explained` (see `ExplainedShare`) an epoch.

        Raises:
            NonFiniteError: if a term of the loss becomes NaN or infinite.
        """
        stages = Stages(
            self.schedule,
            x,
            batch_size=batch_size,
            steps=kwargs.get("steps_per_epoch"),
        )
        x = self.divisible(x, batch_size, kwargs)
        given = callbacks if isinstance(callbacks, (list, tuple)) else None
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks.append(Watch())
            callbacks.append(stages)
        else:
            if given is None:
                given = [] if callbacks is None else [callbacks]
            callbacks = [Watch(), *given, stages]
        return super().fit(
            x,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            callbacks=callbacks,
            **kwargs,
        )

    def set_stage(self, stage: str) -> None:
        """Choose which blocks of weights a training step updates.

        Args:
            stage: `"pretraining"` (autoencoders, no clusters),
                `"alternation"` (autoencoders, then centroids, every batch),
                `"autoencoders"` or `"centroids"` (the other block frozen).
        """
        check_choice("stage", stage, tuple(STAGES))
        if stage == self.stage:
            return
        # Each stage keeps its compiled step.
        kept = self.train_function  # type: ignore[has-type]
        self._train_functions[self.stage] = kept
        self.stage = stage
        self.train_function = self._train_functions.get(stage)
        if self.compiled:
            self.make_train_function()

    def initialize_clusters(self, appearance: Any, motion: Any) -> None:
        """Set both sets of centroids by k-means (stage 2).

        Args:
            appearance: codes `(count, dim)` of the appearance encoder.
            motion: codes `(count, dim)` of the motion encoder.
        """
        self.appearance_clusters.initialize(appearance, seed=self.seed)
        self.motion_clusters.initialize(motion, seed=self.seed)
        self.clusters_flag.assign(1.0)

    def reset_learning_rates(self) -> None:
        """Set both blocks to the learning rates they were compiled with."""
        optimizer: Any = getattr(
            self.optimizer, "inner_optimizer", self.optimizer
        )
        for block, rate in zip(
            optimizer.optimizers, self._base_rates, strict=True
        ):
            if isinstance(block._learning_rate, keras.Variable):
                block.learning_rate = rate

    def active_blocks(self) -> tuple[str, ...]:
        """Return the blocks of weights that the stage updates, in order."""
        return STAGES[self.stage]

    def block_variables(self, block: str) -> list[keras.Variable]:
        """Return the weights of `"autoencoders"` or `"centroids"`."""
        centroids = [
            self.appearance_clusters.centroids,
            self.motion_clusters.centroids,
        ]
        if block == "centroids":
            return centroids
        ids = {id(variable) for variable in centroids}
        return [v for v in self.trainable_variables if id(v) not in ids]

    def spread(
        self, block: str, gradients: Sequence[Tensor]
    ) -> list[Tensor | None]:
        """Return one gradient a trainable weight: None where frozen.

        None, not zero: Adam moves a weight whose gradient is zero.
        """
        variables = self.block_variables(block)
        by_id = {
            id(variable): gradient
            for variable, gradient in zip(variables, gradients, strict=True)
        }
        return [by_id.get(id(v)) for v in self.trainable_variables]

    def block_losses(
        self, block: str, clips: Tensor, target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Return the loss that a block minimises, and its terms, as scalars.

        Args:
            block: `"autoencoders"`: Eq. 13, without its last term while
                pretraining; `"centroids"`: Eq. 12.
            clips: `(batch, T, height, width, channels)`.
            target: what is to be reconstructed, of the same shape; None: the
                clips. A clip that differs from its target is not normal, and
                has no part in the clusters.
        """
        last, stack = self._split(clips)
        appearance_code, motion_code, skips = self._encode(last, stack)
        normal = None if target is None else _equal(clips, target)
        if block == "centroids":
            return self._cluster_losses(
                ops.stop_gradient(appearance_code),
                ops.stop_gradient(motion_code),
                normal,
            )
        outputs = self._decode(appearance_code, motion_code, skips)
        if target is not None:
            clips = target
            last, stack = self._split(clips)
        wanted = self._motion_target(clips, last, stack)
        losses = self._reconstruction_losses(last, wanted, *outputs)
        if self.stage != "pretraining":
            clusters = self._cluster_losses(
                appearance_code, motion_code, normal
            )
            weighted = self.cluster_weight * clusters.pop("loss")
            losses = {**clusters, **losses, "loss": losses["loss"] + weighted}
        return losses

    def all_losses(self, clips: Tensor) -> dict[str, Tensor]:
        """Return every term of Eq. 13, for validation.

        The clusters count once k-means has set them, whatever the stage.
        """
        last, stack = self._split(clips)
        appearance_code, motion_code, skips = self._encode(last, stack)
        outputs = self._decode(appearance_code, motion_code, skips)
        wanted = self._motion_target(clips, last, stack)
        losses = self._reconstruction_losses(last, wanted, *outputs)
        clusters = self._cluster_losses(appearance_code, motion_code)
        weight = self.cluster_weight * ops.convert_to_tensor(self.clusters_flag)
        total = losses["loss"] + weight * clusters["loss"]
        return {**clusters, **losses, "loss": total}

    @property
    def metrics(self) -> list[keras.metrics.Metric]:
        """What `fit` shows and resets each epoch."""
        return [*self.trackers.values(), self.explained]

    def update_metrics(self, logs: Mapping[str, Tensor]) -> None:
        """Add a batch's losses to the metrics."""
        for name, tracker in self.trackers.items():
            if name in logs:
                tracker.update_state(logs[name])
        if "motion_power" in logs:
            self.explained.update_state(
                logs["motion_error"], logs["motion_power"]
            )

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

    def _make_optimizer(self, optimizer: Any) -> BlockOptimizer:
        if isinstance(optimizer, BlockOptimizer):
            return optimizer
        if optimizer is None:
            optimizer = keras.optimizers.Adam(
                self.schedule.learning_rate, beta_2=self.schedule.beta_2
            )
        return BlockOptimizer.for_blocks(
            keras.optimizers.get(optimizer),
            keras.optimizers.Adam(self.schedule.cluster_learning_rate),
        )


def _equal(clips: Tensor, target: Tensor) -> Tensor:
    """Return 1 for every clip that is its target, else 0: (batch,)."""
    same = ops.all(ops.equal(clips, target), axis=(1, 2, 3, 4))
    return ops.cast(same, "float32")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise `ValueError` if `value` is none of the `choices`.

    Args:
        name: of the argument, for the message.
        value: what was given.
        choices: what may be given.
    """
    if value not in choices:
        raise ValueError(
            f"{name} must be one of {', '.join(choices)}. "
            f"Received: {name}={value!r}"
        )
