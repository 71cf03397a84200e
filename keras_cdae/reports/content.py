"""The player, the moments and the curves of a page, as plain data."""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from keras_cdae.metrics.frame import micro_auc
from keras_cdae.reports import media, words
from keras_cdae.reports.curves import (
    CARD_POINTS,
    make_curve,
    path_data,
    runs,
)
from keras_cdae.reports.embed import Embedded, Footage
from keras_cdae.reports.gather import Results
from keras_cdae.reports.moments import Moment, extremes, peaks
from keras_cdae.reports.overlay import STOPS
from keras_cdae.scoring.scores import VideoScores

STRENGTH = 0.75  # opacity of the heat map at its highest
MOMENTS = 6  # of the oddest
OTHERS = 3  # of the calmest, the false alarms, the misses


@dataclass(frozen=True)
class Group:
    """Moments of one kind.

    Attributes:
        title: a heading.
        text: what they have in common.
        moments: the frames.
    """

    title: str
    text: str
    moments: tuple[Moment, ...]


def groups(results: Results) -> list[Group]:
    """Return the moments worth a look: the oddest, the calmest, the errors.

    Args:
        results: the scores.
    """
    videos = results.videos
    found = [
        Group(
            "Oddest",
            "The highest scores, from as many videos as possible.",
            tuple(extremes(videos, MOMENTS)),
        ),
        Group(
            "Calmest",
            "The lowest scores: what the model takes for ordinary.",
            tuple(extremes(videos, OTHERS, highest=False)),
        ),
        Group(
            "Highest of the normal",
            "Labelled normal and yet high: the false alarms to expect.",
            tuple(extremes(videos, OTHERS, label=0)),
        ),
        Group(
            "Lowest of the abnormal",
            "Labelled abnormal and yet low: what would be missed.",
            tuple(extremes(videos, OTHERS, highest=False, label=1)),
        ),
    ]
    return [group for group in found if group.moments]


def threshold_of(
    results: Results, alarms_per_hour: float, fps: float | None
) -> float | None:
    """Return the log-score above which a frame alarms; None if not known.

    Args:
        results: the scores, and the calibration where there is one.
        alarms_per_hour: accepted false alarms.
        fps: frames a second; None: that of the calibration.
    """
    calibration = results.calibration
    if calibration is None or (fps or calibration.fps) is None:
        return None
    return calibration.threshold(alarms_per_hour, fps=fps)


def player_data(
    results: Results,
    footage: Footage,
    embedded: Embedded,
    threshold: float | None,
    fps: float | None,
) -> dict[str, Any]:
    """Return what the script of the page reads.

    Args:
        results: the scores.
        footage: the video files.
        embedded: what of them is in the page.
        threshold: log-score above which a frame alarms; None: not drawn.
        fps: frames a second of videos whose files are not there.
    """
    absolute = "z" if all(v.z is not None for v in results.videos) else "score"
    values = np.concatenate([getattr(v, absolute) for v in results.videos])
    limit = threshold
    if threshold is not None and absolute == "z":
        assert results.calibration is not None
        limit = float(results.calibration.z(threshold))
    marks = [values.min(), values.max(), *([] if limit is None else [limit])]
    span = float(max(marks) - min(marks)) or 1.0
    return {
        "absolute": absolute,
        "low": round(float(min(marks)) - 0.03 * span, 4),
        "high": round(float(max(marks)) + 0.14 * span, 4),
        "threshold": None if limit is None else round(limit, 4),
        "stops": STOPS.tolist(),
        "strength": STRENGTH,
        "videos": [
            {
                "name": video.name,
                "last": int(video.frame[-1]),
                "fps": footage.fps.get(place, fps),
                "curve": make_curve(video).to_dict(),
                "labelled": video.labels is not None,
                "events": _events(video),
                "alarms": _alarms(video, threshold),
                "peaks": _peaks(video, threshold, footage.fps.get(place, fps)),
                "clip": _clip(embedded, place),
                "maps": _maps(embedded, place),
            }
            for place, video in enumerate(results.videos)
        ],
    }


