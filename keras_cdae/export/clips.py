"""Clips to quantise by and to compare on."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from keras_cdae.data.finding import PathLike, find_videos
from keras_cdae.data.video import read_frames, video_info
from keras_cdae.errors import DataError
from keras_cdae.models.clip_scorer import ClipScorer

logger = logging.getLogger(__name__)

COUNT = 192
MAX_FRAMES = 1000  # of one video; more would only take time
MADE = 16


def sample_clips(
    model: ClipScorer, paths: Iterable[PathLike], *, count: int = COUNT
) -> np.ndarray:
    """Return clips spread evenly over videos.

    Args:
        model: it says the size of the clips.
        paths: videos, or folders of videos, of normal life.
        count: about how many clips; the most.

    Returns:
        uint8 (clips, T, H, W, C), read-only where they are few.

    Raises:
        DataError: if there is no video, or none holds a clip.
    """
    videos = [video for path in paths for video in find_videos(path)]
    share = max(1, count // max(1, len(videos)))
    clips: list[np.ndarray] = []
    for video in videos[:count]:
        clips.extend(_of_video(model, video, share))
    if not clips:
        raise DataError(
            "No clip in the videos given: each is shorter than "
            f"{model.clip_length} frames. Give longer ones."
        )
    return np.stack(clips[:count])


def _of_video(
    model: ClipScorer, video: Path, count: int
) -> Iterator[np.ndarray]:
    length = model.clip_length
    height, width = model.image_size
    claimed = min(video_info(video).frames or MAX_FRAMES, MAX_FRAMES)
    starts = np.linspace(0, max(0, claimed - length), count).astype(int)
    wanted = {int(start) + length - 1 for start in starts}
    recent: list[np.ndarray] = []
    frames = read_frames(
        video,
        image_size=(height, width),
        channels=model.channels,
        stop=claimed,
    )
    for index, frame in enumerate(frames):
        recent = [*recent[1 - length :], frame]
        if index in wanted and len(recent) == length:
            yield np.stack(recent)


def dataset_clips(
    model: ClipScorer, dataset: str, data_dir: PathLike | None
) -> np.ndarray:
    """Return clips of a data set's training video, as `sample_clips` does.

    Args:
        model: it says the size of the clips.
        dataset: name of the data set.
        data_dir: its folder.

    Raises:
        DataError: if the data set is not there, or has no training video.
    """
    from keras_cdae.data.benchmarks import load_dataset

    folder = None if data_dir is None else Path(data_dir)
    found = load_dataset(dataset, folder)
    return sample_clips(model, [video.path for video in found.train])


def training_clips(run: Path, model: ClipScorer) -> np.ndarray | None:
    """Return clips of a run's training video, or None where it is gone."""
    from keras_cdae.errors import CDAEError
    from keras_cdae.runs.settings import RunSettings

    try:
        settings = RunSettings.read(run)
        return dataset_clips(model, settings.dataset, settings.data_dir)
    except CDAEError as error:
        logger.info("No training clips for the export: %s", error)
        return None


def made_clips(model: ClipScorer, count: int = MADE) -> np.ndarray:
    """Return drawn clips, for a comparison where there is no video.

    Smooth noise that drifts, faster from clip to clip.
    """
    rng = np.random.default_rng(0)
    height, width = model.image_size
    waves = rng.uniform(1, 4, (3, 2, model.channels))
    phases = rng.uniform(0, 2 * np.pi, (3, model.channels))
    y = np.linspace(0, 2 * np.pi, height)[:, None, None]
    x = np.linspace(0, 2 * np.pi, width)[None, :, None]

    def frame(shift: float) -> np.ndarray:
        total = sum(
            np.sin(wave[0] * y + wave[1] * (x + shift) + phase)
            for wave, phase in zip(waves, phases, strict=True)
        )
        return (127.5 + 40.0 * np.asarray(total)).clip(0, 255)

    clips = [
        [frame(i + 0.02 * i * t) for t in range(model.clip_length)]
        for i in range(count)
    ]
    return np.asarray(clips).round().astype("uint8")
