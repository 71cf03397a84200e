"""`keras-cdae benchmark motion`."""

from typing import Any

import click

from . import options, sweeps


@click.command(
    "motion", short_help="Repeat the paper's Fig. 6: difference against flow."
)
@options.apply(
    *sweeps.head(options.PRESETS),
    click.option(
        "--targets",
        type=options.Names(options.MOTION_TARGETS),
        default=",".join(options.MOTION_TARGETS),
        show_default=True,
        help="Which, with commas between.",
    ),
    *sweeps.tail("motion"),
)
def command(targets: tuple[str, ...], **values: Any) -> None:
    """Repeat the paper's Fig. 6: difference of frames against optical flow.

    What the motion decoder learns to give: the differences, OpenCV's DIS
    flow, or scikit-image's TV-L1 (0.1 to 0.4 s a frame of 128 x 128, once, at
    the first decoding). The paper measures it on Ped2. Prints AUC and
    milliseconds a frame. Finished runs are kept: call it again to go on, or
    to add seeds or targets.
    """
    from keras_cdae.runs.columns import MOTION, MOTION_NOTE
    from keras_cdae.runs.variants import MOTION as VARIANTS

    sweeps.run(
        "motion",
        "Motion targets (Fig. 6)",
        [variant for variant in VARIANTS if variant.name in targets],
        columns=MOTION,
        note=MOTION_NOTE,
        timed=True,
        **values,
    )
