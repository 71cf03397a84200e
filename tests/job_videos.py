"""Made videos for the tests of jobs."""

import numpy as np

GOOD = {"mon/cam", "tue/cam", "long", "still"}
BAD = {"empty.mp4", "text.mp4", "cut.mp4", "short.mp4", "torn"}


def moving_square(frames, seed, size=(48, 64)):
    """Frames of a square that crosses noise, uint8 (N, H, W, 3)."""
    rng = np.random.default_rng(seed)
    video = rng.integers(0, 60, (frames, *size, 3), dtype=np.uint8)
    y, x = rng.integers(2, 30, 2)
    for t in range(frames):
        place = int(x + t) % (size[1] - 10)
        video[t, y : y + 10, place : place + 10] = 220
    return video
