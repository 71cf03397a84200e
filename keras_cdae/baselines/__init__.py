"""Scores that need no model; they stand beside the model in every table."""

from keras_cdae.baselines.trivial import (
    frame_difference_block_scores,
    frame_difference_maps,
    frame_difference_scores,
    frame_index_scores,
)

__all__ = [
    "frame_difference_block_scores",
    "frame_difference_maps",
    "frame_difference_scores",
    "frame_index_scores",
]
