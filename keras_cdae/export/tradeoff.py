"""What several models cost in speed, and what they get for it."""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from keras_cdae.data.finding import PathLike
from keras_cdae.errors import DataError, RunFolderError
from keras_cdae.export.exported import measure_rates
from keras_cdae.export.exporter import export
from keras_cdae.export.formats import FORMATS
from keras_cdae.export.speed import FRAMES, REPEATS, measure_file
from keras_cdae.runs.find import MODEL_FILE
from keras_cdae.runs.frames import Progress
from keras_cdae.runs.loader import find_model, load
from keras_cdae.runs.results import read_metrics


@dataclasses.dataclass(frozen=True)
class Tradeoff:
    """One model at one number of threads.

    Attributes:
        name: of the model.
        height: of its frames, in pixels.
        width: likewise.
        parameters: its weights.
        auc_micro_per_video: AUC on the data set's test video.
        auc_micro_raw: likewise, with one threshold for all videos.
        threads: cores and threads.
        end_to_end: frames a second, with decoding and resizing.
        core_ms: milliseconds of processor time a frame, of all threads.
        latency_ms: milliseconds for one clip, of the model alone.
    """

    name: str
    height: int
    width: int
    parameters: int
    auc_micro_per_video: float
    auc_micro_raw: float
    threads: int
    end_to_end: float
    core_ms: float
    latency_ms: float


def stored_rates(model: PathLike, dataset: str | None) -> dict[str, Any] | None:
    """Return the AUC that a run's evaluation left, if it is of this model.

    `measure_tradeoff` asks, too; for several models ask before the first.

    Args:
        model: what `load` takes.
        dataset: what its AUC could be measured on; None: it must be there.

    Returns:
        The run's `metrics.json`; None where it has to be measured.

    Raises:
        DataError: if it has no `metrics.json` and there is no data set.
        ModelFileError: if there is no such model.
        RunFolderError: if no data set is given and `metrics.json` is damaged.
    """
    file = find_model(model)
    rates = _stored(file, dataset)
    if rates is None and dataset is None:
        raise DataError(f"{model}: {_why_none(file)}")
    return rates


def measure_tradeoff(
    model: PathLike,
    video: PathLike,
    *,
    name: str,
    format: str = "tflite",
    lean: bool = False,
    threads: Sequence[int] = (1, 2),
    frames: int = FRAMES,
    repeats: int = REPEATS,
    dataset: str | None = None,
    data_dir: PathLike | None = None,
    scored: Progress | None = None,
) -> list[Tradeoff]:
    """Measure an export's speed, and the AUC of its model.

    Args:
        model: what `load` takes: a run folder, a `.keras` file, a shipped
            model.
        video: the video to measure speed on.
        name: name of the rows.
        format: of the export, one that the edge runtime opens.
        lean: as for `export`.
        threads: numbers of cores and threads.
        frames: scores to measure over; fewer if the video ends.
        repeats: runs to take the median of.
        dataset: whose test video gives the AUC; None: the run's
            `metrics.json` has it. That is of the run's `model.keras`, of no
            other file beside it.
        data_dir: the folder of `dataset`.
        scored: called after each scored test video.

    Returns:
        A row for each number of threads.

    Raises:
        DataError: if a model without `metrics.json` comes without a data set,
            or the data set has no labels.
        RunFolderError: if no data set is given and `metrics.json` is damaged,
            or is of smoothed scores or of video without labels.
    """
    rates = stored_rates(model, dataset)
    file = find_model(model)
    loaded = load(file)
    if rates is None and dataset is not None:
        rates = measure_rates(loaded, dataset, data_dir, scored=scored) or {}
    if rates is None or rates.get("auc_micro_per_video") is None:
        raise DataError(f"{model}: the test video has no labels, so no AUC.")
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"model{FORMATS[format].suffix}"
        export(
            file,
            target,
            format=format,
            lean=lean,
            check=False,
            allow_uncalibrated=True,
        )
        speeds = [
            measure_file(
                target,
                video,
                name=name,
                threads=count,
                frames=frames,
                repeats=repeats,
            )
            for count in threads
        ]
    return [
        Tradeoff(
            name=name,
            height=loaded.image_size[0],
            width=loaded.image_size[1],
            parameters=loaded.count_params(),
            auc_micro_per_video=rates["auc_micro_per_video"],
            auc_micro_raw=rates["auc_micro_raw"],
            threads=speed.threads,
            end_to_end=speed.end_to_end,
            core_ms=speed.core_ms,
            latency_ms=speed.latency_ms,
        )
        for speed in speeds
    ]


def _stored(file: Path, dataset: str | None) -> dict[str, Any] | None:
    """Return what a run's evaluation found, if it is of this model and data.

    With a data set, what cannot be used is measured instead.
    """
    if file.name != MODEL_FILE or not _metrics_of(file).is_file():
        return None
    try:
        metrics = read_metrics(file.parent)
    except RunFolderError:
        if dataset is None:
            raise
        return None
    if dataset is not None and metrics.get("dataset") != dataset:
        return None
    return metrics


def _why_none(file: Path) -> str:
    if _metrics_of(file).is_file():
        return (
            f"the metrics.json beside it is of {MODEL_FILE}. Name a data set "
            "to evaluate it on: --dataset, --data-dir."
        )
    return (
        "no metrics.json beside it. Evaluate the run with `keras-cdae eval`, "
        "or name a data set: --dataset, --data-dir."
    )


def _metrics_of(file: Path) -> Path:
    return file.with_name("metrics.json")
