"""Clips as another camera of the same scene might show them."""

import numpy as np
import pytest

from keras_cdae.data import (
    Augmentation,
    ClipBatches,
    Clips,
    PseudoAnomalies,
    clip_dataset,
)
from keras_cdae.data.augmentation import AUGMENTATIONS, as_augmentation

MANY = np.arange(200)


@pytest.fixture
def clips(rng):
    videos = [rng.integers(0, 256, (30, 24, 32, 3)) for _ in range(2)]
    return Clips([v.astype(np.uint8) for v in videos])


def still(value):
    """Clips of one picture, the same in all frames."""
    picture = np.broadcast_to(value, (16, 20, 1)).astype(np.uint8)
    return np.broadcast_to(picture, (len(MANY), 5, 16, 20, 1))


def test_half_of_the_clips_are_mirrored_and_nothing_else(clips):
    batch = clips.gather(np.arange(len(clips)))
    shown = Augmentation(("mirror",)).apply(batch, np.arange(len(clips)))
    same = (shown == batch).all(axis=(1, 2, 3, 4))
    mirrored = (shown == batch[:, :, :, ::-1]).all(axis=(1, 2, 3, 4))
    assert (same ^ mirrored).all()
    assert mirrored.mean() == pytest.approx(0.5, abs=0.2)


def test_zoom_shows_a_part_and_keeps_the_shape():
    ramp = 4 * np.arange(20)[None, :, None] + 2 * np.arange(16)[:, None, None]
    shown = Augmentation(("zoom",)).apply(still(ramp), MANY)
    first = shown[:, 0, ..., 0].astype(int)
    # Of a ramp a part is a ramp again, less steep by the share of the side.
    steep = (first[:, 8, -3] - first[:, 8, 2]) / 15 / 4
    assert 0.75 <= steep.min() < 0.87
    assert 0.95 < steep.max() <= 1.05
    assert first.min() >= ramp.min()
    assert first.max() <= ramp.max()
    # Every border is reached: parts lie anywhere.
    assert first.min() == ramp.min()
    assert first.max() == ramp.max()


def test_light_is_one_factor_a_clip():
    shown = Augmentation(("light",), light_range=0.25).apply(still(100), MANY)
    assert (shown == shown[:, :1, :1, :1]).all()
    values = shown[:, 0, 0, 0, 0].astype(float)
    assert 80 <= values.min() < 83
    assert 122 < values.max() <= 125
    bright = Augmentation(("light",)).apply(still(250), MANY)
    assert bright.max() == 255, "white stays white"
    assert bright.min() >= 200, "and does not begin anew at black"


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_what_stands_still_stands_still(clips, kind):
    batch = clips.gather(np.arange(len(clips)))
    batch[:, 1:] = batch[:, :1]
    shown = Augmentation((kind,)).apply(batch, np.arange(len(clips)))
    assert (shown == shown[:, :1]).all()
    assert (shown != batch).any()


def test_number_epoch_and_seed_decide(clips):
    batch = clips.gather([50, 3, 20])
    both = Augmentation()
    shown = both.apply(batch, [50, 3, 20], epoch=2, seed=1)
    again = both.apply(batch[[2, 0]], [20, 50], epoch=2, seed=1)
    np.testing.assert_array_equal(again, shown[[2, 0]])
    for other in ({"epoch": 3, "seed": 1}, {"epoch": 2, "seed": 0}):
        changed = both.apply(batch, [50, 3, 20], **other) != shown
        assert changed.any(axis=(1, 2, 3, 4)).all()
    assert not np.shares_memory(shown, batch)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kinds": ()}, "kinds must be some of"),
        ({"kinds": ("mirror", "blur")}, "Received: kinds="),
        ({"least_side": 0.0}, r"least_side must lie in \(0, 1]"),
        ({"light_range": -0.1}, "light_range must be at least 0"),
        ({"light_range": np.nan}, "light_range must be at least 0"),
    ],
)
def test_settings_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)


def test_names_of_kinds_are_settings():
    assert as_augmentation(("zoom",)) == Augmentation(("zoom",))
    assert as_augmentation("light") == Augmentation(("light",))
    assert as_augmentation(()) is None
    assert as_augmentation(None) is None
    mild = Augmentation(least_side=0.9)
    assert as_augmentation(mild) is mild


@pytest.mark.parametrize("pseudo", [None, PseudoAnomalies(0.5)])
def test_both_pipelines_give_the_same_batches(clips, pseudo):
    pytest.importorskip("tensorflow")
    options = {
        "batch_size": 8,
        "seed": 4,
        "dtype": "uint8",
        "pseudo_anomalies": pseudo,
        "augment": ("mirror", "zoom", "light"),
    }
    one = ClipBatches(clips, **options)
    two = clip_dataset(clips, **options)
    plain = ClipBatches(clips, **{**options, "augment": None})
    differs = False
    for epoch in range(2):
        one.set_epoch(epoch)
        plain.set_epoch(epoch)
        two.epoch_counter.set_epoch(epoch)
        for number, other in enumerate(two.as_numpy_iterator()):
            batches = map(_tuple, (one[number], other, plain[number]))
            for ours, theirs, usual in zip(*batches, strict=True):
                np.testing.assert_array_equal(ours, theirs)
                differs |= (ours != usual).any()
    assert differs


def _tuple(batch):
    return batch if isinstance(batch, tuple) else (batch,)


def test_what_is_looked_at_and_what_is_asked_for_are_changed_alike(clips):
    batches = ClipBatches(
        clips,
        batch_size=len(clips),
        pseudo_anomalies=PseudoAnomalies(0.5, ("patch",)),
        augment=AUGMENTATIONS,
        dtype="uint8",
    )
    made, normal = batches[0]
    untouched = (made == normal).all(axis=(1, 2, 3, 4))
    assert untouched.mean() == pytest.approx(0.5, abs=0.25)
    # A patch covers a ninth at most: the rest of the pair is one picture.
    assert (made == normal).all(axis=-1).mean() > 0.85


def test_nothing_outside_the_region_is_moved_inside():
    roi = np.zeros((24, 32), bool)
    roi[:, 20:] = True
    video = np.where(roi[..., None], 0, 200).astype(np.uint8)
    clips = Clips([np.broadcast_to(video, (40, 24, 32, 1))])
    options = {"batch_size": 36, "augment": ("mirror", "zoom")}
    inside = ClipBatches(clips, roi=roi, **options)[0]
    anywhere = ClipBatches(clips, **options)[0]
    assert inside.max() == 0
    assert (anywhere[..., roi, :] > 0).any()
