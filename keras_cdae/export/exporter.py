"""Export a model: convert, describe, compare, and only then put in place."""

import contextlib
import dataclasses
import importlib
import logging
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from keras_cdae.data.finding import PathLike
from keras_cdae.errors import ExportError, ModelFileError
from keras_cdae.export.check import Parity, compare, refuse
from keras_cdae.export.clips import (
    made_clips,
    sample_clips,
    training_clips,
)
from keras_cdae.export.convert import convert
from keras_cdae.export.formats import (
    QUANTIZATIONS,
    check_choice,
    check_installed,
    check_path,
    check_source,
)
from keras_cdae.export.metadata import describe
from keras_cdae.files import (
    full_disk_named,
    process_folder,
    require_writable,
    stale_folders,
    write_json,
)
from keras_cdae.models.clip_scorer import ClipScorer, in_float32
from keras_cdae.runs.loader import find_model, load

logger = logging.getLogger(__name__)

MIN_CLIPS = 8
ASIDE = ".export-"
REPLACED = ".replaced"


@dataclasses.dataclass(frozen=True)
class ExportResult:
    """What `export` wrote.

    Attributes:
        path: the file, or the folder of a SavedModel.
        metadata_path: the JSON file beside it.
        metadata: what both say.
        parity: how well it agrees with Keras; None with `check=False`.
    """

    path: Path
    metadata_path: Path
    metadata: dict[str, Any]
    parity: Parity | None


def export(
    model: ClipScorer | PathLike,
    path: PathLike,
    *,
    format: str,
    quantize: str = "none",
    calibration_clips: np.ndarray | PathLike | None = None,
    check: bool = True,
    force: bool = False,
    allow_uncalibrated: bool = False,
    alarms_per_hour: float = 1.0,
    lean: bool = False,
) -> ExportResult:
    """Write the whole scorer as one file, with its metadata inside.

    The file takes uint8 clips and gives the log-score, its terms, `z`
    and the map. Under jax and torch the conversion runs in a process with the
    tensorflow backend. Nothing is left at `path` if the check fails.

    Args:
        model: a model, or what `load` takes: a `.keras` file, a run folder,
            the name of a shipped model.
        path: the target; its suffix is the format's. An earlier export there
            is replaced.
        format: a name in `FORMATS`.
        quantize: a name in `QUANTIZATIONS` that the format offers.
        calibration_clips: clips of normal video, uint8 (count, T, H, W, C),
            or a folder of normal videos to take them from. Every second one
            is representative for int8, the others are for the check. None:
            those of the run's training data, for a run folder; else drawn
            ones, for the check alone.
        check: whether to compare with Keras and refuse a bad export.
        force: write an export that the check refuses.
        allow_uncalibrated: export a model without calibration: the file then
            gives no `z` and has no threshold.
        alarms_per_hour: false alarms that the threshold in the file allows.
        lean: leave out the outputs that neither score nor map needs, with
            what computes them: of the presets `edge` and `nano`, the error of
            Eq. 14 and so the appearance decoder. Not for `"keras"`.

    Returns:
        What was written and how well it agrees.

    Raises:
        ValueError: for an unknown format, a quantisation that it does not
            offer, or a wrong suffix.
        MissingDependencyError: if a package is missing; the message names the
            extra.
        ModelFileError: if the model cannot be loaded or is uncalibrated.
        ExportError: (a `ValueError`) if calibration clips are missing or
            of another shape, the conversion fails, or the result disagrees
            with Keras.
        RunFolderError: if the disk is full, or cannot be written.

    Example:
        ```python
        export("runs/avenue", "model.tflite", format="tflite", quantize="int8")
        ```
    """
    target = Path(path)
    check_choice(format, quantize)
    check_path(target, format)
    check_installed(format)
    _check_target(target, format)
    if not isinstance(model, ClipScorer):
        check_source(find_model(model), target)
    scorer, run = _resolve(model)
    scorer.require_frames_alone("exported")
    if scorer.calibration is None and not allow_uncalibrated:
        raise ModelFileError(
            "The model is not calibrated, so its file could not tell normal "
            "from abnormal. Train it with `keras-cdae train`, call "
            "keras_cdae.runs.calibrate(model, normal_video), or pass "
            "allow_uncalibrated=True (--allow-uncalibrated)."
        )
    require_writable(target.parent)
    clips = _clips(scorer, run, calibration_clips, quantize)
    representative, others = _split(clips)
    metadata = describe(
        scorer,
        format=format,
        quantize=quantize,
        alarms_per_hour=alarms_per_hour,
        lean=lean and format != "keras",
        run=run,
    )
    parity = None
    again = "then export again: an earlier export here is whole."
    with full_disk_named(target.parent, again), _aside(target) as temporary:
        if format == "keras":
            _bare(in_float32(scorer)).save(temporary)
        else:
            metadata["export"]["score_offset"] = convert(
                scorer,
                temporary,
                format=format,
                quantize=quantize,
                clips=representative,
                lean=lean,
            )
            importlib.import_module(f"{__package__}.{format}").embed(
                temporary, metadata
            )
        if check:
            if others is None and run is not None:
                logger.warning(
                    "%s: the check is on drawn clips, for the run's training "
                    "video cannot be read where it was. Name its folder with "
                    "--data-dir.",
                    run,
                )
            parity = compare(
                in_float32(scorer),
                temporary,
                made_clips(scorer) if others is None else others,
                format=format,
                quantize=quantize,
            )
            refuse(parity, force)
    metadata_path = target.with_name(target.name + ".json")
    with full_disk_named(target.parent, again):
        write_json(metadata_path, metadata)
    return ExportResult(target, metadata_path, metadata, parity)


