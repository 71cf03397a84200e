"""Stand-ins for cameras and models in the tests of live watching."""

import itertools
import time

import numpy as np

from keras_cdae.errors import VideoError
from keras_cdae.runtime.score import Score


class FakeCamera:
    """A connection that gives frames of a colour at a pace, then ends."""

    def __init__(self, count, *, interval=0.0, fps=25.0, size=(24, 32)):
        self.left = count
        self.given = 0
        self.interval = interval
        self.fps = fps
        self.size = size
        self.closed = False

    @property
    def seconds(self):
        return self.given / (self.fps or 25.0)

    def skip(self):
        if not self.left:
            return False
        time.sleep(self.interval)
        self.left -= 1
        self.given += 1
        return True

    def read(self):
        if not self.skip():
            return None
        return np.full((*self.size, 3), self.given % 256, np.uint8)

    def close(self):
        self.closed = True


class Opener:
    """Gives connections one after the other; None is a refusal."""

    def __init__(self, *cameras):
        self.cameras = list(cameras)
        self.times = []

    def __call__(self):
        self.times.append(time.monotonic())
        camera = self.cameras.pop(0) if self.cameras else None
        if camera is None:
            raise VideoError("camera fake: cannot be opened.")
        return camera


class FakeScorer:
    """Scores the n-th complete clip with the n-th of the given numbers."""

    calibration = None

    def __init__(self, scores, seconds=0.0):
        self.scores = itertools.chain(scores, itertools.repeat(0.0))
        self.seconds = seconds
        self.clips = []
        self.reset()

    def reset(self):
        self.frames = []

    def push(self, frame):
        self.frames = [*self.frames, int(frame[0, 0, 0])][-5:]
        if len(self.frames) < 5:
            return None
        time.sleep(self.seconds)
        self.clips.append(self.frames)
        score = next(self.scores)
        heat = np.zeros((4, 4), np.float32)
        heat[1, 2] = max(score, 0.1)
        return Score(0, score, None, None, None, {}, heat)
