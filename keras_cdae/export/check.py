"""How well an exported file agrees with the model it was made from."""

import dataclasses
from pathlib import Path

import numpy as np

from keras_cdae.errors import ExportError
from keras_cdae.export.formats import MIN_RANK_CORRELATION, QUANTIZATIONS
from keras_cdae.models.clip_scorer import ClipScorer
from keras_cdae.runtime.interpreters import Run, open_model

MEBI = 2**20
BATCH_SIZE = 16


@dataclasses.dataclass(frozen=True)
class Parity:
    """Differences between an export and Keras on the same clips.

    Attributes:
        format: name of the format.
        quantize: name of the quantisation.
        clips: how many clips were compared.
        score_abs: largest absolute difference of the log-score.
        score_rel: that, over the largest absolute log-score.
        map_abs: largest absolute difference of the map.
        map_rel: that, over the largest value of the map.
        rank_correlation: Spearman's, of the log-scores; None where they are
            constant.
        mib: size in MiB.
    """

    format: str
    quantize: str
    clips: int
    score_abs: float
    score_rel: float
    map_abs: float
    map_rel: float
    rank_correlation: float | None
    mib: float

    def problem(self) -> str | None:
        """Return what is wrong with the export, or None."""
        tolerance = QUANTIZATIONS[self.quantize].tolerance
        worst = max(self.score_rel, self.map_rel)
        if not np.isfinite([self.score_rel, self.map_rel]).all():
            return "its outputs are not finite"
        if tolerance is not None and worst > tolerance:
            return (
                f"the score differs by {self.score_rel:.2g} and the map by "
                f"{self.map_rel:.2g} relative to Keras; {tolerance:g} is "
                "allowed"
            )
        rank = self.rank_correlation
        if tolerance is not None or rank is None:
            return None
        if rank >= MIN_RANK_CORRELATION:
            return None
        return (
            f"the rank correlation of its scores with Keras is {rank:.3f}; at "
            f"least {MIN_RANK_CORRELATION} is asked for"
        )


def compare(
    model: ClipScorer,
    path: Path,
    clips: np.ndarray,
    *,
    format: str,
    quantize: str,
) -> Parity:
    """Score clips with the model and with its export.

    Args:
        model: the model, under any backend.
        path: the export.
        clips: uint8 (count, T, H, W, C).
        format: name of the format.
        quantize: name of the quantisation.
    """
    expected = model.score(clips, batch_size=BATCH_SIZE)
    received = run_clips(open_export(path, format), clips)
    score_abs = _difference(expected["score"], received["score"])
    map_abs = _difference(expected["map"], received["map"])
    return Parity(
        format=format,
        quantize=quantize,
        clips=len(clips),
        score_abs=score_abs,
        score_rel=score_abs / _largest(expected["score"]),
        map_abs=map_abs,
        map_rel=map_abs / _largest(expected["map"]),
        rank_correlation=rank_correlation(expected["score"], received["score"]),
        mib=size_of(path) / MEBI,
    )


def open_export(path: Path, format: str, threads: int | None = None) -> Run:
    """Return a function from clips to outputs for a file of any format."""
    if format == "saved_model":
        from keras_cdae.export.saved_model import open_saved_model

        return open_saved_model(path)
    if format == "keras":
        from keras_cdae.runs.loader import load

        return load(path).score
    return open_model(path, threads)


def run_clips(run: Run, clips: np.ndarray) -> dict[str, np.ndarray]:
    """Return the outputs for clips, which are given one at a time."""
    parts = [dict(run(clip[np.newaxis])) for clip in clips]
    return {k: np.concatenate([part[k] for part in parts]) for k in parts[0]}


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float | None:
    """Return Spearman's correlation, or None where an array is constant."""
    from scipy.stats import spearmanr

    if np.ptp(a) == 0 or np.ptp(b) == 0:
        return None
    return float(spearmanr(a, b).statistic)


def refuse(parity: Parity, force: bool) -> None:
    """Raise for an export that breaks the scores, unless forced.

    Raises:
        ExportError: with the reason, and how to have it all the same.
    """
    problem = parity.problem()
    if problem is not None and not force:
        raise ExportError(
            f"Not written: with {parity.format}, quantize={parity.quantize}, "
            f"{problem} (on {parity.clips} clips). Choose another "
            "quantisation, give more or other calibration clips, or write it "
            "all the same with force (--force)."
        )


def size_of(path: Path) -> int:
    """Return the bytes of a file, or of all files in a folder."""
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def _difference(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.abs(a.astype(np.float64) - b.astype(np.float64)).max())


def _largest(values: np.ndarray) -> float:
    return max(float(np.abs(values).max()), 1e-30)
