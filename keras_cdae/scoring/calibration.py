"""What a score means: where it lies among the scores of normal video.

NumPy alone, because the exported runtime, which has no Keras, imports it.
"""

import logging
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from keras_cdae.errors import ModelFileError, shown

logger = logging.getLogger(__name__)

FORMAT = 1
TERMS = (
    "score",
    "appearance_distance",
    "motion_distance",
    "error",
    "motion_error",
    "motion_power",
)
# In units of the log-score: keeps `z` finite on video that never changes.
SCALE_FLOOR = 1e-6
# Alarms that the held-out video must hold for a threshold to be trusted.
TRUSTED = 10.0
# The standard deviation of a normal distribution over its MAD.
MAD_TO_STD = 1.4826
# From the minimum to the maximum in hundredths; above 0.9, where thresholds
# live, ten points for every factor of ten in rarity.
PROBABILITIES = np.concatenate(
    [
        [0.0, 0.001],
        np.arange(1, 90) / 100,
        1.0 - np.logspace(-1, -6, 51),
        [1.0],
    ]
)


@dataclass(frozen=True)
class Calibration:
    """Where the scores of held-out normal clips lie.

    Built by `Calibration.fit`, stored as plain data by `to_dict`. Scores are
    log-scores, `log(1 / s)` of Eq. 14: higher = more anomalous.

    Args:
        source: what it was measured on, for people to read.
        clips: how many normal clips were scored.
        fps: scored clips in a second of that video; `None` if unknown.
        location: median of the log-score and of the logs of its terms.
        scale: their robust standard deviation.
        probabilities: rising, from 0 to 1.
        quantiles: the log-score at each probability, from the minimum to the
            maximum over the held-out clips.

    Raises:
        ValueError: if a field has the wrong length, order or range, or is not
            finite.

    Example:
        >>> normal = np.linspace(-1.0, 1.0, 101)
        >>> calibration = Calibration.fit({"score": normal}, source="demo")
        >>> float(calibration.z(0.0)), round(float(calibration.p(9.0)), 4)
        (0.0, 0.0098)
    """

    source: str
    clips: int
    fps: float | None
    location: Mapping[str, float]
    scale: Mapping[str, float]
    probabilities: tuple[float, ...]
    quantiles: tuple[float, ...]

    def __post_init__(self) -> None:
        """Check the fields against each other."""
        if self.clips < 2:
            raise ValueError(
                "A calibration needs at least 2 normal clips. "
                f"Received: clips={self.clips!r}"
            )
        if self.fps is not None:
            _check_positive("fps", self.fps)
        if "score" not in self.location or set(self.location) != set(
            self.scale
        ):
            raise ValueError(
                "`location` and `scale` must have the same keys, 'score' among "
                f"them. Received: {sorted(self.location)} and "
                f"{sorted(self.scale)}"
            )
        for name in self.location:
            _check_finite(f"location[{name!r}]", self.location[name])
            _check_positive(f"scale[{name!r}]", self.scale[name])
        self._check_quantiles()

    def _check_quantiles(self) -> None:
        probabilities = np.asarray(self.probabilities, np.float64)
        quantiles = np.asarray(self.quantiles, np.float64)
        _check_finite("probabilities", probabilities)
        _check_finite("quantiles", quantiles)
        if (
            probabilities.shape != quantiles.shape
            or probabilities.size < 2
            or probabilities[0] != 0.0
            or probabilities[-1] != 1.0
            or np.any(np.diff(probabilities) <= 0)
            or np.any(np.diff(quantiles) < 0)
        ):
            raise ValueError(
                "`probabilities` must rise from 0 to 1 and `quantiles` must "
                "not fall, one for each probability. Received: "
                f"{probabilities.size} probabilities, {quantiles.size} "
                "quantiles"
            )

    @classmethod
    def fit(
        cls,
        terms: Mapping[str, npt.ArrayLike],
        *,
        source: str,
        fps: float | None = None,
    ) -> "Calibration":
        """Measure the scores of held-out normal clips.

        Location is the median. Scale is 1.4826 times the median absolute
        deviation, which a few odd clips cannot move; where that is 0 (more
        than half the clips alike) the standard deviation; never below 1e-6.

        Args:
            terms: arrays (clips,) of logs: `"score"`, the log-score, always,
                and `"appearance_distance"`, `"motion_distance"`, `"error"`,
                `"motion_error"` and `"motion_power"`, the logs of its terms,
                where they are wanted.
            source: what the clips are, for people to read.
            fps: scored clips in a second of that video.

        Returns:
            The calibration.

        Raises:
            ValueError: if `"score"` is missing, a name is unknown, the arrays
                differ in length, are not 1-D or not finite, or there are
                fewer than 2 clips.
        """
        arrays = _check_terms(terms)
        score = arrays["score"]
        quantiles = np.quantile(score, PROBABILITIES)
        return cls(
            source=source,
            clips=int(score.size),
            fps=None if fps is None else float(fps),
            location={k: float(np.median(v)) for k, v in arrays.items()},
            scale={k: _robust_scale(v) for k, v in arrays.items()},
            probabilities=tuple(PROBABILITIES.tolist()),
            # Interpolation may dip by a rounding error between equal values.
            quantiles=tuple(np.maximum.accumulate(quantiles).tolist()),
        )

    def z(self, score: npt.ArrayLike, *, term: str = "score") -> np.ndarray:
        """Log-scores in robust standard deviations above normal.

        Args:
            score: log-scores, any shape.
            term: the term whose logs they are.

        Returns:
            Array of the shape of `score`; NaN stays NaN.

        Raises:
            ValueError: if `term` was not calibrated.
        """
        if term not in self.location:
            raise ValueError(
                f"`term` must be one of {sorted(self.location)}. "
                f"Received: term={term!r}"
            )
        values = np.asarray(score, np.float64)
        return (values - self.location[term]) / self.scale[term]

    def score_of(self, z: npt.ArrayLike) -> np.ndarray:
        """Log-scores so many robust standard deviations above normal.

        Args:
            z: as `z` gives it, any shape.
        """
        values = np.asarray(z, np.float64)
        return self.location["score"] + values * self.scale["score"]

    def p(self, score: npt.ArrayLike) -> np.ndarray:
        """Share of normal clips that score as high or higher.

        `(1 + count) / (1 + clips)`, the conformal p-value, which counts the
        clip itself: never 0, and `1 / (clips + 1)` beyond every normal clip.
        The count is interpolated between the stored quantiles.

        Args:
            score: log-scores, any shape.

        Returns:
            Array of the shape of `score`, in [1 / (clips + 1), 1]; NaN stays
            NaN.
        """
        values = np.asarray(score, np.float64)
        below = np.interp(values, *self._distribution())  # 0 at min, 1 at max
        count = self.clips - (self.clips - 1) * below
        count = np.where(values > self.quantiles[-1], 0.0, count)
        return (1.0 + count) / (1.0 + self.clips)

    def threshold(
        self, alarms_per_hour: float, *, fps: float | None = None
    ) -> float:
        """Log-score that normal video passes at the rate asked for.

        Every clip above the threshold counts as one alarm. A passer-by who
        stays above it for 20 clips counts 20 times, so the alarms that a
        person sees, merged into events, are fewer than asked for.

        Where the rate is rarer than the held-out video can show
        (`supports` is `False`), the maximum is returned and a warning is
        logged.

        Args:
            alarms_per_hour: accepted false alarms in an hour of normal video.
            fps: scored clips in a second where the threshold will be used;
                by default the rate of the held-out video.

        Returns:
            The threshold; alarm where `score > threshold`.

        Raises:
            ValueError: if `alarms_per_hour` is not positive or not below the
                number of clips in an hour, or no `fps` is known.
        """
        share = self._share(alarms_per_hour, fps)
        if not self.supports(alarms_per_hour, fps=fps):
            logger.warning(
                "%d normal clips cannot show %g alarms an hour: the threshold "
                "is their maximum. At least %.2g hours of held-out normal "
                "video are needed",
                self.clips,
                alarms_per_hour,
                self.hours_needed(alarms_per_hour),
            )
            return float(self.quantiles[-1])
        return float(np.interp(1.0 - share, self.probabilities, self.quantiles))

    @property
    def hours(self) -> float | None:
        """Hours of normal video that were scored; None without `fps`."""
        return None if self.fps is None else self.clips / (3600.0 * self.fps)

    def supports(
        self,
        alarms_per_hour: float,
        *,
        fps: float | None = None,
        alarms: float = 1.0,
    ) -> bool:
        """Whether the held-out clips would show this rate at least once.

        Args:
            alarms_per_hour: as in `threshold`.
            fps: as in `threshold`.
            alarms: how many such alarms they must hold; `TRUSTED` (10) for a
                threshold that can be trusted.

        Raises:
            ValueError: as `threshold`.
        """
        # One part in 10^9 forgives the rounding of exactly one alarm.
        share = self._share(alarms_per_hour, fps)
        return self.clips * share >= alarms - 1e-9

    def hours_needed(
        self, alarms_per_hour: float, *, alarms: float = 1.0
    ) -> float:
        """Hours of normal video in which such alarms are expected.

        With one, the least that `supports` asks for; ten times as much gives
        a threshold that can be trusted.

        Args:
            alarms_per_hour: as in `threshold`.
            alarms: how many; `TRUSTED` (10) for a threshold that can be
                trusted.

        Raises:
            ValueError: if `alarms_per_hour` is not positive.
        """
        _check_positive("alarms_per_hour", alarms_per_hour)
        return alarms / alarms_per_hour

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `from_dict` gives back an equal object."""
        return {
            "format": FORMAT,
            "source": self.source,
            "clips": self.clips,
            "fps": self.fps,
            "location": dict(self.location),
            "scale": dict(self.scale),
            "probabilities": list(self.probabilities),
            "quantiles": list(self.quantiles),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Calibration":
        """Read what `to_dict` wrote.

        Args:
            data: the dict, perhaps after a trip through JSON.

        Raises:
            ModelFileError: (a `ValueError`) if the format is another one, or
                a field is missing or unusable.
        """
        if not isinstance(data, Mapping) or data.get("format") != FORMAT:
            found = data.get("format") if isinstance(data, Mapping) else data
            raise ModelFileError(
                f"A calibration of format {FORMAT} is expected. Install the "
                "version of keras-cdae that wrote this model, or train it "
                f"again. Received: format={shown(repr(found))}"
            )
        try:
            return cls(
                source=str(data["source"]),
                clips=int(data["clips"]),
                fps=None if data["fps"] is None else float(data["fps"]),
                location={k: float(v) for k, v in data["location"].items()},
                scale={k: float(v) for k, v in data["scale"].items()},
                probabilities=tuple(float(v) for v in data["probabilities"]),
                quantiles=tuple(float(v) for v in data["quantiles"]),
            )
        except (
            KeyError,
            TypeError,
            AttributeError,
            ValueError,
            OverflowError,
        ) as error:
            raise ModelFileError(
                "The calibration in this model is damaged; fetch or train the "
                f"model again. Reason: {shown(repr(error), 200)}"
            ) from error

    def _share(self, alarms_per_hour: float, fps: float | None) -> float:
        """Share of clips that may alarm."""
        rate = self.fps if fps is None else fps
        if rate is None:
            raise ValueError(
                "The frame rate of the calibration video is not known: pass "
                "`fps`, the scored clips in a second. Received: fps=None"
            )
        _check_positive("fps", rate)
        _check_positive("alarms_per_hour", alarms_per_hour)
        share = alarms_per_hour / (3600.0 * rate)
        if share >= 1.0:
            raise ValueError(
                f"`alarms_per_hour` must be below the {3600.0 * rate:g} clips "
                f"in an hour. Received: alarms_per_hour={alarms_per_hour!r}"
            )
        return share

    def _distribution(self) -> tuple[np.ndarray, np.ndarray]:
        """Rising scores, and the share of normal clips below each.

        A value that many clips share is two points: at the value none of them
        is below, just above it all of them are.
        """
        probabilities = np.asarray(self.probabilities)
        values, first, times = np.unique(
            self.quantiles, return_index=True, return_counts=True
        )
        tied = times > 1
        scores = np.concatenate([values, np.nextafter(values[tied], np.inf)])
        shares = np.concatenate(
            [probabilities[first], probabilities[(first + times - 1)[tied]]]
        )
        order = np.argsort(scores, kind="stable")
        return scores[order], shares[order]


def _robust_scale(values: np.ndarray) -> float:
    deviation = np.median(np.abs(values - np.median(values)))
    scale = MAD_TO_STD * float(deviation)
    if scale < SCALE_FLOOR:
        scale = float(np.std(values))
    return max(scale, SCALE_FLOOR)


def _check_terms(
    terms: Mapping[str, npt.ArrayLike],
) -> dict[str, np.ndarray]:
    unknown = sorted(set(terms) - set(TERMS))
    if "score" not in terms or unknown:
        raise ValueError(
            f"`terms` must hold 'score', and nothing but {TERMS}. "
            f"Received: {sorted(terms)}"
        )
    arrays = {k: np.asarray(v, np.float64) for k, v in terms.items()}
    shape = arrays["score"].shape
    for name, values in arrays.items():
        if values.ndim != 1 or values.shape != shape or values.size < 2:
            raise ValueError(
                f"`terms[{name!r}]` must be 1-D, as long as 'score', and hold "
                "at least 2 clips: hold out more normal video. "
                f"Received: shape {values.shape}"
            )
        _check_finite(f"terms[{name!r}]", values)
    return arrays


def _check_finite(name: str, value: npt.ArrayLike) -> None:
    values = np.atleast_1d(np.asarray(value, np.float64))
    bad = np.flatnonzero(~np.isfinite(values))
    if bad.size:
        raise ValueError(
            f"`{name}` must be finite. Received: {values[bad[0]]} at position "
            f"{int(bad[0])} of {values.size}"
        )


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ValueError(
            f"`{name}` must be a positive number. Received: {name}={value!r}"
        )
