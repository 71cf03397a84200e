"""The three stages of training, as data (sections 3.5 and 4.2)."""

import dataclasses
from typing import Any

from keras_cdae.serialization import register

ALTERNATIONS = ("batch", "epoch")


@dataclasses.dataclass(frozen=True)
class Plan:
    """Which epoch does what, in one `fit` of known length.

    Attributes:
        pretrain_epochs: epochs without clusters; k-means runs after them.
        decay_epoch: epoch (0-based) from which the learning rate of the
            autoencoders is multiplied by `decay_factor`.
        epochs: epochs in all.
    """

    pretrain_epochs: int
    decay_epoch: int
    epochs: int


@register
@dataclasses.dataclass(frozen=True)
class Schedule:
    """How `fit` divides its epochs, and the learning rates of each stage.

    Stage 1 trains both autoencoders without clusters; stage 2 is k-means on
    their frozen codes; stage 3 alternates between the autoencoders (Eq. 13,
    centroids frozen) and the centroids (Eq. 12, autoencoders frozen).

    Args:
        pretrain_epochs: epochs of stage 1. None: a third of all, at least one
            (the paper: 50 of 150 on Ped2, 100 of 300 elsewhere). 0: continue
            a model whose clusters are there already.
        decay_after: epochs of stage 3 after which the autoencoders' learning
            rate falls by `decay_factor`. None: never.
        learning_rate: Adam's, for the autoencoders in stage 1.
        alternation_factor: what `learning_rate` is multiplied by in stage 3.
        decay_factor: what it is multiplied by after `decay_after`.
        cluster_learning_rate: Adam's, for the centroids.
        beta_2: Adam's, for the autoencoders. The gradients of motion are tiny
            and may jump a hundredfold; 0.99 lets Adam notice within a hundred
            steps and keeps a fast learning rate stable.
        alternate: `"batch"`: every batch updates the autoencoders, then the
            centroids. `"epoch"`: whole epochs take turns.

    Raises:
        ValueError: for a value out of range.

    Example:
        >>> Schedule().plan(150)
        Plan(pretrain_epochs=50, decay_epoch=150, epochs=150)
        >>> Schedule(decay_after=100).plan(300).decay_epoch
        200
    """

    pretrain_epochs: int | None = None
    decay_after: int | None = None
    learning_rate: float = 1e-4
    alternation_factor: float = 1.0
    decay_factor: float = 0.1
    cluster_learning_rate: float = 1e-5
    beta_2: float = 0.999
    alternate: str = "batch"

    def __post_init__(self) -> None:
        for name in ("pretrain_epochs", "decay_after"):
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(
                    f"{name} must be None or not negative. "
                    f"Received: {name}={value!r}"
                )
        for name in (
            "learning_rate",
            "alternation_factor",
            "decay_factor",
            "cluster_learning_rate",
        ):
            value = getattr(self, name)
            if not value > 0:
                raise ValueError(
                    f"{name} must be positive. Received: {name}={value!r}"
                )
        if not 0 < self.beta_2 < 1:
            raise ValueError(
                f"beta_2 must lie in (0, 1). Received: beta_2={self.beta_2!r}"
            )
        if self.alternate not in ALTERNATIONS:
            raise ValueError(
                f"alternate must be one of {ALTERNATIONS}. "
                f"Received: alternate={self.alternate!r}"
            )

    def plan(self, epochs: int) -> Plan:
        """Return what each of `epochs` epochs does."""
        pretrain = self.pretrain_epochs
        if pretrain is None:
            pretrain = max(1, round(epochs / 3))
        decay = epochs
        if self.decay_after is not None:
            decay = pretrain + self.decay_after
        return Plan(min(pretrain, epochs), min(decay, epochs), epochs)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal schedule."""
        return dataclasses.asdict(self)

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> "Schedule":
        """Return the schedule that `get_config` described."""
        return cls(**config)


def as_schedule(value: Schedule | dict[str, Any] | None) -> Schedule:
    """Return a schedule, from its arguments or the default if need be.

    Args:
        value: a schedule, its arguments, or None.
    """
    if value is None:
        return Schedule()
    return value if isinstance(value, Schedule) else Schedule(**value)
