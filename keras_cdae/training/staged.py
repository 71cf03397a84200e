"""What `CDAE` adds to `keras.Model` so that `fit` runs three stages."""

import logging
from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from keras_cdae.training.codes import training_part
from keras_cdae.training.fit_input import (
    check_clips,
    check_weights,
    normal_clips,
    refuse_generator,
    warn_of_range,
)
from keras_cdae.training.optimizer import BlockOptimizer, portable
from keras_cdae.training.rates import LearningRates
from keras_cdae.training.schedule import Schedule, as_schedule
from keras_cdae.training.stages import Stages, Watch
from keras_cdae.types import Mixin, Tensor

logger = logging.getLogger(__name__)

STAGES = {  # stage of training -> blocks of weights that a step updates
    "pretraining": ("autoencoders",),
    "alternation": ("autoencoders", "centroids"),
    "autoencoders": ("autoencoders",),
    "centroids": ("centroids",),
}
# What `clusters_flag` may be. Where training is, is a function of the weights.
RANDOM, PROVISIONAL, IN_USE = 0.0, 0.5, 1.0
WRAPPERS = (
    keras.optimizers.LossScaleOptimizer,
    keras.optimizers.MultiOptimizer,
)
COMPILE_ARGUMENTS = ("run_eagerly", "steps_per_execution", "auto_scale_loss")


