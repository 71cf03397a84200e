"""Callbacks that `CDAE.fit` brings along: stages, and watching for NaN."""

import logging
import math
from typing import Any

import keras

from keras_cdae.errors import NonFiniteError
from keras_cdae.training.codes import collect_codes
from keras_cdae.training.order import Order
from keras_cdae.training.schedule import Schedule

logger = logging.getLogger(__name__)

# Shares of the motion target that is explained.
DEAD = 0.02  # below it, a decoder that had time to learn has learnt nothing
COLLAPSE = 0.3  # so much below the best epoch, it has forgotten


class Stages(keras.callbacks.Callback):
    """Put the model into the stage of each epoch, and run k-means between.

    Everything is a function of the epoch's number and of what the model's
    weights hold, so that a run resumed by `BackupAndRestore` goes on the same.
    Stage 1 does not come again in a `fit` that goes on (`initial_epoch`) with
    more epochs than were planned: only epoch 0 begins anew.

    Args:
        schedule: the stages.
        data: what `fit` was given; k-means reads it once.
        target: the normal clips of pairs, where `data` is an array.
        batch_size: clips a batch, where `data` is an array.
        steps: batches an epoch, where `data` has no length.
    """

    def __init__(
        self,
        schedule: Schedule,
        data: Any,
        target: Any = None,
        *,
        batch_size: int | None = None,
        steps: int | None = None,
    ) -> None:
        super().__init__()
        self.schedule = schedule
        self.data = data
        self.target = target
        self.batch_size = batch_size or 32  # as Keras has it
        self.steps = steps

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Enter the stage of this epoch."""
        plan = self.schedule.plan(self.params["epochs"])
        Order(self.data).on_epoch_begin(epoch)
        rates = self.model.learning_rates
        if epoch == 0:
            rates.restart()
        rates.remember()
        young = epoch < plan.pretrain_epochs
        if young and (epoch == 0 or not self.model.clusters_in_use):
            self.model.forget_clusters()
            self.model.set_stage("pretraining")
            return
        if not self.model.clusters_in_use:
            if epoch > 0:
                rates.scale(self.schedule.alternation_factor)
            self._cluster()
        if epoch == plan.decay_epoch:
            rates.scale(self.schedule.decay_factor)
        if self.schedule.alternate == "batch":
            self.model.set_stage("alternation")
        else:
            odd = (epoch - plan.pretrain_epochs) % 2
            self.model.set_stage("centroids" if odd else "autoencoders")

    def finish(self) -> None:
        """Cluster if the epochs did not, or no distance would mean a thing.

        After all callbacks: `EarlyStopping` may bring back weights of stage 1.
        """
        self.model.learning_rates.remember()
        if not self.model.clusters_ready:
            self._cluster(provisional=True)

    def _cluster(self, *, provisional: bool = False) -> None:
        codes = collect_codes(
            self.model.compiled_encode,
            self.data,
            self.target,
            batch_size=self.batch_size,
            steps=self.steps,
            seed=self.model.seed,
        )
        self.model.initialize_clusters(*codes, provisional=provisional)


class Watch(keras.callbacks.Callback):
    """Stop at the first loss that is not finite; warn of a dead decoder."""

    patience = 300  # batches a young motion decoder may explain nothing
    # Keras then calls it beside the training, which else waits, on a GPU, for
    # the numbers of every step before it begins the next. There it must not
    # look at the model, whose weights are under way.
    async_safe = True

    def __init__(self) -> None:
        super().__init__()
        self.epoch = 0
        self.stage = ""
        self.rate = math.nan
        self.batches = 0  # of the epochs before
        self.reached = 0  # of this one
        self.best = -math.inf
        self.warned = False

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        """Remember which epoch it is."""
        self.epoch = epoch
        self.reached = 0

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Remember what the epoch is trained with."""
        if batch == 0:
            self.stage = self.model.stage
            rate = self.model.optimizer.learning_rate
            self.rate = float(keras.ops.convert_to_numpy(rate))

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """Raise `NonFiniteError` if a term of the loss is not finite."""
        self.reached = max(self.reached, batch + 1)
        bad = [k for k, v in (logs or {}).items() if not math.isfinite(v)]
        if bad:
            raise NonFiniteError(
                f"Training stopped: {', '.join(bad)} became NaN or infinite "
                f"in epoch {self.epoch + 1}, batch {batch + 1}, stage "
                f"{self.stage!r} (learning rate {self.rate:.3g}). "
                "Check that clips are finite and in [0, 1], or lower the "
                "learning rate; the checkpoint of the epoch before is whole."
            )

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """Raise `NonFiniteError` if a loss of validation is not finite."""
        bad = [k for k, v in (logs or {}).items() if not math.isfinite(v)]
        if bad:
            raise NonFiniteError(
                f"Validation met NaN or infinity: {', '.join(bad)}, in epoch "
                f"{self.epoch + 1}, validation batch {batch + 1}. The training "
                "losses are finite, so look at the validation clips: they must "
                "be finite and in [0, 1]."
            )

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Warn once if the motion decoder explains nothing, or no longer."""
        self.batches += self.reached
        explained = (logs or {}).get("motion_explained")
        if explained is None or self.model.stage == "centroids":
            return
        self.best = max(self.best, explained)
        young = self.batches < self.patience
        dead = not young and explained < DEAD
        if self.warned or not (dead or explained < self.best - COLLAPSE):
            return
        self.warned = True
        logger.warning(
            "The motion decoder explains %.0f %% of the motion target after "
            "epoch %d (best so far: %.0f %%). One that explains nothing "
            "leaves a score that is little more than the plain frame "
            "difference. Lower the learning rate or cluster_weight, or train "
            "longer.",
            100 * explained,
            epoch + 1,
            100 * self.best,
        )
