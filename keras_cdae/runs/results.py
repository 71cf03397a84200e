"""Finished runs as one table: mean and spread over their seeds."""

import dataclasses
import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.errors import RunFolderError, in_command, shown
from keras_cdae.runs.models import changed_since
from keras_cdae.runs.settings import RunSettings

COLUMNS = {
    "auc_micro_per_video": "per-video",
    "auc_micro_raw": "raw",
    "auc_macro_skip": "macro",
    "auc_macro_padded": "padded",
    "eer": "EER",
    "ap": "AP",
}
PLACES = {"auc_pixel": "pixel AUC", "rbdc": "RBDC", "tbdc": "TBDC"}
OPTIONS = (  # settings that are options of `keras-cdae train`, and their names
    ("dataset", "--dataset"),
    ("model", "--model"),
    ("preset", "--preset"),
    ("epochs", "--epochs"),
    ("pretrain_epochs", "--pretrain-epochs"),
    ("image_size", "--image-size"),
    ("channels", "--channels"),
    ("batch_size", "--batch-size"),
    ("clip_step", "--clip-step"),
    ("hold_out", "--hold-out"),
    ("pseudo_anomalies", "--pseudo-anomalies"),
    ("augment", "--augment"),
    ("dtype", "--dtype"),
)
SAID = ("dataset", "preset", "epochs", "clip_step")  # also where it is usual


@dataclasses.dataclass(frozen=True)
class Result:
    """What the runs of one recipe gave, one run a seed.

    Attributes:
        settings: of the first run; the others differ in their seed alone.
        seeds: the seeds, rising.
        scores: by name of the score: key of `metrics.json` to one value a
            seed, fractions; None for what was not measured, as `PLACES`
            where there are no pixel masks.
        label_source: ground truth that was used.
        title: the data set.
        versions: of the packages.
    """

    settings: RunSettings
    seeds: tuple[int, ...]
    scores: Mapping[str, Mapping[str, tuple[float | None, ...]]]
    label_source: str
    title: str
    versions: Mapping[str, str]

    @property
    def command(self) -> str:
        """The command that made the runs, but for folders and seeds."""
        words = ["keras-cdae train"]
        usual = _usual(self.settings)
        for name, option in OPTIONS:
            value = getattr(self.settings, name)
            if value is None or (
                name not in SAID and value == getattr(usual, name)
            ):
                continue
            if name == "image_size":
                value = "x".join(map(str, dict.fromkeys(value)))
            if name == "augment":
                value = ",".join(value)
            words.append(f"{option} {value}")
        if self.settings.roi is not None:
            words.append("--roi PICTURE")
        for name, value in self.settings.overrides.items():
            argument = f"{name}={json.dumps(value)}"
            words.append(f"--set {shlex.quote(argument)}")
        return " ".join(words)

    def to_dict(self) -> dict[str, Any]:
        """Return all of it for JSON; each measure a seed, mean and spread."""
        return {
            "command": self.command,
            "title": self.title,
            "label_source": self.label_source,
            "seeds": list(self.seeds),
            "versions": dict(self.versions),
            "scores": {
                name: {key: _spread(values) for key, values in rows.items()}
                for name, rows in self.scores.items()
            },
        }


def collect(runs: Sequence[str | os.PathLike[str]]) -> list[Result]:
    """Read evaluated run folders; group those that differ in the seed alone.

    Args:
        runs: run folders with `config.json` and `metrics.json`.

    Returns:
        One result a recipe, in the order of the first run of each.

    Raises:
        RunFolderError: if a folder holds no evaluated run, or two runs are of
            one recipe and seed.
    """
    groups: dict[str, list[tuple[RunSettings, dict[str, Any]]]] = {}
    for run in map(Path, runs):
        settings, metrics = RunSettings.read(run), read_metrics(run)
        try:
            _usual(settings)
            since = changed_since(settings, RunSettings.read_model(run))
        except ValueError as error:
            raise RunFolderError(
                f"{run / 'config.json'}: {error} Name a run of this version."
            ) from error
        # As the command has to say it now, where the preset has changed.
        settings = dataclasses.replace(
            settings, overrides=_merged(settings.overrides, since)
        )
        recipe = dataclasses.replace(settings, seed=0, data_dir="")
        key = json.dumps([recipe.to_dict(), metrics["label_source"]])
        group = groups.setdefault(key, [])
        if any(settings.seed == other.seed for other, _ in group):
            raise RunFolderError(
                f"{run}: another of these runs has the same settings and seed "
                f"{settings.seed}. Name each run once."
            )
        group.append((settings, metrics))
    return [_result(group) for group in groups.values()]


