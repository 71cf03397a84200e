import numpy as np
import pytest

from keras_cdae.baselines import (
    frame_difference_block_scores,
    frame_difference_scores,
    frame_index_scores,
    trivial,
)


def video(num_frames=12, shape=(14, 18, 3), seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (num_frames, *shape), dtype=np.uint8)


def reference_energy(frames):
    """One map (H, W) a clip, straight from the definition."""
    frames = frames.astype(np.float64) / 255
    if frames.ndim == 3:
        frames = frames[..., None]
    return np.stack(
        [
            ((frames[k : k + 4] - frames[k + 4]) ** 2).mean(axis=(0, 3))
            for k in range(len(frames) - 4)
        ]
    )


@pytest.mark.parametrize("shape", [(14, 18, 3), (14, 18, 1), (14, 18)])
def test_frame_difference_matches_its_definition(shape):
    frames = video(shape=shape)

    scores = frame_difference_scores(frames)

    assert scores.shape == (8,)
    assert scores.dtype == np.float64
    np.testing.assert_allclose(
        scores, reference_energy(frames).mean(axis=(1, 2)), rtol=1e-6
    )


@pytest.mark.parametrize("block", [1, 5, 14])
def test_block_scores_match_a_sliding_window(block):
    frames = video()
    windows = np.lib.stride_tricks.sliding_window_view(
        reference_energy(frames), (block, block), axis=(1, 2)
    )

    scores = frame_difference_block_scores(frames, block)

    expected = windows.mean(axis=(3, 4)).max(axis=(1, 2))
    np.testing.assert_allclose(scores, expected, rtol=1e-5)


def test_chunks_do_not_change_the_scores(monkeypatch):
    frames = video(num_frames=23)
    whole = frame_difference_scores(frames)
    blocks = frame_difference_block_scores(frames, 5)

    # Two clips a chunk, and then less than one frame.
    for size in (2 * 4 * 14 * 18 * 3, 1):
        monkeypatch.setattr(trivial, "_CHUNK_BYTES", size)
        np.testing.assert_array_equal(frame_difference_scores(frames), whole)
        np.testing.assert_array_equal(
            frame_difference_block_scores(frames, 5), blocks
        )


def test_memory_map_is_read(tmp_path):
    frames = video()
    np.save(tmp_path / "frames.npy", frames)
    mapped = np.load(tmp_path / "frames.npy", mmap_mode="r")

    np.testing.assert_array_equal(
        frame_difference_scores(mapped), frame_difference_scores(frames)
    )


def test_score_belongs_to_the_last_frame_of_its_clip():
    frames = np.zeros((12, 8, 8, 1), np.uint8)
    frames[7] = 255  # alone: as a last frame it differs from all four

    scores = frame_difference_scores(frames)

    # Score k is frame k + 4; frames 8 to 11 have it among their four.
    np.testing.assert_allclose(scores, [0, 0, 0, 1, 0.25, 0.25, 0.25, 0.25])


def test_block_finds_what_the_mean_drowns():
    frames = np.zeros((5, 40, 40, 3), np.uint8)
    frames[4, 10:14, 20:24] = 255

    assert frame_difference_block_scores(frames, 4)[0] == pytest.approx(1.0)
    assert frame_difference_scores(frames)[0] == pytest.approx(0.01)


def test_still_video_scores_zero_and_brightest_change_one():
    still = np.full((6, 8, 8, 3), 77, np.uint8)
    np.testing.assert_array_equal(frame_difference_scores(still), [0.0, 0.0])
    flash = np.zeros((5, 8, 8, 3), np.uint8)
    flash[4] = 255
    np.testing.assert_allclose(frame_difference_scores(flash), [1.0])


def test_frame_index():
    np.testing.assert_array_equal(frame_index_scores(8), [4.0, 5.0, 6.0, 7.0])
    assert frame_index_scores(5).shape == (1,)
    np.testing.assert_array_equal(
        frame_index_scores(4, clip_length=3), [2.0, 3.0]
    )


@pytest.mark.parametrize(
    "scores", [frame_difference_scores, frame_difference_block_scores]
)
@pytest.mark.parametrize(
    ("frames", "message"),
    [
        (np.zeros((9, 24, 24, 3), np.float32), "must be uint8"),
        (np.zeros((9, 24), np.uint8), "of shape"),
        (np.zeros((4, 24, 24, 3), np.uint8), "at least 5 frames"),
    ],
)
def test_bad_frames_are_named(scores, frames, message):
    with pytest.raises(ValueError, match=message):
        scores(frames)


def test_bad_sizes_are_named():
    with pytest.raises(ValueError, match="`block` must be between 1 and"):
        frame_difference_block_scores(video(), 15)
    with pytest.raises(ValueError, match="`block` must be between 1 and"):
        frame_difference_block_scores(video(), 0)
    with pytest.raises(ValueError, match="at least 5 frames"):
        frame_index_scores(4)
    with pytest.raises(ValueError, match="`clip_length` must be at least 2"):
        frame_index_scores(4, clip_length=1)