class StagedTraining(Mixin):
    """Mixin: the blocks of weights, `compile` and `fit`.

    One step of gradients is `AlternatingStep` of `keras_cdae.backend`, what it
    minimises `Objective`; the networks are `CDAE`'s.

    Attributes:
        stage: of training; see `set_stage`.
        learning_rates: of both blocks, once the model is compiled.
    """

    learning_rates: LearningRates

    def _prepare_training(self) -> None:
        """Set what is no weight; called once, when the model is made."""
        self.stage = "pretraining"
        self._train_functions: dict[str, Any] = {}
        self._compile_arguments: dict[str, Any] = {}

    @property
    def clusters_ready(self) -> bool:
        """Whether k-means or a loaded file has set the centroids."""
        return bool(ops.convert_to_numpy(self.clusters_flag) > RANDOM)

    @property
    def clusters_in_use(self) -> bool:
        """Whether training with the centroids, stage 3, has begun."""
        return bool(ops.convert_to_numpy(self.clusters_flag) == IN_USE)

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
        self._compile_arguments = {
            "jit_compile": jit_compile,
            **{k: kwargs[k] for k in COMPILE_ARGUMENTS if k in kwargs},
        }
        if jit_compile == "auto":
            eagerly = kwargs.get("run_eagerly", False)
            jit_compile = keras.backend.backend() == "jax" and not eagerly
        inner = self._make_optimizer(optimizer)
        super().compile(optimizer=inner, jit_compile=jit_compile, **kwargs)
        self.learning_rates = LearningRates(inner)
        self._train_functions = {}
        self.optimizer.build(self.trainable_variables)

    def get_compile_config(self) -> dict[str, Any]:
        """Return what `compile_from_config` needs."""
        if not self.compiled:
            return {}
        return {
            "optimizer": portable(
                keras.saving.serialize_keras_object(self._inner_optimizer)
            ),
            "arguments": dict(self._compile_arguments),
            "base_rates": self.learning_rates.base,
        }

    def compile_from_config(self, config: dict[str, Any]) -> None:
        """Compile as the saved model was."""
        if config:
            optimizer = keras.saving.deserialize_keras_object(
                portable(config["optimizer"])
            )
            # Files of earlier versions have the optimizer alone, and its
            # rates as the last stage had left them.
            self.compile(optimizer, **config.get("arguments", {}))
            self.learning_rates = LearningRates(
                self._inner_optimizer, config.get("base_rates")
            )

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
            y: for an array, the normal clips to make of those of `x`. Labels
                are not looked at: training needs none.
            batch_size: clips a batch, for an array.
            epochs: epochs in all; the schedule divides them. One that ends
                before stage 3, such as a single epoch, ends with k-means.
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
            TypeError: for a generator, which k-means could not read again, a
                list or a dictionary.
            ValueError: for weights of samples or classes, no clip, or pairs
                that are not as many on both sides.
        """
        check_clips(x, "fit")
        check_weights(
            "fit",
            sample_weight=kwargs.get("sample_weight"),
            class_weight=kwargs.get("class_weight"),
        )
        self._check_blocks()
        if self._will_cluster:
            refuse_generator(x)
        warn_of_range(x)
        y = normal_clips(x, y)
        stages = Stages(
            self.schedule,
            *training_part(x, y, kwargs.get("validation_split")),
            batch_size=batch_size,
            steps=kwargs.get("steps_per_epoch"),
        )
        x = self.divisible(x, batch_size, kwargs)
        if isinstance(callbacks, keras.callbacks.CallbackList):
            callbacks = callbacks.callbacks
        elif not isinstance(callbacks, (list, tuple)):
            callbacks = [] if callbacks is None else [callbacks]
        history = super().fit(
            x,
            y,
            batch_size=batch_size,
            epochs=epochs,
            verbose=verbose,
            # The user's last: they have the last word on the learning rate.
            callbacks=[Watch(), stages, *callbacks],
            **kwargs,
        )
        stages.finish()
        return history

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Any = "auto",
        sample_weight: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Return the losses of Eq. 13 on clips, as `keras.Model.evaluate`.

        Args:
            x: clips, as for `fit`.
            y: as for `fit`.
            batch_size: clips a batch, for an array; the losses are means over
                clips, whatever it is.
            verbose: as in `keras.Model.evaluate`.
            sample_weight: must be None.
            **kwargs: other arguments of `keras.Model.evaluate`, such as
                `return_dict`.

        Raises:
            TypeError: for a list, a dictionary, or nothing.
            ValueError: for `sample_weight`, or no clip.
        """
        if not kwargs.get("_use_cached_eval_dataset"):  # `fit`'s own call
            check_clips(x, "evaluate")
        check_weights("evaluate", sample_weight=sample_weight)
        return super().evaluate(
            x,
            normal_clips(x, y),
            batch_size=batch_size,
            verbose=verbose,
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

    def initialize_clusters(
        self, appearance: Any, motion: Any, *, provisional: bool = False
    ) -> None:
        """Set both sets of centroids by k-means (stage 2).

        Args:
            appearance: codes `(count, dim)` of the appearance encoder.
            motion: codes `(count, dim)` of the motion encoder.
            provisional: whether stage 3 does not follow: a `fit` that goes on
                from here goes on with stage 1, and sets them anew.
        """
        self.appearance_clusters.initialize(appearance, seed=self.seed)
        self.motion_clusters.initialize(motion, seed=self.seed)
        self.clusters_flag.assign(PROVISIONAL if provisional else IN_USE)

    def forget_clusters(self) -> None:
        """Let the centroids count as random: stage 1 moves the codes."""
        self.clusters_flag.assign(RANDOM)

    def active_blocks(self) -> tuple[str, ...]:
        """Return the blocks of weights that the stage updates, in order."""
        return tuple(b for b in STAGES[self.stage] if self.block_variables(b))

    def _check_blocks(self) -> None:
        """Refuse a model without trainable weights; tell of a frozen half."""
        if not self.trainable_variables:
            raise ValueError(
                "All weights are frozen, so there is nothing to train. Set "
                "trainable = True on the model or on some of its layers."
            )
        if not self.block_variables("autoencoders") and (
            self.schedule.pretrain_epochs != 0 and not self.clusters_in_use
        ):
            logger.warning(
                "Both autoencoders are frozen: stage 1 trains nothing, and its "
                "losses are shown as 0. Leave it out with "
                "schedule={'pretrain_epochs': 0}."
            )

    def block_variables(self, block: str) -> list[keras.Variable]:
        """Return the trainable weights of a block.

        Args:
            block: `"autoencoders"` or `"centroids"`.
        """
        layers = (self.appearance_clusters, self.motion_clusters)
        ids = {id(layer.centroids) for layer in layers}
        wanted = block == "centroids"
        return [v for v in self.trainable_variables if (id(v) in ids) == wanted]

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

    @property
    def _will_cluster(self) -> bool:
        """Whether a `fit` would come to k-means."""
        return self.schedule.pretrain_epochs != 0 or not self.clusters_in_use

    @property
    def _inner_optimizer(self) -> BlockOptimizer:
        """The optimizer of both blocks, without what scales the loss."""
        optimizer: Any = self.optimizer
        if isinstance(optimizer, keras.optimizers.LossScaleOptimizer):
            return optimizer.inner_optimizer
        return optimizer

    def _make_optimizer(self, optimizer: Any) -> BlockOptimizer:
        if isinstance(optimizer, BlockOptimizer):
            return optimizer
        if optimizer is None:
            optimizer = keras.optimizers.Adam(
                self.schedule.learning_rate, beta_2=self.schedule.beta_2
            )
        optimizer = keras.optimizers.get(optimizer)
        if isinstance(optimizer, WRAPPERS):
            raise ValueError(
                "compile takes an optimizer of the autoencoders alone: CDAE "
                "scales the loss itself where its dtype asks for it, and has "
                "Adam for the centroids; a BlockOptimizer names both. Pass "
                f"the inner one. Received: a {type(optimizer).__name__}"
            )
        return BlockOptimizer.for_blocks(
            optimizer,
            keras.optimizers.Adam(self.schedule.cluster_learning_rate),
        )


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
