"""What of the videos goes into a page: clips, maps, stills, occupancy."""

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from keras_cdae.data.video import VideoInfo, video_info
from keras_cdae.errors import VideoError
from keras_cdae.reports import media
from keras_cdae.reports.gather import Results
from keras_cdae.reports.media import Clip, Maps
from keras_cdae.reports.moments import Moment

if TYPE_CHECKING:
    from keras_cdae.models.cdae import CDAE
    from keras_cdae.scoring.occupancy import Occupancy

logger = logging.getLogger(__name__)

Progress = Callable[[int, int, str], None]
DEFAULT_FPS = 25.0
# A container may claim a frame or two too few or too many.
TOLERANCE = 2
# Of a log-score: the same model on the same frames agrees far better.
SAME_SCORE = 0.02


@dataclass(frozen=True, eq=False)
class Footage:
    """The video files of scored videos, by the place in the list of videos.

    Attributes:
        paths: files or folders of frames.
        infos: their sizes.
        fps: frames a second of each.
        absent: names of the videos that have none.
    """

    paths: Mapping[int, Path]
    infos: Mapping[int, VideoInfo]
    fps: Mapping[int, float]
    absent: tuple[str, ...] = ()


@dataclass(eq=False)
class Embedded:
    """What of the videos is in the page, by the place in the list of videos.

    Attributes:
        clips: encoded excerpts.
        left_out: videos whose clips would have made the page too large.
        maps: what the model saw in each clip.
        scale: the pair of `media.map_scale`; None without maps.
        occupancy: by branch; empty without a model.
        occupancy_clips: clips that it was counted over.
        other_model: whether the model gives other scores than the file has.
    """

    clips: dict[int, Clip] = field(default_factory=dict)
    left_out: list[int] = field(default_factory=list)
    maps: dict[int, Maps] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    occupancy: dict[str, "Occupancy"] = field(default_factory=dict)
    occupancy_clips: int = 0
    other_model: bool = False


def find_footage(
    results: Results,
    paths: Mapping[str, Path],
    *,
    fps: float | None = None,
    usual_fps: float | None = None,
) -> Footage:
    """Match video files to scores by name; leave out what does not fit.

    Args:
        results: the scores.
        paths: files or folders of frames, by name of the video.
        fps: frames a second of all; None: what the files say.
        usual_fps: where they do not say it, such as folders of frames; None:
            that of the calibration video, else 25.
    """
    calibrated = results.calibration and results.calibration.fps
    usual = usual_fps or calibrated or DEFAULT_FPS
    found: dict[int, Path] = {}
    infos: dict[int, VideoInfo] = {}
    absent = []
    for place, video in enumerate(results.videos):
        path = paths.get(video.name)
        info = None if path is None else _usable(path, int(video.frame[-1]))
        if path is None or info is None:
            absent.append(video.name)
            continue
        found[place], infos[place] = path, info
    rates = {place: fps or info.fps or usual for place, info in infos.items()}
    return Footage(found, infos, rates, tuple(absent))


def _usable(path: Path, last_frame: int) -> VideoInfo | None:
    try:
        info = video_info(path)
    except VideoError as error:
        logger.warning("%s The page goes without its pictures", error)
        return None
    if info.frames and info.frames + TOLERANCE <= last_frame:
        logger.warning(
            "%s: has %d frames, and there is a score of frame %d: not the "
            "video that was scored. The page goes without its pictures",
            path,
            info.frames,
            last_frame,
        )
        return None
    return info


