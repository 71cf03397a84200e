"""`keras-cdae benchmark ablation`."""

from typing import Any

import click

from . import options, sweeps


@click.command("ablation")
@options.apply(*sweeps.head(options.PRESETS), *sweeps.tail("ablation"))
def command(**values: Any) -> None:
    """Repeat the paper's Table 2: what each part of the method brings.

    Motion alone, appearance alone, both, both with attention, both with
    clusters, all. The paper measures it on Avenue. Finished runs are kept:
    call it again to go on, or to add seeds.
    """
    from keras_cdae.runs.columns import CENTROID_NOTE, CENTROIDS
    from keras_cdae.runs.variants import ABLATION

    sweeps.run(
        "ablation",
        "Parts of CDAE (Table 2)",
        ABLATION,
        columns=CENTROIDS,
        note=CENTROID_NOTE,
        **values,
    )
