"""The sections of a page beside the player, as plain data."""

import datetime
from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_cdae.data.roi import decode_roi
from keras_cdae.errors import shown
from keras_cdae.reports import page_figures, words
from keras_cdae.reports.embed import Embedded
from keras_cdae.reports.gather import Results
from keras_cdae.version import __version__

MODEL_KEYS = (
    "image_size",
    "channels",
    "clip_length",
    "width",
    "decoder_multipliers",
    "skips",
    "motion_input",
    "num_clusters",
    "alpha",
    "cluster_weight",
    "redundancy_weight",
    "loss_type",
    "gradient_weight",
    "fusion",
    "distance",
    "seed",
)


def calibration_part(
    results: Results, threshold: float | None, alarms_per_hour: float
) -> dict[str, Any] | None:
    """Return the figures and sentences about the calibration.

    Args:
        results: the scores; without a calibration there is nothing to show.
        threshold: log-score above which a frame alarms.
        alarms_per_hour: what it is for.
    """
    calibration = results.calibration
    if calibration is None:
        return None
    text = [
        f"Measured on {calibration.source}: "
        f"{words.count(calibration.clips, 'clip')}."
    ]
    if threshold is not None:
        text += _threshold_words(results, threshold, alarms_per_hour)
    return {
        "text": text,
        "figures": page_figures.calibration_figures(
            calibration, results.videos, threshold
        ),
    }


def occupancy_part(embedded: Embedded) -> dict[str, Any] | None:
    """Return the figures and sentences about the centroids.

    Args:
        embedded: holds the counts; without them there is nothing to show.
    """
    if not embedded.occupancy:
        return None
    text = [
        f"Counted over {words.count(embedded.occupancy_clips, 'clip')} of "
        f"{words.count(len(embedded.clips), 'video')}, one code a place."
    ]
    for name, use in embedded.occupancy.items():
        nearest = float(use.distinctness.min())
        text.append(
            f"{name.capitalize()}: {use.used} of {len(use.counts)} centroids "
            f"are in use, as evenly as {use.effective:.1f} equal ones would "
            f"be; the two nearest are {nearest:.2f} apart (codes have "
            "length 1)."
        )
        if use.met:
            text[-1] += (
                f" {use.met} of those in use lie where another one does."
            )
    figures = [
        page_figures.occupancy_figure(name, use)
        for name, use in embedded.occupancy.items()
    ]
    return {"text": text, "figures": figures}


def setup_part(results: Results) -> dict[str, Any]:
    """Return settings and versions as rows of tables.

    Args:
        results: what `config.json`, `metrics.json` and the model say.
    """
    settings = dict(results.config.get("settings", {}))
    if isinstance(settings.get("roi"), Mapping):
        settings["roi"] = _region(settings["roi"])
    rows = [("settings of the run", _rows(settings))]
    model = {k: results.model[k] for k in MODEL_KEYS if k in results.model}
    if isinstance(results.model.get("roi"), Mapping):
        model["roi"] = _region(results.model["roi"])
    rows.append(("model", _rows(model)))
    for title, source in (
        ("trained with", results.config),
        ("evaluated with", results.metrics),
    ):
        environment = dict(source.get("environment", {}))
        versions = environment.pop("versions", {})
        rows.append((title, _rows({**environment, **versions})))
    now = datetime.datetime.now(datetime.UTC)
    rows.append(
        (
            "this page",
            _rows(
                {
                    "made from": str(results.source),
                    "model file": results.model_file
                    and results.model_file.name,
                    "keras_cdae": __version__,
                    "made": f"{now:%Y-%m-%d %H:%M} UTC",
                }
            ),
        )
    )
    return {"tables": [(title, found) for title, found in rows if found]}


def _region(roi: Mapping[str, Any]) -> str:
    """Return a region of interest in words, not as run lengths."""
    try:
        return f"{decode_roi(roi).mean():.0%} of the picture"
    except ValueError as error:
        return shown(error)


def _threshold_words(
    results: Results, threshold: float, alarms_per_hour: float
) -> list[str]:
    calibration = results.calibration
    assert calibration is not None
    z = float(calibration.z(threshold))
    rate = f"{alarms_per_hour:g} alarm{'' if alarms_per_hour == 1 else 's'}"
    text = [f"The threshold for {rate} an hour of normal video is z = {z:.2f}."]
    if threshold >= calibration.quantiles[-1]:
        text = [
            f"The held-out video is too short to show {rate} an hour: the "
            f"threshold is its highest score, z = {z:.2f}. It takes "
            f"{calibration.hours_needed(alarms_per_hour):.2g} h of normal "
            "video at the least."
        ]
    if any(video.labels is None for video in results.videos):
        score = np.concatenate([video.score for video in results.videos])
        share = words.share(float((score > threshold).mean()))
        return [*text, f"Above it lie {share} of the scored frames."]
    parts = []
    for label, name in ((0, "normal"), (1, "abnormal")):
        chosen = np.concatenate(
            [v.score[v.labels == label] for v in results.videos]
        )
        if chosen.size:
            share = words.share(float((chosen > threshold).mean()))
            parts.append(f"{share} of the frames labelled {name}")
    return [*text, f"Above it lie {' and '.join(parts)}."]


def _rows(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (key.replace("_", " "), _text(value))
        for key, value in values.items()
        if value is not None and value != {}
    ]


def _text(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return " x ".join(map(str, value))
    return str(value)
