"""Files whose frames are not as far apart as their rate says."""

import logging

import av
import numpy as np
import pytest

from keras_cdae.data.video import read_frames


def write_at(path, milliseconds):
    """Write frames that are shown at the given times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=1000)
        stream.width = stream.height = 32
        stream.pix_fmt = "yuv420p"
        for time in milliseconds:
            grey = np.full((32, 32, 3), 100, np.uint8)
            frame = av.VideoFrame.from_ndarray(grey, format="rgb24")
            frame.pts = int(time)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (np.arange(40) * 40, None),
        (np.delete(np.arange(42) * 40, [7, 20]), None),  # dropped: no harm
        # It stopped for a minute when nothing moved.
        (np.r_[np.arange(20) * 40, 60_000 + np.arange(20) * 40], "59.2 s"),
        # A phone in the dark, then in the light.
        (np.r_[np.arange(20) * 100, 2000 + np.arange(20) * 10], "0.1 s apart"),
    ],
)
def test_uneven_times_are_told(tmp_path, caplog, times, words):
    path = write_at(tmp_path / "video.mp4", times)
    with caplog.at_level(logging.WARNING):
        assert len(list(read_frames(path))) == 40
    assert ("not evenly spaced" in caplog.text) == (words is not None)
    if words:
        assert words in caplog.text
    caplog.clear()
    list(read_frames(path, stop=9))  # a part says nothing of the whole
    assert not caplog.records
