"""One self-contained HTML page about a run or a file of scores."""

import base64
import hashlib
import importlib.util
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from keras_cdae.errors import MissingDependencyError
from keras_cdae.files import write_text
from keras_cdae.reports import content, page_figures, sections, words
from keras_cdae.reports.embed import (
    Embedded,
    Footage,
    Progress,
    embed,
    find_footage,
    stills,
)
from keras_cdae.reports.gather import Results

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE

TEMPLATES = Path(__file__).with_name("templates")
NEEDS = {"av": "PyAV", "jinja2": "Jinja2", "matplotlib": "matplotlib"}
MIB = 2**20
# For all that is no clip: style, script, figures, stills, curves.
RESERVE = MIB // 2


@dataclass(frozen=True)
class PageFacts:
    """What was written.

    Attributes:
        path: the page.
        size: bytes.
        clips: how many videos play in it.
        videos: how many it is about.
        notes: what is missing, and how to add it.
    """

    path: Path
    size: int
    clips: int
    videos: int
    notes: tuple[str, ...]


def write_report(
    results: Results,
    output: str | os.PathLike[str],
    *,
    paths: Mapping[str, Path] | None = None,
    model: "CDAE | None" = None,
    fps: float | None = None,
    usual_fps: float | None = None,
    alarms_per_hour: float = 1.0,
    max_mib: float = 25.0,
    progress: Progress | None = None,
    looked: Progress | None = None,
) -> PageFacts:
    """Write a page that needs no network, no server and no other file.

    Without video files it has curves and tables, and says how to add the
    pictures; without a model, no heat maps and no centroids.

    Args:
        results: what `read_results` read.
        output: the `.html` file; replaced if it exists.
        paths: video files or folders of frames, by name of the video.
        model: the model that the scores are from.
        fps: frames a second; None: what the files say.
        usual_fps: where they do not say it; None: that of the calibration
            video, else 25.
        alarms_per_hour: names the threshold that is drawn.
        max_mib: how large the page may be; the highest-scoring videos come
            first, the others have curves only.
        progress: called after each encoded video.
        looked: called after each video that the model looked at.

    Returns:
        What was written.

    Raises:
        MissingDependencyError: if PyAV, Jinja2 or matplotlib is missing.
        VideoError: if a video cannot be read.
        ValueError: if `max_mib` is not positive.
    """
    require_packages()
    if not max_mib > 0:
        raise ValueError(f"max_mib must be positive. Received: {max_mib=}")
    footage = find_footage(results, paths or {}, fps=fps, usual_fps=usual_fps)
    embedded = embed(
        results,
        footage,
        model=model,
        budget=int(max_mib * MIB) - RESERVE,
        progress=progress,
        looked=looked,
    )
    found = content.groups(results)
    pictures = stills(
        [moment for group in found for moment in group.moments],
        footage,
        embedded,
        model=model,
    )
    rate = fps or next(iter(footage.fps.values()), None)
    context = {
        "moments": content.moment_groups(results, found, pictures, footage),
        "occupancy": sections.occupancy_part(embedded),
        **_scores(results, alarms_per_hour, rate),
    }
    while True:
        notes = missing(results, footage, embedded, max_mib)
        page = _page(results, footage, embedded, rate, notes, context)
        size = len(page.encode())
        if size <= max_mib * MIB or not embedded.clips:
            break
        _drop_one(embedded)
    write_text(output, page)
    return PageFacts(
        Path(output), size, len(embedded.clips), len(results.videos), notes
    )


def require_packages() -> None:
    """See that what a page is made with is installed.

    Raises:
        MissingDependencyError: if it is not; the message has the command.
    """
    absent = [
        title
        for module, title in NEEDS.items()
        if importlib.util.find_spec(module) is None
    ]
    if absent:
        raise MissingDependencyError(
            f"A report needs {', '.join(absent)}, which is not installed: "
            "pip install 'keras-cdae[report]'"
        )


