"""The check vectors of the evaluation protocol, and scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

from keras_cdae.metrics import (
    equal_error_rate,
    frame_metrics,
    macro_auc,
    micro_auc,
    per_video_min_max,
    smooth,
)

# Ped2: frames of the 12 test videos, 1-based inclusive abnormal intervals.
LENGTHS = (180, 180, 150, 180, 150, 180, 180, 180, 120, 150, 180, 180)
INTERVALS = (
    (61, 180),
    (95, 180),
    (1, 146),
    (31, 180),
    (1, 129),
    (1, 159),
    (46, 180),
    (1, 180),
    (1, 120),
    (1, 150),
    (1, 180),
    (88, 180),
)
KEYS = {
    "auc_micro_per_video",
    "auc_micro_raw",
    "auc_macro_skip",
    "auc_macro_padded",
    "eer",
    "ap",
    "eer_per_video",
    "ap_per_video",
    "frames",
    "videos",
    "macro_videos",
    "abnormal_frames",
    "label_source",
    "smoothing",
}
RATES = (
    "auc_micro_per_video",
    "auc_micro_raw",
    "auc_macro_skip",
    "auc_macro_padded",
    "eer",
    "ap",
    "eer_per_video",
    "ap_per_video",
)


def ped2_labels():
    labels = [np.zeros(length, np.int64) for length in LENGTHS]
    for label, (first, last) in zip(labels, INTERVALS, strict=True):
        label[first - 1 : last] = 1
    return labels


def ped2_scores(score):
    return [score(np.arange(n), v) for v, n in enumerate(LENGTHS)]


def random_videos(seed, videos=6):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(20, 60, videos)
    labels = [rng.integers(0, 2, n) for n in lengths]
    scores = [rng.normal(size=label.size) + label for label in labels]
    return scores, labels


def close(expected):
    return pytest.approx(expected, abs=1e-6)


def test_check_vector_frame_number():
    result = frame_metrics(ped2_scores(lambda t, v: t), ped2_labels())

    assert result["auc_micro_raw"] == close(0.741457)
    assert result["auc_micro_per_video"] == close(0.749496)
    assert result["auc_macro_skip"] == close(0.625000)
    assert result["macro_videos"] == 8
    assert result["auc_macro_padded"] == close(0.775805)
    assert result["eer"] == close(0.289184)
    assert result["ap"] == close(0.904317)
    assert result["frames"] == 2010
    assert result["videos"] == 12
    assert result["abnormal_frames"] == 1648


def test_check_vector_first_four_frames_dropped():
    scores = [s[4:] for s in ped2_scores(lambda t, v: t)]
    labels = [label[4:] for label in ped2_labels()]

    result = frame_metrics(scores, labels)

    assert result["auc_micro_per_video"] == close(0.746456)
    assert result["frames"] == 2010 - 4 * 12


def test_check_vector_sine():
    scores = ped2_scores(lambda t, v: np.sin(0.05 * t + v))

    result = frame_metrics(scores, ped2_labels())

    assert result["auc_micro_raw"] == close(0.427421)
    assert result["auc_micro_per_video"] == close(0.427549)
    assert result["auc_macro_skip"] == close(0.464990)
    assert result["auc_macro_padded"] == close(0.661348)


def test_check_vector_congruence():
    scores = ped2_scores(lambda t, v: (7919 * t + 104729 * v) % 1000)

    result = frame_metrics(scores, ped2_labels())

    assert result["auc_micro_raw"] == close(0.506767)
    assert result["auc_macro_skip"] == close(0.507479)


def test_result_has_exactly_the_documented_keys_and_is_json():
    result = frame_metrics(*random_videos(0), label_source="made up")

    assert set(result) == KEYS
    assert result["label_source"] == "made up"
    assert result["smoothing"] is None
    assert json.loads(json.dumps(result, allow_nan=False)) == result


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_scikit_learn(seed):
    scores, labels = random_videos(seed)
    truth, raw = np.concatenate(labels), np.concatenate(scores)
    scaled = np.concatenate([(s - s.min()) / np.ptp(s) for s in scores])
    within = [
        roc_auc_score(truth, s) for s, truth in zip(scores, labels, strict=True)
    ]

    result = frame_metrics(scores, labels)

    assert result["auc_micro_raw"] == close(roc_auc_score(truth, raw))
    assert result["auc_micro_per_video"] == close(roc_auc_score(truth, scaled))
    assert micro_auc(scores, labels) == result["auc_micro_raw"]
    assert (
        micro_auc(scores, labels, per_video=True)
        == result["auc_micro_per_video"]
    )
    assert result["auc_macro_skip"] == close(np.mean(within))
    assert result["ap"] == close(average_precision_score(truth, raw))
    assert result["ap_per_video"] == close(
        average_precision_score(truth, scaled)
    )


@pytest.mark.parametrize("seed", range(3))
def test_macro_padded_agrees_with_pads_beyond_the_global_range(seed):
    scores, labels = random_videos(seed)
    labels[0][:] = 0
    low = min(s.min() for s in scores) - 1
    high = max(s.max() for s in scores) + 1
    expected = np.mean(
        [
            roc_auc_score(np.append(truth, [0, 1]), np.append(s, [low, high]))
            for s, truth in zip(scores, labels, strict=True)
        ]
    )

    assert macro_auc(scores, labels, padded=True) == close(expected)


@pytest.mark.parametrize("seed", range(5))
def test_eer_lies_on_the_roc_curve_and_on_the_diagonal(seed):
    scores, labels = random_videos(seed, videos=1)
    fpr, tpr, _ = roc_curve(labels[0], scores[0], drop_intermediate=False)

    rate = equal_error_rate(scores[0], labels[0])

    # A vertical segment of the curve holds the point as well.
    at = fpr == rate
    highest = tpr[at].max() if at.any() else np.interp(rate, fpr, tpr)
    lowest = tpr[at].min() if at.any() else highest
    assert lowest - 1e-9 <= 1 - rate <= highest + 1e-9


def test_eer_of_known_curves():
    assert equal_error_rate([1.0, 2.0, 3.0, 4.0], [0, 0, 1, 1]) == 0.0
    assert equal_error_rate([4.0, 3.0, 2.0, 1.0], [0, 0, 1, 1]) == 1.0
    assert equal_error_rate([1.0, 1.0], [0, 1]) == 0.5


@pytest.mark.parametrize("transform", [np.exp, np.arctan, lambda s: 7 * s - 3])
def test_raw_rates_ignore_a_rising_transform(transform):
    scores, labels = random_videos(3)

    before = frame_metrics(scores, labels)
    after = frame_metrics([transform(s) for s in scores], labels)

    for key in ("auc_micro_raw", "auc_macro_skip", "auc_macro_padded", "eer"):
        assert after[key] == pytest.approx(before[key], abs=1e-12)


def test_per_video_rates_ignore_each_videos_offset_and_scale():
    scores, labels = random_videos(4)
    moved = [s * (v + 1) + 10 * v for v, s in enumerate(scores)]

    before, after = frame_metrics(scores, labels), frame_metrics(moved, labels)

    assert after["auc_micro_per_video"] == close(before["auc_micro_per_video"])
    assert after["auc_micro_raw"] != close(before["auc_micro_raw"])


def test_reversed_scores_and_labels_mirror_the_auc():
    scores, labels = random_videos(5)
    area = micro_auc(scores, labels)

    assert micro_auc([-s for s in scores], labels) == close(1 - area)
    assert micro_auc(scores, [1 - y for y in labels]) == close(1 - area)


def test_order_of_videos_and_frames_does_not_matter():
    scores, labels = random_videos(6)
    rng = np.random.default_rng(0)
    orders = [rng.permutation(s.size) for s in scores]
    shuffled = frame_metrics(
        [s[o] for s, o in zip(scores, orders, strict=True)][::-1],
        [y[o] for y, o in zip(labels, orders, strict=True)][::-1],
    )

    for key, value in frame_metrics(scores, labels).items():
        assert shuffled[key] == pytest.approx(value)


def test_constant_scores_are_chance():
    labels = [np.array([0, 1, 1]), np.array([0, 0, 1])]

    result = frame_metrics([np.full(3, 5.0), np.full(3, -2.0)], labels)

    assert result["auc_micro_per_video"] == 0.5
    assert result["auc_macro_skip"] == 0.5


def test_constant_video_becomes_zeros():
    scaled = per_video_min_max([np.full(3, 7.0), np.array([1.0, 2.0, 3.0])])

    np.testing.assert_array_equal(scaled[0], np.zeros(3))
    np.testing.assert_array_equal(scaled[1], [0.0, 0.5, 1.0])


@pytest.mark.parametrize("label", [0, 1])
def test_one_class_gives_none_and_keeps_the_counts(label):
    result = frame_metrics([np.arange(5.0)] * 2, [np.full(5, label)] * 2)

    assert [result[key] for key in RATES] == [None] * len(RATES)
    assert result["frames"] == 10
    assert result["macro_videos"] == 0
    assert result["abnormal_frames"] == 10 * label


def test_no_two_class_video_leaves_only_macro_skip_undefined():
    result = frame_metrics([[0.0, 0.1], [0.8, 0.9]], [[0, 0], [1, 1]])

    assert result["auc_macro_skip"] is None
    assert result["auc_micro_raw"] == 1.0
    assert result["auc_macro_padded"] == 1.0


def test_smoothing_is_applied_within_videos_and_named():
    scores, labels = random_videos(7)

    result = frame_metrics(scores, labels, smoothing=2.5)
    by_hand = frame_metrics([smooth(s, sigma=2.5) for s in scores], labels)

    assert result["smoothing"] == "gaussian, sigma 2.5 frames"
    for key in RATES:
        assert result[key] == by_hand[key]
    assert result["auc_micro_raw"] != micro_auc(scores, labels)


def test_smooth_keeps_a_constant_and_lowers_a_peak():
    np.testing.assert_allclose(smooth(np.full(9, 3.0), sigma=2), 3.0)
    peak = np.zeros(21)
    peak[10] = 1.0
    smoothed = smooth(peak, sigma=2)
    assert smoothed.argmax() == 10
    assert smoothed.sum() == pytest.approx(1.0, abs=1e-3)
    assert smoothed.max() < 0.25


@pytest.mark.parametrize("scores", [[1, np.nan], [np.inf, 1], [], [[1], [2]]])
def test_scores_of_a_video_are_checked(scores):
    with pytest.raises(ValueError, match="Scores of a video must be"):
        smooth(scores, sigma=1.0)
    with pytest.raises(ValueError, match="Scores of a video must be"):
        per_video_min_max([[1.0, 2.0], scores])


@pytest.mark.parametrize("sigma", [0, -1.0, np.nan, np.inf, None, "3"])
def test_smooth_refuses_other_widths(sigma):
    with pytest.raises(ValueError, match="positive number of frames"):
        smooth(np.zeros(3), sigma=sigma)


@pytest.mark.parametrize(
    ("scores", "labels", "message"),
    [
        ([], [], "at least one video"),
        ([[1.0, 2.0]], [], "one array for every video"),
        ([[1.0, 2.0]], [[0]], "of one length"),
        ([[]], [[]], "not empty"),
        ([[[1.0], [2.0]]], [[[0], [1]]], "1-D"),
        (np.zeros(3), np.zeros(3), "1-D"),
        ([[1.0, np.nan]], [[0, 1]], "finite.*nan at position 1"),
        ([[0.0, 1.0], [1.0, -np.inf]], [[0, 1], [0, 1]], "video 1 .*finite"),
        ([[1.0, 2.0]], [[0, 2]], "0 .normal. or 1"),
        ([[1.0, 2.0]], [[-1, 1]], "0 .normal. or 1"),
        ([[1.0, 2.0]], [[0.5, 1]], "0 .normal. or 1"),
    ],
)
@pytest.mark.parametrize("metric", [frame_metrics, micro_auc, macro_auc])
def test_bad_input_is_named(metric, scores, labels, message):
    with pytest.raises(ValueError, match=message):
        metric(scores, labels)


def test_boolean_labels_and_float32_scores_are_accepted():
    scores, labels = random_videos(8)
    scores = [s.astype(np.float32) for s in scores]

    assert frame_metrics(scores, [y.astype(bool) for y in labels]) == (
        frame_metrics(scores, labels)
    )
