"""CDAE with optical flow as its motion target."""

import keras
import numpy as np
import pytest
from conftest import to_numpy

from keras_cdae.baselines import FlowCDAE
from keras_cdae.data.flow import with_flow
from keras_cdae.errors import ModelFileError
from keras_cdae.export import export
from keras_cdae.live.scorer import ModelScorer
from keras_cdae.models.fusion import EQUATION_14
from keras_cdae.models.operations import count_operations
from keras_cdae.runs import calibrate
from keras_cdae.scoring import score_frames


@pytest.fixture
def model():
    keras.utils.set_random_seed(0)
    return FlowCDAE.from_preset(
        "nano", (32, 32), 1, num_clusters=4, score_terms=EQUATION_14
    )


@pytest.fixture
def video(rng):
    """A square that crosses noise, uint8 (14, 32, 32, 1)."""
    frames = rng.integers(0, 30, (14, 32, 32, 1), "uint8")
    for t, frame in enumerate(frames):
        frame[8:18, t : t + 10] += 180
    return frames


@pytest.fixture
def clips(video):
    flow = np.stack(list(with_flow(video)))
    return np.stack([flow[k : k + 5] for k in range(10)])


@pytest.mark.backend
def test_the_error_is_that_of_the_last_frame_and_of_the_flow(model, clips):
    outputs = {k: to_numpy(v) for k, v in model(clips).items()}
    assert outputs["motion"].shape == (10, 4, 32, 32, 2)
    last = clips[:, -1, ..., :1] / 255.0
    flow = (clips[:, 1:, ..., 1:].astype("float32") - 128) / 127
    seen = np.square(last - outputs["appearance"]).mean(axis=(1, 2, 3))
    moved = np.square(flow - outputs["motion"]).mean(axis=(1, 2, 3, 4))
    found = model.score(clips)
    np.testing.assert_allclose(found["error"], seen + moved, rtol=1e-4)
    np.testing.assert_allclose(found["motion_error"], moved, rtol=1e-4)
    power = np.square(flow).mean(axis=(1, 2, 3, 4))
    np.testing.assert_allclose(found["motion_power"], power, rtol=1e-4)
    losses = model.all_losses(clips)
    np.testing.assert_allclose(
        to_numpy(losses["motion_loss"]), moved.mean(), rtol=1e-4
    )


@pytest.mark.backend
def test_it_learns_the_flow_and_is_saved(model, clips, tmp_path):
    history = model.fit(clips, epochs=8, batch_size=2, verbose=0).history
    assert history["motion_loss"][-1] < history["motion_loss"][0]
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    assert isinstance(loaded, FlowCDAE)
    assert loaded.flow == "dis"
    np.testing.assert_allclose(
        loaded.score(clips)["score"], model.score(clips)["score"], rtol=1e-4
    )


def test_videos_are_scored_with_or_without_their_flow(model, video):
    calibrate(model, [video], source="itself")
    flow = np.stack(list(with_flow(video)))
    plain = score_frames(model, video, batch_size=4)
    ready = score_frames(model, flow, batch_size=4)
    assert plain.frame.tolist() == list(range(4, 14))
    np.testing.assert_allclose(plain.score, ready.score, rtol=1e-5)


def test_pictures_alone_are_no_clips(model, clips):
    with pytest.raises(ValueError, match=r"shape \(batch, 5, 32, 32, 3\)"):
        model.score(clips[..., :1])


def test_its_operations_are_counted(model):
    assert count_operations(model) > 10**6


def test_what_has_no_flow_is_refused(model, tmp_path):
    with pytest.raises(ModelFileError, match="cannot be exported"):
        export(model, tmp_path / "model.onnx", format="onnx", check=False)
    with pytest.raises(ModelFileError, match="cannot be watched with"):
        ModelScorer(model)


def test_an_unknown_flow():
    with pytest.raises(ValueError, match="flow must be one of dis, tvl1"):
        FlowCDAE((32, 32), 1, flow="flownet")
