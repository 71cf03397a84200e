from pathlib import Path

import numpy as np
import pytest

from keras_cdae.data.images import write_image
from keras_cdae.data.video import write_video

REAL_DATA = Path(__file__).parents[3] / "shared" / "data"


@pytest.fixture(scope="session")
def real_data():
    if not REAL_DATA.is_dir():
        pytest.skip("REAL DATA ABSENT: no Ped2 and Avenue beside the checkout")
    return REAL_DATA


def moving_frames(count, *, height=24, width=32, channels=3, seed=0):
    """Smooth, distinct frames that survive a codec: brightness names them."""
    rng = np.random.default_rng(seed)
    base = rng.integers(40, 90, (height // 8, width // 8, channels))
    base = base.repeat(8, 0).repeat(8, 1)
    steps = 7 * (np.arange(count) % 20)
    frames = base[None] + steps[:, None, None, None]
    return frames.astype(np.uint8)


@pytest.fixture
def frames():
    return moving_frames(12)


@pytest.fixture
def video_file(tmp_path, frames):
    return write_video(tmp_path / "clip.avi", frames, fps=12.5)


@pytest.fixture
def frame_folder(tmp_path, frames):
    folder = tmp_path / "frames"
    for i, frame in enumerate(frames, start=1):
        write_image(folder / f"{i}.png", frame)
    return folder


@pytest.fixture
def cache_dir(tmp_path, monkeypatch):
    folder = tmp_path / "cache"
    monkeypatch.setenv("KERAS_CDAE_CACHE", str(folder))
    return folder


@pytest.fixture
def damaged_file(video_file):
    """A copy whose frames 5 and 6 are no JPEG any more."""
    data = bytearray(video_file.read_bytes())
    place = data.index(b"movi")
    for number in range(7):
        place = data.index(b"00dc", place) + 4
        size = int.from_bytes(data[place : place + 4], "little")
        if number >= 5:
            data[place + 4 : place + 4 + size] = bytes(size)
        place += 4 + size
    path = video_file.with_name("damaged.avi")
    path.write_bytes(data)
    return path


@pytest.fixture
def truncated_file(video_file):
    """A copy broken off in mid-stream: the header claims 12 frames."""
    data = video_file.read_bytes()
    begin, end = data.index(b"movi"), data.rindex(b"idx1")
    path = video_file.with_name("truncated.avi")
    path.write_bytes(data[: (begin + end) // 2])
    return path
