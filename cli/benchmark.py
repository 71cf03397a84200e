"""`keras-cdae benchmark`: a module for each of its commands."""

import click

from . import (
    benchmark_ablation,
    benchmark_clusters,
    benchmark_compare,
    benchmark_results,
    benchmark_runtime,
    benchmark_scores,
)


@click.group("benchmark")
def command() -> None:
    """Measure speed; compare models; repeat the paper's tables."""


for module in (
    benchmark_runtime,
    benchmark_compare,
    benchmark_ablation,
    benchmark_clusters,
    benchmark_scores,
    benchmark_results,
):
    command.add_command(module.command)
