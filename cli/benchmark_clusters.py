"""`keras-cdae benchmark clusters`."""

from typing import Any

import click

from . import options, sweeps


@click.command("clusters")
@options.apply(*sweeps.head(options.PRESETS), *sweeps.tail("clusters"))
def command(**values: Any) -> None:
    """Repeat the paper's Table 3: how many clusters.

    None, 4, 8, 16, 32 and 64, and 32 without the redundancy term (Eq. 11).
    The paper measures it on Ped2. Beside each, how many centroids are in use
    and how far apart they lie. Finished runs are kept: call it again to go
    on, or to add seeds.
    """
    from keras_cdae.runs.columns import CENTROID_NOTE, CENTROIDS
    from keras_cdae.runs.variants import CLUSTERS

    sweeps.run(
        "clusters",
        "Numbers of clusters (Table 3)",
        CLUSTERS,
        columns=CENTROIDS,
        note=CENTROID_NOTE,
        **values,
    )
