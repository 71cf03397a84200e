"""`keras-cdae report`."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from keras_cdae.errors import DataError, in_command

from . import backend, options, output, progress

if TYPE_CHECKING:
    from keras_cdae.models import CDAE
    from keras_cdae.reports.gather import Results

MIB = 2**20


@click.command("report")
@click.argument("source", type=click.Path(path_type=Path))
@options.apply(
    click.option(
        "--output",
        "page",
        type=click.Path(dir_okay=False, path_type=Path),
        help="The page.  [default: report.html in the folder, or beside the "
        "file]",
    ),
    click.option(
        "--videos",
        type=click.Path(path_type=Path),
        help="Folder of the scored videos, called as in the scores.",
    ),
    options.dataset_or_runs,
    options.data_dir,
    click.option(
        "--model",
        type=options.Model(),
        help="Model that the scores are from: heat maps, centroids, threshold."
        "  [default: that of the run]",
    ),
    click.option(
        "--maps/--no-maps",
        default=True,
        help="Whether to run the model for heat maps and centroids.",
    ),
    click.option(
        "--alarms-per-hour",
        type=options.Finite(min=0, min_open=True),
        default=1.0,
        show_default=True,
        help="False alarms that the threshold allows.",
    ),
    click.option(
        "--fps",
        type=options.Finite(min=0, min_open=True),
        help="Frames a second.  [default: what the videos say]",
    ),
    click.option(
        "--max-mib",
        type=options.Finite(min=1),
        default=25.0,
        show_default=True,
        help="How large the page may be; the oddest videos come first.",
    ),
    click.option(
        "--open", "show", is_flag=True, help="Show the page in a browser."
    ),
    options.backend,
)
def command(
    source: Path, backend: str | None, show: bool, **arguments: Any
) -> None:
    """Make one page of SOURCE that needs no network and no other file.

    SOURCE is a run folder after `eval`, a scores.csv, or the folder that
    `score` wrote. With the videos at hand the page plays them, their curve
    and heat map beside them.
    """
    del backend  # has taken effect
    page = report(source, **arguments)
    if show:
        click.launch(str(page))


def report(
    source: Path,
    *,
    page: Path | None = None,
    videos: Path | None = None,
    dataset: str | None = None,
    data_dir: Path | None = None,
    model: str | None = None,
    maps: bool = True,
    alarms_per_hour: float = 1.0,
    fps: float | None = None,
    max_mib: float = 25.0,
) -> Path:
    """Write the page with progress bars, and say what it lacks."""
    from keras_cdae.reports.gather import read_results
    from keras_cdae.reports.locate import locate_videos
    from keras_cdae.reports.page import require_packages, write_report
    from keras_cdae.runs.find import find_model, shipped_models

    require_packages()
    if source.suffix == ".keras" or str(source) in shipped_models():
        raise DataError(
            f"{source}: is a model, and a report is of scores: write them with "
            f"`keras-cdae eval {in_command(source)} --dataset NAME --data-dir "
            "DIR --output FOLDER`, then give FOLDER."
        )
    file = None if model is None else find_model(model)
    results = read_results(source, model_file=file)
    located = locate_videos(
        results, videos=videos, dataset=dataset, data_dir=data_dir
    )
    loaded = _load(results) if maps and located.paths else None
    with (
        progress.steps("Encoding") as encoding,
        progress.steps("Looking") as looking,
    ):
        facts = write_report(
            results,
            page or _beside(source),
            paths=located.paths,
            model=loaded,
            fps=fps,
            usual_fps=located.fps,
            alarms_per_hour=alarms_per_hour,
            max_mib=max_mib,
            progress=encoding,
            looked=looking,
        )
    for note in facts.notes:
        output.say(f"Note: {note}")
    output.say(
        f"Wrote {facts.path}: {facts.size / MIB:.1f} MiB, {facts.clips} of "
        f"{facts.videos} videos play in it."
    )
    return facts.path


def _beside(source: Path) -> Path:
    if source.is_dir():
        return source / "report.html"
    return source.with_suffix(".html")


def _load(results: "Results") -> "CDAE | None":
    """Return the model, if there is one: keras takes seconds to import."""
    if results.model_file is None:
        return None
    backend.require()
    from keras_cdae.runs.loader import load

    return load(results.model_file)
