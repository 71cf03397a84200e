"""RBDC and TBDC on cases worked out by hand."""

import numpy as np
import pytest

from keras_cdae.metrics import mask_regions, region, region_curve
from keras_cdae.metrics import region_metrics as measure


@pytest.fixture
def plain(monkeypatch):
    """Regions detected on the maps' own cells, so that they can be counted."""
    monkeypatch.setattr(region, "SCALE", 1)


def metrics(maps, masks, **options):
    regions = [mask_regions(masks)]
    return measure([maps], regions, [masks.shape[1:]], **options)


def curve(maps, masks, **options):
    """Return {threshold: (false positives, regions, tracks)}, rates all."""
    found = region_curve(
        [maps], [mask_regions(masks)], [masks.shape[1:]], **options
    )
    rows = zip(
        found.false_positives.tolist(),
        found.region_rate.tolist(),
        found.track_rate.tolist(),
        strict=True,
    )
    return dict(zip(found.thresholds.tolist(), rows, strict=True))


@pytest.mark.usefixtures("plain")
def test_a_video_worked_out_by_hand():
    masks = np.zeros((4, 10, 10), np.uint8)
    masks[:2, :4, :4] = 1  # one track of two regions
    maps = np.zeros((4, 10, 10), np.float32)
    maps[0, :4, :4] = 5
    maps[1, :4, :4] = 1
    maps[2, 8, 8] = 3
    maps[3, 8, 8] = 2
    assert curve(maps, masks) == {
        5: (0.0, 0.5, 1.0),
        3: (0.25, 0.5, 1.0),
        2: (0.5, 0.5, 1.0),
        1: (0.5, 1.0, 1.0),
        # All of a frame is one region: 16 of 100 pixels are enough.
        0: (0.5, 1.0, 1.0),
    }
    # Half of the regions up to 0.5 false positives a frame, then all.
    assert metrics(maps, masks) == {
        "rbdc": pytest.approx(0.5 * 0.5 + 0.5 * 1.0),
        "tbdc": pytest.approx(1.0),
        "regions": 2,
        "tracks": 1,
        "thresholds": 5,
    }


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(
    ("pixels", "found"),
    [
        (1, False),  # 1 / 16
        (2, True),  # 2 / 16
        (160, True),  # 16 / 160, exactly beta
        (180, False),  # 16 / 180
    ],
)
def test_a_region_is_found_from_a_tenth_of_the_union(pixels, found):
    masks = np.zeros((1, 20, 20), np.uint8)
    masks[0, :4, :4] = 1
    maps = np.zeros((1, 20, 20), np.float32)
    if pixels < 20:
        maps[0, 0, :pixels] = 1
    else:
        maps[0, : pixels // 20] = 1
    # What finds nothing is a false positive.
    assert curve(maps, masks)[1] == (
        (0.0, 1.0, 1.0) if found else (1.0, 0.0, 0.0)
    )


@pytest.mark.usefixtures("plain")
@pytest.mark.parametrize(("hits", "found"), [(1, 0.0), (2, 1.0)])
def test_a_track_is_found_from_a_tenth_of_its_regions(hits, found):
    masks = np.zeros((20, 8, 8), np.uint8)
    masks[:, 2:5, 2:5] = 1
    maps = np.zeros((20, 8, 8), np.float32)
    maps[:hits] = masks[:hits]
    assert curve(maps, masks)[1] == (0.0, hits / 20, found)


@pytest.mark.usefixtures("plain")
def test_one_detected_region_may_find_two():
    masks = np.zeros((1, 6, 12), np.uint8)
    masks[0, 1:4, 1:4] = masks[0, 1:4, 6:9] = 1
    maps = np.zeros((1, 6, 12), np.float32)
    maps[0, 1:4, 1:9] = 1
    assert curve(maps, masks)[1] == (0.0, 1.0, 1.0)


@pytest.mark.usefixtures("plain")
def test_the_curve_ends_at_one_false_positive_a_frame():
    masks = np.zeros((2, 10, 10), np.uint8)
    masks[0, :3, :3] = 1
    maps = np.zeros((2, 10, 10), np.float32)
    maps[1, 1, 1] = 3  # half a false positive a frame
    maps[1, 5, 5] = maps[1, 9, 9] = 2  # at once three halves
    maps[0, :3, :3] = 2  # and all regions
    assert curve(maps, masks) == {3: (0.5, 0.0, 0.0), 2: (1.5, 1.0, 1.0)}
    # A line from (0.5, 0) to (1.5, 1), cut off at 1: a triangle.
    result = metrics(maps, masks)
    assert result["rbdc"] == pytest.approx(0.5 * 0.5 / 2)
    assert result["tbdc"] == pytest.approx(0.5 * 0.5 / 2)


def test_a_perfect_map_gets_everything():
    masks = np.zeros((6, 32, 32), np.uint8)
    masks[3:, 8:16, 8:16] = 1
    maps = masks[:, ::4, ::4].astype(np.float32)  # as coarse as a model's
    assert metrics(maps, masks)["rbdc"] == pytest.approx(1.0)
    assert metrics(maps, masks)["tbdc"] == pytest.approx(1.0)


def test_a_map_of_elsewhere_gets_nothing():
    masks = np.zeros((6, 32, 32), np.uint8)
    masks[:, :8, :8] = 1
    maps = np.zeros((6, 8, 8), np.float32)
    maps[:, 6, 6] = 1
    result = metrics(maps, masks)
    assert (result["rbdc"], result["tbdc"]) == (0.0, 0.0)


@pytest.mark.parametrize("factor", [2, 3])
def test_masks_of_another_resolution_give_the_same(rng, factor):
    masks, maps = example(rng)
    fine = masks.repeat(factor, axis=1).repeat(factor, axis=2)
    assert metrics(maps, fine) == pytest.approx(metrics(maps, masks))


@pytest.mark.usefixtures("plain")
def test_counts_are_those_of_sets_of_pixels(rng):
    masks, maps = example(rng)
    found = curve(maps, masks)
    assert len(found) > 20
    for threshold, row in found.items():
        assert row == pytest.approx(counted(maps, masks, threshold))


@pytest.mark.usefixtures("plain")
def test_maps_rank_videos_with_one_threshold(rng):
    masks, maps = example(rng)
    size = masks.shape[1:]
    regions = mask_regions(masks)
    one = measure([maps[:5], maps[5:]], [regions[:0], regions[:0]], [size] * 2)
    assert one["rbdc"] is None
    assert one["tracks"] == 0
    both = measure([maps, maps + 9], [regions, []], [size] * 2)
    # The second video, all normal, passes one false positive a frame first.
    assert both["rbdc"] < 0.1


def test_monotone_maps_give_the_same(rng):
    masks, maps = example(rng)
    doubled = metrics(2 * maps + 1, masks)
    assert doubled == pytest.approx(metrics(maps, masks))


def test_bad_input_is_named():
    maps = np.zeros((2, 4, 4))
    with pytest.raises(ValueError, match="one entry for every"):
        measure([maps], [], [])
    with pytest.raises(ValueError, match="beta=0"):
        measure([maps], [[]], [(4, 4)], beta=0)
    with pytest.raises(ValueError, match=r"Video 0.*finite"):
        measure([maps + np.nan], [[]], [(4, 4)])
    beyond = mask_regions(np.ones((3, 4, 4)))
    with pytest.raises(ValueError, match="beyond its 2 maps"):
        measure([maps], [beyond], [(4, 4)])
    with pytest.raises(ValueError, match=r"outside of its size \(3, 4\)"):
        measure([maps], [mask_regions(np.ones((2, 4, 4)))], [(3, 4)])
    with pytest.raises(ValueError, match=r"`sizes` are \(H, W\)"):
        measure([maps], [[]], [(2, 4, 4)])


def test_lists_and_float16_are_maps(rng):
    masks, maps = example(rng)
    regions = [mask_regions(masks)]
    half = maps.astype(np.float16)
    found = measure([half], regions, [(12, 12)])
    assert found == measure([half.tolist()], regions, [(12, 12)])


def example(rng):
    """Masks of two moving things, and maps that find them half of the time."""
    masks = np.zeros((12, 12, 12), np.uint8)
    for frame in range(3, 12):
        masks[frame, 1:5, frame - 3 : frame] = 1
        masks[frame, 7:11, 8:11] = frame > 6
    maps = rng.random((12, 12, 12)).astype(np.float32)
    maps[::2] += masks[::2] * rng.random((6, 1, 1)).astype(np.float32)
    return masks, maps


def pieces(mask):
    """Return the connected pieces of one frame as sets of pixels."""
    left = {(int(y), int(x)) for y, x in np.argwhere(mask)}
    found = []
    while left:
        piece, edge = set(), {left.pop()}
        while edge:
            y, x = edge.pop()
            piece.add((y, x))
            near = {(y + i, x + j) for i in (-1, 0, 1) for j in (-1, 0, 1)}
            edge |= near & left
            left -= near
        found.append(piece)
    return found


def counted(maps, masks, threshold, alpha=0.1, beta=0.1):
    """The three rates at one threshold, from the definitions."""
    tracks: dict[int, list[bool]] = {}
    wrong = 0
    for frame in range(len(maps)):
        detected = pieces(maps[frame] >= threshold)
        true = {}
        for r in mask_regions(masks):
            if r.frame == frame:
                inside = np.argwhere(r.mask) + np.array([r.top, r.left])
                true[r.track] = {(int(y), int(x)) for y, x in inside}
        pairs = {
            (track, index): len(t & d) / len(t | d) >= beta
            for track, t in true.items()
            for index, d in enumerate(detected)
        }
        for track in true:
            hit = any(good for (t, _), good in pairs.items() if t == track)
            tracks.setdefault(track, []).append(hit)
        for index in range(len(detected)):
            wrong += not any(
                good for (_, i), good in pairs.items() if i == index
            )
    regions = np.concatenate(list(tracks.values()))
    whole = [np.mean(hits) >= alpha for hits in tracks.values()]
    return wrong / len(maps), regions.mean(), np.mean(whole)
