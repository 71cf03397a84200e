import numpy as np
import pytest

from keras_cdae.errors import DataError
from keras_cdae.export.clips import made_clips, sample_clips


def test_clips_are_spread_over_videos(videos, model):
    clips = sample_clips(model, [videos / "train"], count=20)
    assert clips.shape == (20, 5, 32, 32, 1)
    assert clips.dtype == np.uint8
    assert len(np.unique(clips.reshape(20, -1), axis=0)) == 20


def test_videos_too_short(tmp_path, model):
    from keras_cdae.data.video import write_video

    frames = np.zeros((3, 16, 16, 3), "uint8")
    write_video(tmp_path / "a.avi", frames, fps=10)
    with pytest.raises(DataError, match="shorter than 5 frames"):
        sample_clips(model, [tmp_path])


def test_made_clips_differ(model):
    clips = made_clips(model)
    assert clips.shape[1:] == (5, 32, 32, 1)
    scores = model.score(clips)["score"]
    assert np.ptp(scores) > 1e-3