def blobs(embedded: Embedded) -> dict[str, str]:
    """Return the clips and maps in base64, by the `id` they get in the page.

    Args:
        embedded: the clips and maps.
    """
    found = {
        f"clip{place}": _base64(clip.mp4)
        for place, clip in embedded.clips.items()
    }
    if embedded.scale is not None:
        for place, maps in embedded.maps.items():
            small = media.quantize(maps, embedded.scale)
            found[f"maps{place}"] = _base64(small.tobytes())
    return found


def video_cards(results: Results, embedded: Embedded) -> list[dict[str, Any]]:
    """Return a small curve of every video.

    Args:
        results: the scores.
        embedded: tells which of them play.
    """
    cards = []
    for place, video in enumerate(results.videos):
        curve = make_curve(video, points=CARD_POINTS)
        area = None
        if video.labels is not None:
            area = micro_auc([video.score], [video.labels])
        cards.append(
            {
                "place": place,
                "name": video.name,
                "end": int(video.frame[-1]) + 1,
                "path": path_data(
                    curve.regularity, first=curve.first, step=curve.step
                ),
                "events": _events(video),
                "auc": None if area is None else words.percent(area),
                "frame": video.worst_frame,
                "value": _value(video, int(video.score.argmax())),
                "plays": place in embedded.clips,
            }
        )
    return cards


def moment_groups(
    results: Results,
    found: Sequence[Group],
    pictures: Mapping[Moment, bytes],
    footage: Footage,
) -> list[dict[str, Any]]:
    """Return the groups of moments with their pictures.

    Args:
        results: the scores.
        found: the groups.
        pictures: JPEGs by moment.
        footage: gives the rate of each video.
    """
    return [
        {
            "title": group.title,
            "text": group.text,
            "cards": [
                _moment_card(results.videos[m.video], m, pictures, footage)
                for m in group.moments
            ],
        }
        for group in found
    ]


def _events(video: VideoScores) -> list[Any]:
    if video.labels is None:
        return []
    return runs(video.labels == 1, video.frame)


def _alarms(video: VideoScores, threshold: float | None) -> list[Any]:
    if threshold is None:
        return []
    return runs(video.score > threshold, video.frame)


def _peaks(
    video: VideoScores, threshold: float | None, fps: float | None
) -> list[dict[str, Any]]:
    distance = max(5, round(fps or 10))
    highest = int(video.score.argmax())
    return [
        {
            "frame": int(video.frame[index]),
            "value": _value(video, index),
            "highest": index == highest,
            "above": None
            if threshold is None
            else bool(video.score[index] > threshold),
        }
        for index in peaks(video, distance=distance)
    ]


def _value(video: VideoScores, index: int) -> str:
    if video.z is None:
        return f"score {video.score[index]:.2f}"
    return f"z {video.z[index]:.2f}"


def _clip(embedded: Embedded, place: int) -> dict[str, Any] | None:
    clip = embedded.clips.get(place)
    if clip is None:
        return None
    return {
        "id": f"clip{place}",
        "start": clip.start,
        "stop": clip.stop,
        "fps": clip.fps,
        "width": clip.width,
        "height": clip.height,
    }


def _maps(embedded: Embedded, place: int) -> dict[str, Any] | None:
    maps = embedded.maps.get(place)
    if maps is None:
        return None
    _, rows, columns = maps.logs.shape
    return {
        "id": f"maps{place}",
        "start": maps.start,
        "rows": rows,
        "columns": columns,
    }


def _moment_card(
    video: VideoScores,
    moment: Moment,
    pictures: Mapping[Moment, bytes],
    footage: Footage,
) -> dict[str, Any]:
    fps = footage.fps.get(moment.video)
    jpeg = pictures.get(moment)
    label = ""
    if video.labels is not None:
        label = "abnormal" if video.labels[moment.index] else "normal"
    return {
        "place": moment.video,
        "frame": moment.frame,
        "name": video.name,
        "value": _value(video, moment.index),
        "time": None if fps is None else words.clock(moment.frame / fps),
        "label": label,
        "image": None
        if jpeg is None
        else f"data:image/jpeg;base64,{_base64(jpeg)}",
    }


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
