"""The pictures of an evaluation, saved into a folder."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from keras import ops

from keras_cdae.data.roi import black_outside
from keras_cdae.data.video import read_frames
from keras_cdae.files import atomic_path
from keras_cdae.models.cdae import CDAE
from keras_cdae.reports import plots
from keras_cdae.scoring.scores import VideoScores

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from keras_cdae.models.clip_scorer import ClipScorer
    from keras_cdae.runs.evaluator import Evaluation

EXAMPLES = 2  # of the least and of the most regular frames, in the panel


def draw_pictures(
    model: "ClipScorer",
    evaluation: "Evaluation",
    folder: str | os.PathLike[str],
) -> list[Path]:
    """Draw `worst.png`, `regularity.png` and, of a CDAE, `reconstruction.png`.

    Args:
        model: the model that was evaluated.
        evaluation: what was found.
        folder: where the pictures go.

    Returns:
        The paths; the first is the one to look at.

    Raises:
        MissingDependencyError: if matplotlib is not installed.
    """
    figures = {
        "worst.png": _summary(evaluation),
        "regularity.png": plots.regularity_curves(
            evaluation.videos, title=evaluation.dataset.title
        ),
    }
    if isinstance(model, CDAE) and model.flow is None:
        figures["reconstruction.png"] = _panel(model, evaluation)
    written = []
    for name, figure in figures.items():
        path = Path(folder) / name
        with atomic_path(path) as temporary:
            figure.savefig(temporary)
        written.append(path)
    return written


def _summary(evaluation: "Evaluation") -> "Figure":
    """Show the video whose worst frame is the worst of all."""
    worst = max(evaluation.videos, key=lambda video: video.score.max())
    frame = int(worst.peak_frame)  # type: ignore[arg-type]
    metrics = evaluation.metrics
    return plots.summary_picture(
        worst,
        _read_frame(evaluation, worst.name, frame),
        worst.peak_map,  # type: ignore[arg-type]
        title=f"{evaluation.dataset.title}, video {worst.name}",
        metrics={
            "AUC per-video": metrics.get("auc_micro_per_video"),
            "AUC raw": metrics.get("auc_micro_raw"),
        },
    )


def _panel(model: "CDAE", evaluation: "Evaluation") -> "Figure":
    """Show what the model makes of regular and of irregular frames."""
    chosen = _examples(evaluation.videos)
    clips = np.stack(
        [
            _read_clip(model, evaluation, video.name, frame)
            for video, frame in chosen
        ]
    )
    outputs = {k: ops.convert_to_numpy(v) for k, v in model(clips).items()}
    scores = model.score(clips, batch_size=len(clips))
    attention = [ops.convert_to_numpy(m) for m in model.attention_maps(clips)]
    clips = black_outside(clips, model.roi).astype("float32") / 255.0
    before, last = clips[:, :-1], clips[:, -1]
    rebuilt = outputs["appearance"][:, None] + outputs["motion"]
    return plots.reconstruction_panel(
        last,
        np.clip(outputs["appearance"], 0.0, 1.0),
        before - last[:, None],
        outputs["motion"],
        np.square(before - rebuilt).mean(axis=(1, 4)),
        attention_maps=attention,
        names=[
            f"video {video.name}, frame {frame}\nscore {score:.2f}"
            for (video, frame), score in zip(
                chosen, scores["score"], strict=True
            )
        ],
    )


def _examples(videos: list[VideoScores]) -> list[tuple[VideoScores, int]]:
    """Return the most and the least regular frames, of different videos."""
    calm = sorted(videos, key=lambda video: video.score.min())[:EXAMPLES]
    odd = sorted(videos, key=lambda video: -video.score.max())[:EXAMPLES]
    return [
        *((video, int(video.frame[video.score.argmin()])) for video in calm),
        *((video, video.worst_frame) for video in reversed(odd)),
    ]


def _path(evaluation: "Evaluation", name: str) -> Path:
    return next(v.path for v in evaluation.dataset.test if v.name == name)


def _read_frame(evaluation: "Evaluation", name: str, frame: int) -> np.ndarray:
    """Return one frame at the camera's own size."""
    path = _path(evaluation, name)
    channels = evaluation.dataset.channels
    return next(read_frames(path, channels=channels, start=frame))


def _read_clip(
    model: "CDAE", evaluation: "Evaluation", name: str, frame: int
) -> np.ndarray:
    """Return the clip that ends with a frame, at the model's size."""
    frames = read_frames(
        _path(evaluation, name),
        image_size=model.image_size,
        channels=model.channels,
        start=frame - model.clip_length + 1,
        stop=frame + 1,
    )
    return np.stack(list(frames))
