import logging

import numpy as np
import pytest

from keras_cdae.data.clips import (
    CLIP_LENGTH,
    Clips,
    align_labels,
    clip_count,
    clip_view,
    hold_out,
    last_frame_index,
    pad_scores,
)
from keras_cdae.data.frames import cache_video
from keras_cdae.errors import DataError


def numbered(count, first=0, shape=(2, 3, 1)):
    """Frame k holds the number first + k everywhere."""
    numbers = np.arange(first, first + count, dtype=np.uint8)
    return np.broadcast_to(numbers[:, None, None, None], (count, *shape)).copy()


def test_counts():
    assert CLIP_LENGTH == 5
    assert [clip_count(n) for n in [0, 4, 5, 6, 180]] == [0, 0, 1, 2, 176]


def test_score_k_belongs_to_frame_k_plus_4():
    view = clip_view(numbered(9))
    assert len(view) == clip_count(9) == 5
    for k, clip in enumerate(view):
        assert clip[-1, 0, 0, 0] == last_frame_index(k) == k + 4
    assert last_frame_index(len(view) - 1) == 8


def test_view_copies_nothing_and_is_read_only():
    frames = numbered(9)
    view = clip_view(frames)
    assert view.shape == (5, 5, 2, 3, 1)
    assert np.shares_memory(view, frames)
    with pytest.raises(ValueError, match="read-only"):
        view[0, 0] = 1
    with pytest.raises(DataError, match="needs 5 frames, this video has 4"):
        clip_view(frames[:4])


def test_labels_and_scores_align():
    labels = np.array([0, 0, 0, 0, 0, 0, 1, 1, 0])
    aligned = align_labels(labels)
    np.testing.assert_array_equal(aligned, [0, 0, 1, 1, 0])
    for k, label in enumerate(aligned):
        assert label == labels[last_frame_index(k)]
    padded = pad_scores(np.array([3.0, 4, 5, 6, 7]))
    np.testing.assert_array_equal(padded, [3, 3, 3, 3, 3, 4, 5, 6, 7])
    np.testing.assert_array_equal(align_labels(padded), [3, 4, 5, 6, 7])
    with pytest.raises(ValueError, match="at least one score"):
        pad_scores(np.array([]))


def test_clips_cross_no_border():
    clips = Clips([numbered(7), numbered(6, first=100)])
    assert len(clips) == 3 + 2
    assert clips.shape == (5, 2, 3, 1)
    firsts = clips.gather(range(5))[:, 0, 0, 0, 0]
    np.testing.assert_array_equal(firsts, [0, 1, 2, 100, 101])
    lasts = clips.gather(range(5))[:, -1, 0, 0, 0]
    np.testing.assert_array_equal(lasts, [4, 5, 6, 104, 105])


def test_gather_keeps_the_order_asked_for():
    rng = np.random.default_rng(0)
    videos = [
        rng.integers(0, 256, (n, 3, 4, 3), dtype=np.uint8) for n in [9, 5, 12]
    ]
    clips = Clips(videos)
    every = np.concatenate([clip_view(v) for v in videos])
    wanted = rng.integers(0, len(clips), 40)
    np.testing.assert_array_equal(clips.gather(wanted), every[wanted])
    np.testing.assert_array_equal(clips[-1], every[-1])
    np.testing.assert_array_equal(clips[2:9:3], every[2:9:3])
    np.testing.assert_array_equal(list(clips), every)
    assert clips.gather([]).shape == (0, 5, 3, 4, 3)
    with pytest.raises(IndexError, match="out of range for 14 clips"):
        clips.gather([14])


def test_step_and_stride():
    clips = Clips([numbered(12)], length=3, step=2, stride=4)
    np.testing.assert_array_equal(
        clips.gather(range(len(clips)))[:, :, 0, 0, 0], [[0, 2, 4], [4, 6, 8]]
    )
    assert len(Clips([numbered(13)], length=3, step=2, stride=4)) == 3


