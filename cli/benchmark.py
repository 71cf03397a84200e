"""`keras-cdae benchmark`: a module for each of its commands."""

import click

from . import (
    benchmark_ablation,
    benchmark_alarms,
    benchmark_clusters,
    benchmark_compare,
    benchmark_motion,
    benchmark_parity,
    benchmark_results,
    benchmark_runtime,
    benchmark_scores,
    benchmark_tradeoff,
)


@click.group("benchmark")
def command() -> None:
    """Measure speed, exports and false alarms; compare models; rate scores."""


for module in (
    benchmark_runtime,
    benchmark_parity,
    benchmark_tradeoff,
    benchmark_compare,
    benchmark_ablation,
    benchmark_clusters,
    benchmark_motion,
    benchmark_scores,
    benchmark_results,
    benchmark_alarms,
):
    command.add_command(module.command)
