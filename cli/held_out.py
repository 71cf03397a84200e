"""The video that a training held out, decoded with a progress bar."""

from pathlib import Path
from typing import TYPE_CHECKING

from . import progress

if TYPE_CHECKING:
    from keras_cdae.models.clip_scorer import ClipScorer
    from keras_cdae.runs.held_out import HeldOut


def decode(
    model: "ClipScorer",
    name: str,
    dataset: str,
    data_dir: Path | None,
    *,
    share: float | None = None,
    seed: int | None = None,
    cache_dir: Path | None = None,
) -> "HeldOut":
    """Return what the training of the model `name` did not see."""
    from keras_cdae.runs.held_out import held_out, split_of

    share, seed = split_of(name, dataset, share=share, seed=seed)
    with progress.steps("Decoding") as decoding:
        return held_out(
            model,
            dataset,
            data_dir,
            share=share,
            seed=seed,
            cache_dir=cache_dir,
            progress=decoding,
        )
