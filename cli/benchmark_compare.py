"""`keras-cdae benchmark compare`."""

from typing import Any

import click

from . import options, sweeps


@click.command("compare")
@options.apply(
    *sweeps.head(("edge", "nano")),
    click.option(
        "--models",
        type=options.Names(options.COMPARED),
        default=",".join(options.COMPARED),
        show_default=True,
        help="Which, with commas between.",
    ),
    *sweeps.tail("compare"),
)
def command(models: tuple[str, ...], **values: Any) -> None:
    """Train CDAE and the models of the paper's Table 1 at one budget.

    Prints one table: AUC under every protocol, parameters, operations, frames
    a second and training time; trivial scores and the published numbers
    beside. Finished runs are kept: call it again to go on, or to add seeds or
    models.
    """
    from keras_cdae.runs.variants import COMPARISON

    chosen = [variant for variant in COMPARISON if variant.name in models]
    sweeps.run("compare", "CDAE and baselines", chosen, **values)
