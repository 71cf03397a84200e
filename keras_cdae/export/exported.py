"""An exported file where a model is expected."""

from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.data.finding import PathLike
from keras_cdae.data.roi import as_roi
from keras_cdae.export.check import open_export, run_clips
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runs.evaluator import evaluate
from keras_cdae.runs.frames import Progress
from keras_cdae.runtime.metadata import read_metadata
from keras_cdae.scoring.calibration import Calibration

RATE_KEYS = (
    "auc_micro_per_video",
    "auc_micro_regularity",
    "auc_micro_raw",
    "auc_macro_skip",
    "auc_macro_padded",
    "eer",
    "eer_per_video",
    "ap",
    "ap_per_video",
)


class ExportedModel:
    """Scores like a `CDAE`, by an exported file.

    What scores or evaluates a model takes it instead, such as
    `keras_cdae.runs.evaluator` and `keras_cdae.scoring.score_video`.

    Args:
        path: a `.tflite` or `.onnx` file, or a SavedModel folder.
        threads: of the interpreter; None: its own choice.

    Raises:
        ModelFileError: if it is missing, damaged or foreign.
    """

    flow: str | None = None  # what is exported reads frames alone

    def __init__(self, path: PathLike, *, threads: int | None = None) -> None:
        self.path = Path(path)
        self.metadata = read_metadata(self.path)
        expected = self.metadata["input"]
        self.image_size = (int(expected["height"]), int(expected["width"]))
        self.channels = int(expected["channels"])
        self.clip_length = int(expected["clip_length"])
        # Absent in files from before there was one.
        self.roi = as_roi(expected.get("roi"), self.image_size)
        stored = self.metadata["calibration"]
        self.calibration = (
            None if stored is None else Calibration.from_dict(stored)
        )
        self._run = open_export(
            self.path, self.metadata["export"]["format"], threads
        )

    def score(self, clips: Any, batch_size: int = 1) -> dict[str, np.ndarray]:
        """Return what `CDAE.score` does; clips are given one at a time.

        Args:
            clips: uint8 (batch, T, height, width, channels).
            batch_size: not used.
        """
        del batch_size
        result = run_clips(self._run, np.asarray(clips))
        if self.calibration is not None:
            result["p"] = self.calibration.p(result["score"])
        return result


def measure_rates(
    model: "ClipScorer | ExportedModel",
    dataset: str,
    data_dir: PathLike | None,
    *,
    labels: str | None = None,
    scored: Progress | None = None,
) -> dict[str, float] | None:
    """Measure a model, or an export of it, on a data set's test video.

    Args:
        model: what scores.
        dataset: name of the data set.
        data_dir: its folder.
        labels: which ground truth; None: the data set's default.
        scored: called after each scored video.

    Returns:
        AUC under each protocol, equal error rates and average precisions, by
        their names in `metrics.json`; None where the data set has no labels,
        or they leave nothing to measure.
    """
    metrics = evaluate(
        model,  # type: ignore[arg-type] # has what evaluate uses
        dataset,
        None if data_dir is None else str(data_dir),
        labels=labels,
        localisation=False,
        scored=scored,
    ).metrics
    found = {
        key: metrics[key] for key in RATE_KEYS if metrics.get(key) is not None
    }
    return found or None


def auc_change(
    model: ClipScorer,
    path: PathLike,
    dataset: str,
    data_dir: PathLike | None,
    *,
    labels: str | None = None,
    scored: Progress | None = None,
) -> dict[str, tuple[float, float]] | None:
    """Measure Keras and its export on a data set's test video.

    Args:
        model: the model that was exported.
        path: the export.
        dataset: name of the data set.
        data_dir: its folder.
        labels: which ground truth; None: the data set's default.
        scored: called after each scored video.

    Returns:
        What `measure_rates` gives of Keras and of the export, under each
        protocol; None where that has nothing to measure.
    """
    found = []
    for each in (model, ExportedModel(path)):
        rates = measure_rates(
            each, dataset, data_dir, labels=labels, scored=scored
        )
        if rates is None:
            return None
        found.append(rates)
    keras, exported = found
    return {key: (keras[key], exported[key]) for key in keras}
