"""`keras-cdae benchmark runtime`."""

import dataclasses
import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from keras_cdae.export.formats import FORMATS

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.export.speed import Speed


@click.command("runtime")
@options.apply(
    click.option(
        "--model",
        type=options.Model(),
        required=True,
        help="Run folder, .keras file, shipped model, or an exported file.",
    ),
    options.timed_video,
    options.timed_threads,
    options.timed_frames,
    options.repeats,
    options.lean,
    click.option(
        "--output",
        "target",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Write the table as CSV, too.",
    ),
    click.option(
        "--plot",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Draw frames a second into this PNG, too.",
    ),
    options.json_output,
)
def command(
    model: str,
    video: Path,
    threads: tuple[int, ...],
    frames: int,
    repeats: int,
    lean: bool,
    target: Path | None,
    plot: Path | None,
    as_json: bool,
) -> None:
    """Measure frames a second, end to end and of the model alone.

    A model is measured under every installed backend of Keras and in every
    format, an exported file as it is. int8 is left out unless a file of it is
    given. Each measurement is a process pinned to its cores. "core ms" is
    processor time a frame, end to end, of all threads: what else the machine
    does changes it less than the rates.
    """
    from keras_cdae.data.video import video_info
    from keras_cdae.export.speed import measure_file

    video_info(video)  # says what is wrong before anything slow
    output.require_target(target)
    output.require_target(plot, "--plot")
    if plot is not None:
        from keras_cdae.reports.figures import new_figure

        new_figure(1.0)  # needs matplotlib
    rows: list[Speed] = []
    with tempfile.TemporaryDirectory() as folder:
        files = list(_files(model, Path(folder), lean))
        with progress.steps("Measuring") as measured:
            total = len(files) * len(threads)
            for count in threads:
                for name, path, keras_backend in files:
                    measured(len(rows), total, f"{name}, {count} threads")
                    rows.append(
                        measure_file(
                            path,
                            video,
                            name=name,
                            threads=count,
                            backend=keras_backend,
                            frames=frames,
                            repeats=repeats,
                        )
                    )
            measured(total, total, "done")
    if as_json:
        values = [dataclasses.asdict(row) for row in rows]
        click.echo(json.dumps(values, indent=2))
    else:
        _print(rows, video)
    if target is not None:
        output.write_table(target, [dataclasses.asdict(row) for row in rows])
    if plot is not None:
        _draw(plot, rows, video)


def _files(
    model: str, folder: Path, lean: bool
) -> Iterator[tuple[str, Path, str]]:
    """Yield name, file and Keras backend of what is to be measured."""
    path = Path(model)
    suffixes = {f.suffix: name for name, f in FORMATS.items() if f.on_edge}
    if path.suffix in suffixes:
        from keras_cdae.runtime.metadata import read_metadata

        read_metadata(path)  # says what is wrong before a process is started
        yield path.name, path, "tensorflow"
        return
    backend.require()
    from keras_cdae.errors import MissingDependencyError
    from keras_cdae.export.exporter import export
    from keras_cdae.export.speed import installed_backends
    from keras_cdae.runs.loader import find_model

    file = find_model(model)
    for name in installed_backends():
        yield f"keras, {name}", file, name
    for name, form in FORMATS.items():
        for quantize in form.quantizations:
            if name == "keras" or quantize == "int8":
                continue
            target = folder / f"{name}-{quantize}{form.suffix}"
            title = name if quantize == "none" else f"{name}, {quantize}"
            try:
                export(
                    file,
                    target,
                    format=name,
                    quantize=quantize,
                    lean=lean,
                    check=False,
                    allow_uncalibrated=True,
                )
            except MissingDependencyError as error:
                output.say(f"Left out {title}: {error}")
                continue
            yield title, target, "tensorflow"


def _draw(target: Path, rows: "list[Speed]", video: Path) -> None:
    from keras_cdae.files import atomic_path
    from keras_cdae.reports.speed_bars import speed_bars

    speeds: dict[str, dict[int, float]] = {}
    for row in rows:
        speeds.setdefault(row.name, {})[row.threads] = row.end_to_end
    with atomic_path(target) as temporary:
        speed_bars(speeds, title=video.name).savefig(temporary, format="png")
    output.say(f"Wrote {target}")


def _print(rows: "list[Speed]", video: Path) -> None:
    output.print_table(
        f"Frames a second on {video.name}",
        [
            "model",
            "threads",
            "end to end",
            "core ms",
            "inference",
            "ms a call",
            "clips a call",
        ],
        [
            [
                row.name,
                str(row.threads),
                f"{row.end_to_end:.1f}",
                f"{row.core_ms:.1f}",
                f"{row.inference:.1f}",
                f"{row.latency_ms:.1f}",
                str(row.batch),
            ]
            for row in rows
        ],
    )