def to_markdown(results: Sequence[Result]) -> str:
    """Return a Markdown table: mean and spread in percent, and commands.

    Args:
        results: of one data set and ground truth each; they are named.
    """
    lines = []
    for result in results:
        seeds = "seed" if len(result.seeds) == 1 else "seeds"
        seeds += f" {', '.join(map(str, result.seeds))}"
        placed = None not in result.scores["model"]["auc_pixel"]
        columns = COLUMNS | PLACES if placed else COLUMNS
        lines += [
            f"`{result.command}`, {seeds}; {result.title}; labels: "
            f"{result.label_source}; no smoothing; last epoch.",
            "",
            f"| score | {' | '.join(columns.values())} |",
            f"|---|{'---:|' * len(columns)}",
            *(
                f"| {name} | "
                + " | ".join(_cell(values[key]) for key in columns)
                + " |"
                for name, values in result.scores.items()
            ),
            "",
        ]
    return "\n".join(lines)


def _usual(settings: RunSettings) -> RunSettings:
    """Return what a run of this preset and data set has if nothing is said."""
    from keras_cdae.data.benchmarks import DATASETS

    if settings.dataset not in DATASETS:
        raise ValueError(f"Unknown data set {shown(settings.dataset)!r}.")
    return RunSettings(
        settings.dataset, settings.data_dir, settings.preset
    ).resolved(DATASETS[settings.dataset].channels)


def _merged(
    overrides: Mapping[str, Any], since: Mapping[str, Any]
) -> dict[str, Any]:
    """Return overrides with those added that a changed preset asks for."""
    merged = {**overrides, **since}
    if "schedule" in since:  # an override changes a part of it
        merged["schedule"] = {
            **(overrides.get("schedule") or {}),
            **since["schedule"],
        }
    return merged


def _cell(measured: Sequence[float | None]) -> str:
    spread = _spread(measured)
    if spread["mean"] is None:
        return "-"
    mean = f"{100 * spread['mean']:.2f}"
    if len(set(measured)) == 1:
        return mean
    return f"{mean} ± {100 * spread['std']:.2f}"


def _spread(measured: Sequence[float | None]) -> dict[str, Any]:
    """Return a measure of each seed, its mean, and its standard deviation.

    Both are None where a seed has none, the latter of one seed, too.
    """
    values = [value for value in measured if value is not None]
    known = len(values) == len(measured)
    return {
        "values": list(measured),
        "mean": float(np.mean(values)) if known else None,
        "std": float(np.std(values, ddof=1))
        if known and len(values) > 1
        else None,
    }


def _result(group: list[tuple[RunSettings, dict[str, Any]]]) -> Result:
    group = sorted(group, key=lambda pair: pair[0].seed)
    first, metrics = group[0]
    names = {"model": [m for _, m in group]}
    if metrics.get("equation_14"):
        names["Eq. 14"] = [m["equation_14"] for _, m in group]
    for name in metrics["trivial"]:
        names[name.replace("_", " ")] = [m["trivial"][name] for _, m in group]
    return Result(
        settings=first,
        seeds=tuple(settings.seed for settings, _ in group),
        scores={
            name: {
                **{key: tuple(row[key] for row in rows) for key in COLUMNS},
                **{key: tuple(row.get(key) for row in rows) for key in PLACES},
            }
            for name, rows in names.items()
        },
        label_source=metrics["label_source"],
        title=metrics["title"],
        versions=metrics["environment"]["versions"],
    )


def read_metrics(run: Path) -> dict[str, Any]:
    """Return the `metrics.json` of a run, if it can stand in a table.

    Args:
        run: the run folder.

    Raises:
        RunFolderError: if there is none, it is damaged, or it is of smoothed
            scores or of video without labels.
    """
    path = run / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))
        missing = {"label_source", "title", "trivial", *COLUMNS} - set(metrics)
    except OSError as error:
        raise RunFolderError(
            f"{run}: has not been evaluated: no metrics.json. Run "
            f"`keras-cdae eval {in_command(run)}` first."
        ) from error
    except (ValueError, TypeError) as error:
        raise RunFolderError(f"{path}: is damaged: {error}") from error
    if missing or metrics["label_source"] is None or metrics.get("smoothing"):
        raise RunFolderError(
            f"{path}: holds no plain metrics of labelled video. Evaluate the "
            "run again, with labels and without smoothing."
        )
    return metrics
