"""Whether video runs at the pace that a model learned."""

from keras_cdae.scoring.calibration import Calibration

TOLERANCE = 1.5


def pace_of(rate: float, calibration: Calibration | None) -> str | None:
    """Tell of video at another pace than that of the normal video.

    Twice the frame rate halves all motion.

    Args:
        rate: frames a second that are scored.
        calibration: of the model; None for one that has none.

    Returns:
        A sentence; None where the pace is within a factor of 1.5, or not known.

    Example:
        >>> normal = Calibration.fit({"score": [0.0, 1.0]}, source="", fps=10)
        >>> pace_of(60, normal)
        '60 frames a second are scored, and the model learned what is normal \
at 10: motion looks slower than it is.'
        >>> pace_of(12, normal)
    """
    trained = None if calibration is None else calibration.fps
    if trained is None or 1 / TOLERANCE < rate / trained < TOLERANCE:
        return None
    looks = "slower" if rate > trained else "faster"
    return (
        f"{rate:.3g} frames a second are scored, and the model learned what is "
        f"normal at {trained:.3g}: motion looks {looks} than it is."
    )
