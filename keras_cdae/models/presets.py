"""Named settings; a preset is data."""

import dataclasses
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from keras_cdae.training.schedule import Schedule


@dataclasses.dataclass(frozen=True)
class Preset:
    """A network and how it is trained.

    Attributes:
        model: arguments of `CDAE`.
        schedule: stages and learning rates.
        batch_size: clips a batch.
        epochs: epochs in all, for data sets that `epochs_by_dataset` lacks.
        epochs_by_dataset: epochs in all by the name of the data set.
        clip_step: frames from the start of one training clip to the next.
    """

    model: Mapping[str, Any]
    schedule: Schedule
    batch_size: int
    epochs: int
    epochs_by_dataset: Mapping[str, int]
    clip_step: int = 1


# Best of the scores that `benchmark scores` rates on held-out normal video, on
# Ped2 and on the synthetic camera alike; see docs/choosing.md.
UNEXPLAINED_MOTION = MappingProxyType(
    {"unexplained_motion": None, "appearance_distance": 16}
)

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        "paper": Preset(  # the paper's network and schedule, for a GPU
            model={"image_size": (256, 256), "channels": 3, "width": 32},
            schedule=Schedule(decay_after=100),
            batch_size=8,
            epochs=300,
            epochs_by_dataset={"ped1": 150, "ped2": 150},
        ),
        "edge": Preset(  # narrow, 128 x 128, for CPUs and small devices
            model={
                "image_size": (128, 128),
                "channels": 3,
                "width": 8,
                "decoder_multipliers": (4, 2, 1),
                "motion_input": "changes",  # see docs/choosing.md
                "alpha": 100.0,  # at 25 centroids can meet: docs/results.md
                # On held-out Ped2 of 0.1, 0.01 and 0.001 the one that keeps
                # most of the motion explained.
                "cluster_weight": 0.001,
                "score_terms": UNEXPLAINED_MOTION,
            },
            schedule=Schedule(
                learning_rate=4e-4,
                alternation_factor=0.5,
                cluster_learning_rate=1e-4,
                beta_2=0.99,
            ),
            batch_size=8,
            epochs=30,
            epochs_by_dataset={},
        ),
        "nano": Preset(  # tiny, 64 x 64, for tests and first tries
            model={
                "image_size": (64, 64),
                "channels": 3,
                "width": 4,
                "decoder_multipliers": (4, 2, 1),
                "motion_input": "changes",
                "num_clusters": 8,
                "cluster_weight": 0.001,
                "score_terms": UNEXPLAINED_MOTION,
            },
            schedule=Schedule(
                learning_rate=2e-3,
                alternation_factor=0.3,
                cluster_learning_rate=1e-4,
                beta_2=0.99,
            ),
            batch_size=8,
            epochs=9,
            epochs_by_dataset={},
        ),
    }
)


def preset(name: str) -> Preset:
    """Return the preset of this name.

    Raises:
        ValueError: for an unknown name; the message lists the known ones.
    """
    if name not in PRESETS:
        raise ValueError(
            f"Unknown preset: expected one of {', '.join(PRESETS)}. "
            f"Received: name={name!r}"
        )
    return PRESETS[name]
