"""Which frames of scored videos are worth a look."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from keras_cdae.scoring.scores import VideoScores

# A bump lower than this share of a video's range is not called a peak.
PROMINENCE = 0.12


@dataclass(frozen=True)
class Moment:
    """One scored frame.

    Attributes:
        video: the place of its video in the list.
        index: the place of its score in the video.
        frame: its number, 0-based.
        score: its log-score, higher = more anomalous.
    """

    video: int
    index: int
    frame: int
    score: float


def peaks(
    video: VideoScores, *, distance: int = 10, limit: int = 8
) -> list[int]:
    """Return the places of a video's highest peaks, in order of time.

    The highest score is always among them, so no video has none.

    Args:
        video: the scores.
        distance: scores that lie between two peaks, at least.
        limit: how many.
    """
    score = video.score
    spread = float(np.ptp(score))
    if spread == 0:
        return [0]
    # Walls of the lowest score: an end can be a peak, too.
    walled = np.pad(score, 1, constant_values=score.min())
    found = find_peaks(
        walled, distance=max(1, distance), prominence=PROMINENCE * spread
    )[0]
    places = {int(place) - 1 for place in found} | {int(score.argmax())}
    highest = sorted(places, key=lambda place: -score[place])[:limit]
    return sorted(highest)


def extremes(
    videos: Sequence[VideoScores],
    count: int,
    *,
    highest: bool = True,
    label: int | None = None,
    distance: int = 10,
) -> list[Moment]:
    """Return the moments that score highest, or lowest, of all.

    As few as possible from one video, so that one long event does not fill
    the list, and none closer to another than `distance`.

    Args:
        videos: the scores.
        count: how many; fewer where there are not as many.
        highest: False for the lowest.
        label: 0 or 1: only frames with this label.
        distance: scores that lie between two moments of one video, at least.
    """
    sign = -1 if highest else 1
    ranked = [
        (rank, Moment(place, index, int(video.frame[index]), score))
        for place, video in enumerate(videos)
        for rank, index in enumerate(
            _spread_out(video, count, highest, label, distance)
        )
        for score in [float(video.score[index])]
    ]
    # The first of every video, then the second of every video, and so on.
    ranked.sort(key=lambda pair: (pair[0], sign * pair[1].score))
    chosen = [moment for _, moment in ranked[:count]]
    return sorted(chosen, key=lambda moment: sign * moment.score)


def _spread_out(
    video: VideoScores,
    count: int,
    highest: bool,
    label: int | None,
    distance: int,
) -> list[int]:
    """Return places with extreme scores, each `distance` from the others."""
    order = np.argsort(-video.score if highest else video.score, kind="stable")
    if label is not None:
        if video.labels is None:
            return []
        order = order[video.labels[order] == label]
    chosen: list[int] = []
    while order.size and len(chosen) < count:
        chosen.append(int(order[0]))
        order = order[np.abs(order - order[0]) > distance]
    return chosen
