"""The frames of a data set, as a model reads them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from keras_cdae.data.benchmarks.base import DatasetVideo
from keras_cdae.data.flow import cache_flow
from keras_cdae.data.frames import CachedVideo, cache_videos

Progress = Callable[[int, int, str], None]


def cached_frames(
    videos: Sequence[DatasetVideo],
    *,
    image_size: tuple[int, int],
    channels: int,
    flow: str | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
) -> list[CachedVideo]:
    """Return the videos decoded, resized and cached as uint8, in order.

    Args:
        videos: of a data set.
        image_size: `(height, width)`.
        channels: 3 or 1.
        flow: optical flow to put beside them, as two more channels, see
            `data.flow`; None: none.
        cache_dir: folder of the frame cache; None: the default.
        progress: called with videos done, videos in all, and a name.
    """
    cached = cache_videos(
        [video.path for video in videos],
        names=[video.name for video in videos],
        image_size=image_size,
        channels=channels,
        cache_dir=None if cache_dir is None else Path(cache_dir),
        progress=progress,
    )
    if flow is None:
        return cached
    with_flow = []
    for number, video in enumerate(cached, start=1):
        with_flow.append(cache_flow(video, flow))
        if progress is not None:
            progress(number, len(cached), f"{video.name}, flow")
    return with_flow
