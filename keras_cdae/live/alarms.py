"""When a score becomes an alarm: one event, one alarm."""

from dataclasses import dataclass
from typing import Literal

from keras_cdae.scoring.calibration import Calibration

HYSTERESIS_Z = 0.5  # an event ends so far below the threshold


@dataclass
class Event:
    """Something odd in the picture, from its first frame to its last.

    Attributes:
        start: seconds of the clock of the frames.
        last: when it was last above the lower threshold.
        peak: when its score was highest.
        value: that score.
        unseen: seconds since `last` of which there are no scores.
        raised: whether it became an alarm.
        told: when it was told last.
        name: of the alarm, given by who tells of it.
    """

    start: float
    last: float
    peak: float
    value: float
    unseen: float = 0.0
    raised: bool = False
    told: float = 0.0
    name: str = ""


Change = tuple[Literal["begin", "remind", "end"], Event]


class AlarmTracker:
    """Makes alarms of scores as they come.

    An event begins with a score above `threshold` and lasts until scores have
    been below `threshold - hysteresis` for `quiet_seconds`; frames that were
    dropped are no sign of calm. It is an alarm
    once it has lasted `min_seconds`, unless it falls within `cooldown` seconds
    of the end of the last alarm; where it outlasts them, it is an alarm then.
    One that goes on is told again every `remind` seconds: a camera that was
    moved, or a door left open, may be one alarm for days.

    Args:
        threshold: log-score above which something is odd.
        hysteresis: how far below it an event goes on.
        min_seconds: what an event must last.
        quiet_seconds: what ends an event.
        cooldown: seconds without a new alarm after the end of one.
        remind: seconds after which an alarm that goes on is told again; 0:
            never.

    Raises:
        ValueError: if one but the threshold is negative.

    Example:
        >>> tracker = AlarmTracker(2.0, min_seconds=0.1, quiet_seconds=0.5)
        >>> scores = [0, 3, 3, 1, 3, 0, 0, 0, 0, 0, 0, 0]
        >>> for index, score in enumerate(scores):
        ...     for change, event in tracker.push(index / 10, score):
        ...         print(change, event.start, event.last)
        begin 0.1 0.2
        end 0.1 0.4
    """

    def __init__(
        self,
        threshold: float,
        *,
        hysteresis: float = 0.0,
        min_seconds: float = 0.2,
        quiet_seconds: float = 1.0,
        cooldown: float = 30.0,
        remind: float = 0.0,
    ) -> None:
        if min(hysteresis, min_seconds, quiet_seconds, cooldown, remind) < 0:
            raise ValueError(
                "AlarmTracker expects no negative number. Received: "
                f"hysteresis={hysteresis}, min_seconds={min_seconds}, "
                f"quiet_seconds={quiet_seconds}, cooldown={cooldown}, "
                f"remind={remind}"
            )
        self.threshold = threshold
        self.hysteresis = hysteresis
        self.min_seconds = min_seconds
        self.quiet_seconds = quiet_seconds
        self.cooldown = cooldown
        self.remind = remind
        self.raised = self.suppressed = 0
        self.event: Event | None = None
        self._pushed = float("-inf")
        self._cool_until = float("-inf")

    def push(
        self, moment: float, score: float, *, gap: bool = False
    ) -> list[Change]:
        """Take the score of a frame; return what changed.

        Args:
            moment: seconds of the frame; never less than before.
            score: log-score. NaN counts as low.
            gap: whether frames since the last score were not scored.
        """
        if gap and self.event is not None:
            self.event.unseen += moment - self._pushed
        self._pushed = moment
        changes = self.advance(moment)
        if self.event is None:
            if not score > self.threshold:
                return changes
            self.event = Event(moment, moment, moment, score)
        event = self.event
        if score > self.threshold - self.hysteresis:
            event.last, event.unseen = moment, 0.0
            if score > event.value:
                event.peak, event.value = moment, score
            if self._is_alarm(event, moment, score):
                event.raised, event.told = True, moment
                self.raised += 1
                changes.append(("begin", event))
            elif self._is_due(event, moment):
                event.told = moment
                changes.append(("remind", event))
        return changes

    def advance(self, now: float) -> list[Change]:
        """Let time pass without a score; return what changed.

        Args:
            now: seconds of the clock of the frames.
        """
        event = self.event
        if event is None:
            return []
        quiet = now - event.last - event.unseen
        return self.finish() if quiet > self.quiet_seconds else []

    def finish(self) -> list[Change]:
        """End the event that is going on; return what changed."""
        event, self.event = self.event, None
        if event is None:
            return []
        if event.raised:
            self._cool_until = event.last + self.cooldown
            return [("end", event)]
        # What was too short is no event, only noise.
        self.suppressed += self._lasted(event, event.last)
        return []

    def _is_alarm(self, event: Event, moment: float, score: float) -> bool:
        return (
            not event.raised
            and score > self.threshold
            and moment >= self._cool_until
            and self._lasted(event, moment)
        )

    def _is_due(self, event: Event, moment: float) -> bool:
        if not (event.raised and self.remind):
            return False
        return moment - event.told >= self.remind

    def _lasted(self, event: Event, moment: float) -> bool:
        # A microsecond forgives the rounding of times.
        return moment - event.start >= self.min_seconds - 1e-6


def hysteresis_of(calibration: Calibration | None) -> float:
    """Return how far below the threshold an event goes on.

    Args:
        calibration: of the model; None for one that has none.
    """
    if calibration is None:
        return 0.0
    return HYSTERESIS_Z * calibration.scale["score"]
