"""How fast training and scoring are on this machine, under each backend.

    python benchmarks/speed.py --preset edge
    python benchmarks/speed.py --preset nano --backend torch --steps 20 --json

Every backend, and the input pipeline, is measured in a process of its own, so
that they share neither threads nor memory. Frames are random, and read from
memory-mapped files as in training; the times do not depend on what they show.

What the loop adds: epochs of `fit` as `keras-cdae train` runs them (input,
optimizer, metrics, history, checkpoints, the log of centroids; no validation)
against the gradients of the same batches alone. Measured in wall clock and in
processor time, which other programs on the machine do not stretch.
"""

import importlib.util
import json
import os
import platform
import subprocess
import sys
from typing import Any

import click
from measuring import STAGES, measure_model, measure_pipeline

BACKENDS = ("tensorflow", "jax", "torch")
# Without these, torch's OpenMP threads spin while they wait; set before import.
PASSIVE = {"OMP_WAIT_POLICY": "PASSIVE", "KMP_BLOCKTIME": "0"}


@click.command()
@click.option("--preset", default="edge", show_default=True)
@click.option("--batch-size", default=8, show_default=True)
@click.option("--steps", default=10, show_default=True, help="Timed, a stage.")
@click.option(
    "--backend",
    "backends",
    multiple=True,
    type=click.Choice(BACKENDS),
    help="May be repeated.  [default: all that are installed]",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, no table.")
@click.option("--worker", hidden=True)
def main(
    preset: str,
    batch_size: int,
    steps: int,
    backends: tuple[str, ...],
    as_json: bool,
    worker: str | None,
) -> None:
    """Measure the input pipeline, training steps, scoring and memory."""
    if worker is not None:
        measure = measure_pipeline if worker == "pipeline" else measure_model
        click.echo(json.dumps(measure(preset, batch_size, steps)))
        return
    installed = [b for b in BACKENDS if importlib.util.find_spec(b)]
    chosen = list(backends) or installed
    arguments = ["--preset", preset, "--batch-size", str(batch_size)]
    arguments += ["--steps", str(steps)]
    results = {
        name: run_worker(name, arguments, backend)
        for name, backend in [
            ("pipeline", chosen[0]),
            *((backend, backend) for backend in chosen),
        ]
    }
    report: dict[str, Any] = {
        "preset": preset,
        "batch_size": batch_size,
        "steps": steps,
        "machine": f"{platform.system()} {platform.machine()}",
        "cores": len(os.sched_getaffinity(0)),
        "pipeline": results.pop("pipeline"),
        "backends": results,
    }
    report["pipeline_ahead"] = pipeline_ahead(report)
    click.echo(json.dumps(report, indent=2) if as_json else table(report))
    if any("error" in r for r in (report["pipeline"], *results.values())):
        raise SystemExit(1)


def run_worker(name: str, arguments: list[str], backend: str) -> dict[str, Any]:
    """Run this file in another process; return what it measured."""
    click.echo(f"measuring {name} ...", err=True)
    environment = {**os.environ, "KERAS_BACKEND": backend}
    environment.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    environment.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as the command
    if backend == "torch":
        environment.update(PASSIVE)
    done = subprocess.run(
        [sys.executable, __file__, "--worker", name, *arguments],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return {"error": lines[-1]}
    return json.loads(done.stdout.splitlines()[-1])


def pipeline_ahead(report: dict[str, Any]) -> dict[str, Any] | None:
    """Return how many times faster clips come than the fastest model trains."""
    rates = report["pipeline"].get("clips_per_second", {})
    trained = {
        name: result["clips_per_second"]
        for name, result in report["backends"].items()
        if "error" not in result
    }
    if not rates or not trained:
        return None
    fastest = max(trained, key=lambda name: trained[name])
    ratios = {k: v / trained[fastest] for k, v in rates.items() if v}
    return {"fastest_backend": fastest, "ratio": ratios}


def loop_lines(backends: dict[str, Any]) -> list[str]:
    """Return what a training loop takes against its gradients alone."""
    lines = [
        f"{'a step, s':12}{'stage':>14}{'gradients':>12}{'fit':>12}"
        f"{'ratio':>10}{'processor time':>18}",
    ]
    for name, result in backends.items():
        if "error" in result:
            continue
        for stage in STAGES:
            ratio = result["loop_over_network"][stage]
            lines.append(
                f"{name:12}{stage:>14}"
                f"{result['network_seconds'][stage]['wall']:12.3f}"
                f"{result['loop_seconds'][stage]['wall']:12.3f}"
                f"{ratio['wall']:10.2f}{ratio['processor']:18.2f}"
            )
    return lines


def table(report: dict[str, Any]) -> str:
    """Return the report for people."""
    lines = [
        f"preset {report['preset']}, {report['batch_size']} clips a batch, "
        f"{report['cores']} cores",
        "",
        f"{'':12}{'step, s':>12}{'step, s':>14}{'training':>12}"
        f"{'scoring':>12}{'peak':>10}",
        f"{'backend':12}{'pretraining':>12}{'alternation':>14}"
        f"{'clips/s':>12}{'frames/s':>12}{'MiB':>10}",
    ]
    for name, result in report["backends"].items():
        if "error" in result:
            lines.append(f"{name:12}failed: {result['error']}")
            continue
        seconds = result["step_seconds"]
        lines.append(
            f"{name:12}{seconds['pretraining']:12.3f}"
            f"{seconds['alternation']:14.3f}"
            f"{result['clips_per_second']:12.1f}"
            f"{result['scored_frames_per_second']:12.1f}"
            f"{result['peak_memory_mb']:10.0f}"
        )
    lines += ["", *loop_lines(report["backends"]), ""]
    pipeline = report["pipeline"]
    if "error" in pipeline:
        return "\n".join(
            [*lines, f"input pipeline failed: {pipeline['error']}"]
        )
    for name, clips in pipeline["clips_per_second"].items():
        shown = "not installed" if clips is None else f"{clips:.0f} clips/s"
        lines.append(f"input by {name}: {shown}")
    ahead = report["pipeline_ahead"]
    for name, ratio in (ahead or {"ratio": {}})["ratio"].items():
        verdict = "keeps ahead of" if ratio > 1 else "FALLS BEHIND"
        lines.append(
            f"{name} {verdict} the fastest backend, {ahead['fastest_backend']}"
            f": {ratio:.1f} times its clips"
        )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
