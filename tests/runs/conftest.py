import pytest

from keras_cdae.data.synthetic import make_synthetic
from keras_cdae.runs import RunSettings


@pytest.fixture(scope="session", autouse=True)
def frame_cache(tmp_path_factory):
    """Decoded frames of all these tests, outside the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("KERAS_CDAE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def camera(tmp_path_factory):
    """A made data set of two training videos and a test video."""
    folder = tmp_path_factory.mktemp("data") / "camera"
    return make_synthetic(folder, train_videos=2, test_videos=1, frames=60)


@pytest.fixture
def settings(camera):
    """A training of four short epochs, two of them before k-means."""
    return RunSettings(
        "synthetic",
        str(camera),
        preset="nano",
        image_size=(32, 32),
        epochs=4,
        pretrain_epochs=2,
        clip_step=4,
    )