def _bare(model: ClipScorer) -> ClipScorer:
    """Return a copy without the optimizer, which is most of a file."""
    copy = type(model).from_config(model.get_config())
    copy.set_weights(model.get_weights())
    return copy


def _resolve(
    model: ClipScorer | PathLike,
) -> tuple[ClipScorer, Path | None]:
    """Return the model, and its run folder where it has one."""
    if isinstance(model, ClipScorer):
        return model, None
    file = find_model(model)
    has_config = (file.parent / "config.json").is_file()
    return load(model), file.parent if has_config else None


def _clips(
    model: ClipScorer,
    run: Path | None,
    given: np.ndarray | PathLike | None,
    quantize: str,
) -> np.ndarray | None:
    """Return clips of normal video, or None if there are none."""
    clips: np.ndarray | None
    if isinstance(given, (str, os.PathLike)):
        clips = sample_clips(model, [given])
    elif given is None and run is not None:
        clips = training_clips(run, model)
    else:
        clips = given
    if clips is None:
        if QUANTIZATIONS[quantize].needs_clips:
            raise ExportError(
                f"quantize={quantize!r} needs clips of normal video: pass "
                "calibration_clips (--calibration-data DIR, a folder of "
                "normal videos)."
            )
        return None
    shape = (model.clip_length, *model.image_size, model.channels)
    if clips.dtype != np.uint8 or clips.shape[1:] != shape:
        raise ExportError(
            f"calibration_clips must be uint8, (count, {shape[0]}, "
            f"{shape[1]}, {shape[2]}, {shape[3]}). Received: "
            f"{clips.dtype}, shape {clips.shape}"
        )
    if len(clips) < MIN_CLIPS:
        raise ExportError(
            f"calibration_clips must hold at least {MIN_CLIPS} clips. "
            f"Received: {len(clips)}"
        )
    return clips


def _split(
    clips: np.ndarray | None,
) -> tuple[np.ndarray | None, np.ndarray | None]:
    return (None, None) if clips is None else (clips[::2], clips[1::2])


def _check_target(target: Path, format: str) -> None:
    """Refuse to replace a folder that is no SavedModel."""
    if not target.is_dir():
        if format == "saved_model" and target.exists():
            raise ExportError(f"{target}: is a file. Name a folder.")
        return
    if format != "saved_model":
        raise ExportError(f"{target}: is a folder. Name a file.")
    if any(target.iterdir()) and not (target / "saved_model.pb").is_file():
        raise ExportError(
            f"{target}: holds other files. Name a new folder, or an earlier "
            "SavedModel to replace."
        )


@contextlib.contextmanager
def _aside(target: Path) -> Iterator[Path]:
    """Yield a path in a folder beside `target`; rename it on success."""
    target.parent.mkdir(parents=True, exist_ok=True)
    for left in stale_folders(target.parent, ASIDE):
        _clear(left)
    folder = process_folder(target.parent, ASIDE)
    try:
        temporary = folder / target.name
        yield temporary
        if target.is_dir():  # a folder replaces no folder that holds files
            (folder / REPLACED).mkdir()
            target.replace(folder / REPLACED / target.name)
        temporary.replace(target)
    finally:
        _clear(folder)


def _clear(folder: Path) -> None:
    """Remove an unfinished export; give back what it was to replace."""
    for old in (folder / REPLACED).glob("*"):
        target = folder.parent / old.name
        if not target.exists():
            old.replace(target)
    shutil.rmtree(folder, ignore_errors=True)