def embed(
    results: Results,
    footage: Footage,
    *,
    model: "CDAE | None" = None,
    budget: int,
    progress: Progress | None = None,
    looked: Progress | None = None,
) -> Embedded:
    """Encode clips, the highest-scoring videos first, and look at them.

    Args:
        results: the scores.
        footage: the video files.
        model: draws the maps and counts centroids; None: neither.
        budget: bytes of the page that clips and maps may take.
        progress: called after each encoded video with how many are done, how
            many there are, and its name.
        looked: called after each video that the model looked at, likewise.

    Raises:
        VideoError: if a video cannot be read.
        MissingDependencyError: if PyAV is not installed.
    """
    result = Embedded()
    order = sorted(
        footage.paths, key=lambda place: -results.videos[place].score.max()
    )
    per_frame = 0 if model is None else _map_bytes(model)
    for number, place in enumerate(order, start=1):
        video = results.videos[place]
        info = footage.infos[place]
        start, stop = media.excerpt(
            int(video.frame[-1]) + 1, int(video.worst_frame)
        )
        clip = media.encode_clip(
            footage.paths[place],
            info,
            start=start,
            stop=stop,
            fps=footage.fps[place],
        )
        size = base64_size(len(clip.mp4))
        size += base64_size((clip.stop - clip.start) * per_frame)
        if size > budget:
            result.left_out = order[number - 1 :]
            break
        budget -= size
        result.clips[place] = clip
        if progress is not None:
            progress(number, len(order), video.name)
    if model is not None and result.clips:
        _look(model, results, footage, result, looked)
    return result


def base64_size(count: int) -> int:
    """Return how many characters `count` bytes take."""
    return 4 * -(-count // 3)


def _map_bytes(model: "CDAE") -> int:
    rows, columns = (min(s // 8, media.MAX_GRID) for s in model.image_size)
    return rows * columns


def _look(
    model: "CDAE",
    results: Results,
    footage: Footage,
    result: Embedded,
    progress: Progress | None,
) -> None:
    """Fill in the maps and the occupancy, in one pass over the clips."""
    from keras_cdae.scoring.occupancy import centroid_occupancy

    def batches() -> Iterator[np.ndarray]:
        for number, (place, clip) in enumerate(result.clips.items(), start=1):
            parts = []
            for clips, maps in media.see(
                model,
                footage.paths[place],
                start=clip.start,
                stop=clip.stop,
            ):
                parts.append(maps)
                result.occupancy_clips += len(clips)
                yield clips
            result.maps[place] = media.join(parts)
            if progress is not None:
                progress(number, len(result.clips), results.videos[place].name)

    result.occupancy = centroid_occupancy(model, batches())
    result.scale = media.map_scale(list(result.maps.values()))
    result.other_model = _differs(results, result.maps)


def _differs(results: Results, maps: Mapping[int, Maps]) -> bool:
    """Tell whether the maps are from a model that scores otherwise."""
    for place, seen in maps.items():
        video = results.videos[place]
        frames = seen.start + np.arange(len(seen.score))
        _, ours, theirs = np.intersect1d(
            frames, video.frame, return_indices=True
        )
        gap = np.abs(seen.score[ours] - video.score[theirs])
        if gap.size and np.median(gap) > SAME_SCORE:
            return True
    return False


def stills(
    moments: list[Moment],
    footage: Footage,
    embedded: Embedded,
    *,
    model: "CDAE | None" = None,
) -> dict[Moment, bytes]:
    """Return a small JPEG of every moment whose video is there.

    Args:
        moments: frames worth a look.
        footage: the video files.
        embedded: holds the maps that are drawn over them.
        model: makes the maps of videos that are not embedded.

    Raises:
        VideoError: if a frame cannot be read.
    """
    pictures = {}
    for moment in moments:
        path = footage.paths.get(moment.video)
        if path is None:
            continue
        logs = None
        if embedded.scale is not None and model is not None:
            logs = _map_of(moment, path, embedded, model)
        pictures[moment] = media.still(
            path,
            footage.infos[moment.video],
            moment.frame,
            logs=logs,
            scale=embedded.scale,
        )
    return pictures


def _map_of(
    moment: Moment, path: Path, embedded: Embedded, model: "CDAE"
) -> np.ndarray | None:
    if moment.video in embedded.maps:
        found = embedded.maps[moment.video].at(moment.frame)
        if found is not None:
            return found
    seen = media.see(model, path, start=moment.frame, stop=moment.frame + 1)
    return media.join([maps for _, maps in seen]).at(moment.frame)
