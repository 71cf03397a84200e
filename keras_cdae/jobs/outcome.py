"""What became of each video, and of all of them."""

import dataclasses
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Failure:
    """A video, or a path, that gave no result.

    Args:
        path: what the user named, or what was found there.
        reason: one line with the next step.
    """

    path: Path
    reason: str

    def to_dict(self) -> dict[str, str]:
        """Return a dictionary for JSON."""
        return {"path": str(self.path), "reason": self.reason}


@dataclasses.dataclass(frozen=True)
class Advance:
    """Some more frames of a video are scored.

    Args:
        name: the video.
        frames: how many more.
    """

    name: str
    frames: int


@dataclasses.dataclass(frozen=True)
class Outcome:
    """The end of the work on one video.

    Args:
        name: the video.
        path: where it lies.
        reason: why there is no result; None where there is one.
        warnings: what was logged on the way.
        full_disk: whether the disk of the results was full: there is no use
            in scoring the other videos.
    """

    name: str
    path: Path
    reason: str | None = None
    warnings: tuple[str, ...] = ()
    full_disk: bool = False


@dataclasses.dataclass(frozen=True)
class Summary:
    """What became of all videos; `summary.json` in the output folder.

    Attributes:
        model: the model file.
        calibrated: whether it gives `z`, `p` and segments.
        videos: for each video with a result what its segments file says of it,
            in the order of the plan.
        kept: how many of them were done before and not touched.
        failures: what gave no result.
        warnings: what was logged, each text once.
        seconds: wall-clock time.
    """

    model: Path
    calibrated: bool
    videos: list[dict[str, Any]]
    kept: int
    failures: list[Failure]
    warnings: list[str]
    seconds: float

    @property
    def frames(self) -> int:
        """Scored frames of all videos."""
        return sum(video["scores"] for video in self.videos)

    @property
    def segments(self) -> int:
        """Segments of all videos."""
        return sum(len(video["segments"] or ()) for video in self.videos)

    def to_dict(self) -> dict[str, Any]:
        """Return a dictionary for JSON."""
        return {
            "model": str(self.model),
            "calibrated": self.calibrated,
            "videos": self.videos,
            "failures": [failure.to_dict() for failure in self.failures],
            "counts": {
                "scored": len(self.videos) - self.kept,
                "kept": self.kept,
                "failed": len(self.failures),
                "frames": self.frames,
                "segments": self.segments if self.calibrated else None,
            },
            "warnings": self.warnings,
            "seconds": round(self.seconds, 3),
        }
