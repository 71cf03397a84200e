"""The part of an export that runs under the tensorflow backend."""

import functools
import importlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cdae.errors import ExportError
from keras_cdae.export.check import open_export, run_clips
from keras_cdae.models.clip_scorer import ClipScorer, in_float32
from keras_cdae.runs.loader import load

OFFSET_CLIPS = 64


def convert(
    model: ClipScorer,
    path: Path,
    *,
    format: str,
    quantize: str,
    clips: np.ndarray | None,
    lean: bool = False,
) -> float:
    """Write an export without metadata, from any backend.

    Args:
        model: the model.
        path: the target.
        format: name of the format, not `"keras"`.
        quantize: name of the quantisation.
        clips: representative clips, or None.
        lean: leave out what neither score nor map needs.

    Returns:
        What was subtracted from the score to bring its median back.
    """
    if keras.backend.backend() == "tensorflow":
        return _convert_here(model, path, format, quantize, clips, lean)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model.save(folder / "model.keras")
        if clips is not None:
            np.save(folder / "clips.npy", clips)
        job = {
            "path": str(path),
            "format": format,
            "quantize": quantize,
            "lean": lean,
        }
        (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
        return _convert_elsewhere(folder)


def _convert_here(
    model: ClipScorer,
    path: Path,
    format: str,
    quantize: str,
    clips: np.ndarray | None,
    lean: bool,
) -> float:
    model = in_float32(model)
    writer: Any = importlib.import_module(f"{__package__}.{format}")
    write = functools.partial(
        writer.write, model, path, quantize=quantize, clips=clips, lean=lean
    )
    write()
    if quantize == "none" or clips is None:
        return 0.0
    # Rounding moves all log-scores alike, by more than normal video spreads:
    # taken back here, or the threshold of the float model would be wrong.
    some = clips[:: -(-len(clips) // OFFSET_CLIPS)]
    received = run_clips(open_export(path, format), some)["score"]
    expected = model.score(some)["score"]
    offset = float(np.median(received - expected))
    if not np.isfinite(offset):
        raise ExportError(
            f"With quantize={quantize} the scores of normal clips are not "
            "finite. Choose another quantisation."
        )
    write(offset=offset)
    return offset


def _convert_elsewhere(folder: Path) -> float:
    """Run the job in `folder` in a process with the tensorflow backend."""
    environment = {
        **os.environ,
        "KERAS_BACKEND": "tensorflow",
        "CUDA_VISIBLE_DEVICES": "-1",  # the parent may hold the GPU's memory
    }
    done = subprocess.run(
        [sys.executable, "-m", __package__, str(folder)],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    result = folder / "result.json"
    if done.returncode or not result.is_file():
        lines = done.stderr.strip().splitlines()[-1:]
        raise ExportError(
            "The export under the tensorflow backend failed: "
            f"{' '.join(lines) or f'exit code {done.returncode}'}"
        )
    return float(json.loads(result.read_text(encoding="utf-8"))["offset"])


def run_job(folder: Path) -> None:
    """Do what `job.json` in a folder asks for; leave `result.json`."""
    job = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    clips_file = folder / "clips.npy"
    clips = np.load(clips_file) if clips_file.is_file() else None
    offset = _convert_here(
        load(folder / "model.keras"),
        Path(job["path"]),
        job["format"],
        job["quantize"],
        clips,
        job["lean"],
    )
    text = json.dumps({"offset": offset})
    (folder / "result.json").write_text(text, encoding="utf-8")
