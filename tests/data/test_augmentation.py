"""Clips that are changed at random, anew each epoch."""

import numpy as np
import pytest

from keras_cdae.data import (
    Augmentation,
    ClipBatches,
    Clips,
    PseudoAnomalies,
    clip_dataset,
)
from keras_cdae.data.augmentation import (
    AUGMENTATIONS,
    SwitchedAugmentation,
    as_augmentation,
)

MANY = np.arange(200)


@pytest.fixture
def clips(rng):
    videos = [rng.integers(0, 256, (30, 24, 32, 3)) for _ in range(2)]
    return Clips([v.astype(np.uint8) for v in videos])


def still(value):
    """Clips of one picture, the same in all frames."""
    picture = np.broadcast_to(value, (16, 20, 1)).astype(np.uint8)
    return np.broadcast_to(picture, (len(MANY), 5, 16, 20, 1))


def test_half_of_the_clips_are_flipped_and_nothing_else(clips):
    batch = clips.gather(np.arange(len(clips)))
    shown = Augmentation(("flip",)).apply(batch, np.arange(len(clips)))
    same = (shown == batch).all(axis=(1, 2, 3, 4))
    flipped = (shown == batch[:, :, :, ::-1]).all(axis=(1, 2, 3, 4))
    assert (same ^ flipped).all()
    assert flipped.mean() == pytest.approx(0.5, abs=0.2)


def test_crop_shows_a_part_and_keeps_the_shape():
    ramp = 4 * np.arange(20)[None, :, None] + 2 * np.arange(16)[:, None, None]
    shown = Augmentation(("crop",)).apply(still(ramp), MANY)
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


def test_crop_keeps_the_channels_apart():
    across, down = np.arange(20)[None, :], np.arange(16)[:, None]
    flat = np.full((16, 20), 7)
    picture = np.stack([8 * across + 0 * down, 8 * down + 0 * across, flat], -1)
    clips = np.broadcast_to(picture.astype(np.uint8), (20, 5, 16, 20, 3))
    shown = Augmentation(("crop",)).apply(clips, MANY[:20]).astype(int)
    assert shown.shape == clips.shape
    red, green, blue = np.moveaxis(shown, -1, 0)
    # Within one: OpenCV interpolates in integers.
    assert np.abs(red - red[:, :, :1]).max() <= 1, "one row as the other"
    assert (np.diff(red[:, 0, 0]) >= 0).all()
    assert np.abs(green - green[..., :1]).max() <= 1, "one column as the other"
    assert (np.diff(green[:, 0, :, 0]) >= 0).all()
    assert (blue == 7).all()


def test_brightness_is_one_factor_a_clip():
    shown = Augmentation(("brightness",), max_brightness=0.25).apply(
        still(100), MANY
    )
    assert (shown == shown[:, :1, :1, :1]).all()
    values = shown[:, 0, 0, 0, 0].astype(float)
    assert 80 <= values.min() < 83
    assert 122 < values.max() <= 125
    bright = Augmentation(("brightness",)).apply(still(250), MANY)
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
        ({"kinds": ("flip", "blur")}, "Received: kinds="),
        ({"min_crop": 0.0}, r"min_crop must lie in \(0, 1]"),
        ({"max_brightness": -0.1}, r"max_brightness must lie in \[0, 254]"),
        ({"max_brightness": 255}, "max_brightness must lie in"),
        ({"max_brightness": np.nan}, "max_brightness must lie in"),
    ],
)
def test_settings_that_cannot_be(arguments, message):
    with pytest.raises(ValueError, match=message):
        Augmentation(**arguments)


def test_names_of_kinds_are_settings():
    assert as_augmentation(("crop",)) == Augmentation(("crop",))
    assert as_augmentation("brightness") == Augmentation(("brightness",))
    assert as_augmentation("crop, flip") == Augmentation(("flip", "crop"))
    assert as_augmentation(()) is None
    with pytest.raises(ValueError, match="augment must be some of"):
        as_augmentation(("flip", "blur"))
    assert as_augmentation(None) is None
    mild = Augmentation(min_crop=0.9)
    assert as_augmentation(mild) is mild


@pytest.mark.parametrize("pseudo", [None, PseudoAnomalies(0.5)])
def test_both_pipelines_give_the_same_batches(clips, pseudo):
    pytest.importorskip("tensorflow")
    options = {
        "batch_size": 8,
        "seed": 4,
        "dtype": "uint8",
        "pseudo_anomalies": pseudo,
        "augment": ("flip", "crop", "brightness"),
    }
    one = ClipBatches(clips, **options)
    assert one.augmentation == Augmentation()
    assert one.pseudo_anomalies == pseudo
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


@pytest.mark.parametrize("build", [ClipBatches, clip_dataset])
def test_a_pipeline_may_begin_to_change_its_clips(build, clips):
    options = {"batch_size": 8, "dtype": "uint8", "seed": 3}
    switch = SwitchedAugmentation()
    batches = build(clips, augment=switch, **options)

    def epoch(of):
        shown = [np.asarray(batch) for batch in of]
        if isinstance(of, ClipBatches):
            of.on_epoch_end()
        return np.concatenate(shown)

    plain = build(clips, **options)
    changed = build(clips, augment=AUGMENTATIONS, **options)
    for on, like in ((False, plain), (True, changed), (False, plain)):
        switch.on = on
        shown, alike, other = epoch(batches), epoch(plain), epoch(changed)
        np.testing.assert_array_equal(shown, alike if like is plain else other)
        assert (alike != other).any()


def test_a_switch_is_one_instance_s():
    first, second = SwitchedAugmentation(("flip",)), SwitchedAugmentation()
    first.on = True
    assert not second.on
    assert as_augmentation(first) is first
    with pytest.raises(ValueError, match="kinds must be some of"):
        SwitchedAugmentation(("blur",))
