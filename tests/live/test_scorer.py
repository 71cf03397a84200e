import numpy as np
import pytest

from keras_cdae.errors import ModelFileError
from keras_cdae.live import ModelScorer, open_scorer

FRAMES = np.random.default_rng(0).integers(0, 255, (9, 40, 48, 3), "uint8")


@pytest.mark.backend
def test_pushed_frames_score_as_the_model_does(make_model):
    from keras_cdae.data.images import prepare_frame
    from keras_cdae.runs.trainer import calibrate

    model = make_model()
    prepared = np.stack(
        [prepare_frame(f, image_size=(32, 32), channels=1) for f in FRAMES]
    )
    calibrate(model, [prepared], source="noise", fps=25)
    scorer = ModelScorer(model)
    scores = [scorer.push(frame) for frame in FRAMES]
    assert scores[:4] == [None] * 4
    clips = np.stack([prepared[k : k + 5] for k in range(5)])
    expected = model.score(clips)
    for name in ("score", "z"):
        np.testing.assert_allclose(
            [getattr(s, name) for s in scores[4:]],
            expected[name],
            rtol=1e-4,
            atol=1e-4,
        )
    p = [model.calibration.p(s.score) for s in scores[4:]]
    np.testing.assert_allclose([s.p for s in scores[4:]], p)
    np.testing.assert_allclose(
        [s.terms["error"] for s in scores[4:]],
        np.log(expected["error"]),
        rtol=1e-4,
    )
    np.testing.assert_allclose(scores[8].map, expected["map"][4], rtol=1e-3)
    assert [s.frame for s in scores[4:]] == [4, 5, 6, 7, 8]


def test_a_map_is_not_overwritten_by_the_next(make_model):
    scorer = ModelScorer(make_model())
    scores = [scorer.push(frame) for frame in FRAMES]
    assert not np.array_equal(scores[7].map, scores[8].map)


def test_reset_begins_anew_and_takes_another_size(make_model):
    scorer = ModelScorer(make_model())
    first = [scorer.push(frame) for frame in FRAMES[:6]]
    scorer.reset()
    again = [scorer.push(frame) for frame in FRAMES[:6]]
    assert [s and s.score for s in first] == [s and s.score for s in again]
    scorer.reset()
    assert scorer.push(FRAMES[0, :20, :20]) is None
    assert scores_of_uncalibrated(first[5]) == (None, None)


def scores_of_uncalibrated(score):
    return score.z, score.p


def test_open_scorer_names_what_is_missing(tmp_path):
    with pytest.raises(ModelFileError, match=r"no such file\. Make it with"):
        open_scorer(str(tmp_path / "absent.tflite"))
    with pytest.raises(ModelFileError, match="no such run folder or model"):
        open_scorer(str(tmp_path / "absent"))


def test_open_scorer_opens_what_is_shipped():
    scorer = open_scorer("ped2-edge")
    assert isinstance(scorer, ModelScorer)
    assert scorer.calibration is not None