def test_memmaps_give_the_same(video_file, cache_dir):
    cached = cache_video(video_file, image_size=(8, 8), channels=3)
    indices = [7, 0, 3]
    np.testing.assert_array_equal(
        Clips([cached]).gather(indices),
        Clips([np.array(cached.frames)]).gather(indices),
    )


def test_short_videos_are_left_out_with_one_warning(caplog):
    with caplog.at_level(logging.WARNING):
        clips = Clips([numbered(4), numbered(6, 50), numbered(1)])
    assert len(clips) == 2
    assert clips[0][0, 0, 0, 0] == 50
    (record,) = caplog.records
    assert "2 of 3 videos have fewer than 5 frames" in record.message
    with pytest.raises(DataError, match="none of 1 videos has the 5 frames"):
        Clips([numbered(4)])
    with pytest.raises(DataError, match="none of 0"):
        Clips([])


def test_bad_videos():
    with pytest.raises(DataError, match="different sizes"):
        Clips([numbered(6), numbered(6, shape=(4, 4, 1))])
    with pytest.raises(DataError, match="uint8"):
        Clips([numbered(6) / 255.0])
    with pytest.raises(DataError, match=r"\(frames, height"):
        Clips([numbered(6)[..., 0]])
    with pytest.raises(ValueError, match="stride must be >= 1"):
        Clips([numbered(6)], stride=0)


def test_order_is_a_function_of_seed_and_epoch():
    clips = Clips([numbered(60)])
    first = clips.order(3, seed=7)
    np.testing.assert_array_equal(first, clips.order(3, seed=7))
    np.testing.assert_array_equal(np.sort(first), np.arange(56))
    assert not np.array_equal(first, clips.order(4, seed=7))
    assert not np.array_equal(first, clips.order(3, seed=8))
    np.testing.assert_array_equal(clips.order(3, shuffle=False), range(56))


def test_whole_videos_are_held_out():
    videos = [numbered(10, first=10 * i) for i in range(12)]
    train, held = hold_out(videos, share=0.2, seed=1)
    assert (len(train), len(held)) == (10, 2)
    ids = [id(v) for v in train + held]
    assert sorted(ids) == sorted(id(v) for v in videos)
    again = hold_out(videos, share=0.2, seed=1)[1]
    assert [id(v) for v in again] == [id(v) for v in held]
    others = [
        tuple(v[0, 0, 0, 0] for v in hold_out(videos, share=0.2, seed=s)[1])
        for s in range(8)
    ]
    assert len(set(others)) > 1


def test_at_least_one_each_way():
    videos = [numbered(10), numbered(10)]
    for share in [0.01, 0.99]:
        train, held = hold_out(videos, share=share)
        assert (len(train), len(held)) == (1, 1)


def test_short_videos_are_not_held_out():
    videos = [numbered(2), numbered(10), numbered(3), numbered(10)]
    for seed in range(6):
        (held,) = hold_out(videos, seed=seed)[1]
        assert len(held) == 10


def test_single_video_gives_its_end():
    (train,), (held,) = hold_out([numbered(100)], share=0.2)
    assert (len(train), len(held)) == (80, 20)
    assert held[0, 0, 0, 0] == 80
    (train,), (held,) = hold_out([numbered(12)], share=0.1)
    assert (len(train), len(held)) == (7, 5)
    (train,), (held,) = hold_out([numbered(12)], share=0.9)
    assert (len(train), len(held)) == (5, 7)


def test_single_cached_video(video_file, cache_dir):
    cached = cache_video(video_file, image_size=(8, 8), channels=1)
    (train,), (held,) = hold_out([cached])
    np.testing.assert_array_equal(np.concatenate([train, held]), cached.frames)


def test_hold_out_refuses():
    with pytest.raises(DataError, match="at least 10 frames"):
        hold_out([numbered(9)])
    with pytest.raises(DataError, match="0 of 0 videos"):
        hold_out([])
    with pytest.raises(ValueError, match="share must lie"):
        hold_out([numbered(30)], share=1.0)
