"""What the tables of the paper compare, as data; its numbers beside ours."""

import dataclasses
from collections.abc import Mapping
from typing import Any


@dataclasses.dataclass(frozen=True)
class Variant:
    """One row of a table: a model and what is changed in it.

    Args:
        name: of the row, and of the folder of its runs.
        model: a name in `baselines.MODELS`.
        overrides: arguments of the model, instead of the preset's.
        published: per-video AUC in percent as the paper prints it, by data
            set.
    """

    name: str
    model: str = "cdae"
    overrides: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    published: Mapping[str, float] = dataclasses.field(default_factory=dict)


def _row(ped2: float, avenue: float, shanghaitech: float | None = None) -> Any:
    row = {"ped2": ped2, "avenue": avenue}
    return (
        row if shanghaitech is None else {**row, "shanghaitech": shanghaitech}
    )


# Table 1. The others' numbers are as Chang et al. print them.
COMPARISON = (
    Variant("cdae", published=_row(96.5, 86.0, 73.3)),
    Variant("conv2d-ae", "conv2d-ae", published=_row(85.0, 80.0, 60.9)),
    Variant("memae", "memae", published=_row(94.1, 83.3, 71.2)),
    # Of Luo et al. (2017), a relative of ours.
    Variant("convlstm-ae", "convlstm-ae", published=_row(88.1, 77.0)),
    # With the GAN and the flow network that ours is without.
    Variant(
        "frame-prediction", "frame-prediction", published=_row(95.4, 84.9, 72.8)
    ),
)


def _without(*branches: str, attention: bool = False) -> dict[str, Any]:
    """Return the arguments of a `PlainCDAE`."""
    return {
        "branches": list(branches),
        "attention": {} if attention else None,
    }


# The tables of the paper are of its own score, whatever the preset's is.
EQUATION_14 = {
    "score_terms": dict.fromkeys(
        ("error", "appearance_distance", "motion_distance")
    )
}

# Table 2, on Avenue.
ABLATION = (
    Variant("motion", "plain-cdae", _without("motion"), {"avenue": 79.9}),
    Variant(
        "appearance", "plain-cdae", _without("appearance"), {"avenue": 71.2}
    ),
    Variant(
        "both",
        "plain-cdae",
        _without("appearance", "motion"),
        {"avenue": 81.4},
    ),
    Variant(
        "both-attention",
        "plain-cdae",
        _without("appearance", "motion", attention=True),
        {"avenue": 82.8},
    ),
    Variant(
        "both-clusters",
        "cdae",
        {"attention": None, **EQUATION_14},
        {"avenue": 83.5},
    ),
    Variant("all", "cdae", EQUATION_14, {"avenue": 86.0}),
)

# Fig. 6, on Ped2: the motion target. Its text has TV-L1 at 2.6 below.
MOTION = (
    Variant("difference", "cdae", EQUATION_14, {"ped2": 96.5}),
    Variant("flow-dis", "flow-cdae", {"flow": "dis", **EQUATION_14}),
    Variant(
        "flow-tvl1",
        "flow-cdae",
        {"flow": "tvl1", **EQUATION_14},
        {"ped2": 93.9},
    ),
)

# Table 3, on Ped2, and one row more: what Eq. 11 is for.
CLUSTERS = (
    Variant("none", "plain-cdae", published={"ped2": 94.5}),
    *(
        Variant(
            f"{count}-clusters",
            "cdae",
            {"num_clusters": count, **EQUATION_14},
            {"ped2": published},
        )
        for count, published in (
            (4, 95.6),
            (8, 95.5),
            (16, 96.0),
            (32, 96.5),
            (64, 96.4),
        )
    ),
    Variant(
        "32-no-redundancy",
        "cdae",
        {"num_clusters": 32, "redundancy_weight": 0.0, **EQUATION_14},
    ),
)