def missing(
    results: Results, footage: Footage, embedded: Embedded, max_mib: float
) -> tuple[str, ...]:
    """Return what the page lacks, and how to add it, in sentences.

    Args:
        results: the scores.
        footage: the video files.
        embedded: what of them is in the page.
        max_mib: the limit that was given.
    """
    notes = list(results.metrics.get("warnings", []))
    if not footage.paths:
        notes.append(
            "No video file was found, so there are curves and no pictures. "
            "Add --videos DIR, a folder of videos with the names of this page, "
            "or --data-dir DIR for a data set."
        )
    elif footage.absent:
        notes.append(
            f"No video file was found for {', '.join(footage.absent)}: curves "
            "only."
        )
    if embedded.left_out:
        names = [results.videos[place].name for place in embedded.left_out]
        notes.append(
            f"To keep the page below {max_mib:g} MiB, these videos have curves "
            f"only: {', '.join(names)}. --max-mib raises the limit."
        )
    if embedded.clips and not embedded.maps:
        notes.append(
            "No model was given, so there are no heat maps and no centroids. "
            "Add --model MODEL, the one that the scores are from."
        )
    if embedded.other_model:
        notes.append(
            "The model scores these videos differently from the score file: "
            "it is another one, or of a later state. Heat maps and centroids "
            "are of this model, curves and tables of the file."
        )
    if not results.metrics:
        notes.append(
            "There is no metrics.json beside the scores, and so no table of "
            "protocols: `keras-cdae eval` writes it."
        )
    if results.calibration is None:
        notes.append(
            "No calibrated model is beside the scores, and so no threshold. "
            "Add --model MODEL."
        )
    return tuple(notes)


def _scores(
    results: Results, alarms_per_hour: float, fps: float | None
) -> dict[str, Any]:
    """Return the parts that need scores alone."""
    threshold = content.threshold_of(results, alarms_per_hour, fps)
    return {
        "threshold": threshold,
        "protocols": words.protocol_rows(results.metrics),
        "trivial": [
            name.replace("_", " ")
            for name in results.metrics.get("trivial", {})
        ],
        "calibration": sections.calibration_part(
            results, threshold, alarms_per_hour
        ),
        "history": page_figures.history_figures(results.history),
        "setup": sections.setup_part(results),
    }


def _page(
    results: Results,
    footage: Footage,
    embedded: Embedded,
    fps: float | None,
    notes: tuple[str, ...],
    context: Mapping[str, Any],
) -> str:
    return render(
        **context,
        title=results.title,
        metrics=results.metrics,
        label_source=results.label_source,
        labelled=any(v.labels is not None for v in results.videos),
        summary=words.summary(results, fps),
        notes=notes,
        videos=content.video_cards(results, embedded),
        data=content.player_data(
            results, footage, embedded, context["threshold"], fps
        ),
        blobs=content.blobs(embedded),
        has_clips=bool(embedded.clips),
        has_maps=bool(embedded.maps),
    )


def render(**context: Any) -> str:
    """Fill the template; what is not markup of our own is escaped.

    Args:
        **context: the names that `page.html.j2` uses.
    """
    import jinja2
    from markupsafe import Markup

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.policies["json.dumps_kwargs"] = {
        "allow_nan": False,
        "separators": (",", ":"),
    }
    # Our own markup, where a template says so by this filter.
    environment.filters["svg"] = Markup
    script = (TEMPLATES / "player.js").read_text(encoding="utf-8")
    digest = hashlib.sha256(script.encode()).digest()
    return environment.get_template("page.html.j2").render(
        **context,
        script=Markup(script),
        script_hash=base64.b64encode(digest).decode("ascii"),
        style=Markup((TEMPLATES / "page.css").read_text(encoding="utf-8")),
    )


def _drop_one(embedded: Embedded) -> None:
    """Take out the clip of the lowest-scoring video that has one."""
    place = list(embedded.clips)[-1]
    del embedded.clips[place]
    embedded.maps.pop(place, None)
    embedded.left_out.insert(0, place)
