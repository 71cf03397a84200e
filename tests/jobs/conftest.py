import shutil

import numpy as np
import pytest
from job_videos import moving_square

from keras_cdae.data.images import write_image
from keras_cdae.data.video import write_video
from keras_cdae.scoring.alarms import fit_calibration
from keras_cdae.scoring.scorer import score_frames


@pytest.fixture(scope="session")
def model_files(tmp_path_factory):
    """An untrained model, calibrated and not."""
    import keras

    from keras_cdae.models import CDAE

    folder = tmp_path_factory.mktemp("models")
    keras.utils.set_random_seed(0)
    model = CDAE.from_preset(
        "nano", image_size=(32, 32), channels=1, num_clusters=4
    )
    clips = np.random.default_rng(0).random((4, 5, 32, 32, 1), np.float32)
    model.clusters_flag.assign(1.0)  # as if k-means had set its centroids
    model.score(clips)  # builds it
    model.save(folder / "plain.keras")
    frames = moving_square(60, 7)[:, :32, :32, :1]
    scores = [score_frames(model, frames)]
    model.calibration = fit_calibration(scores, source="a square", fps=10.0)
    model.save(folder / "model.keras")
    return folder


@pytest.fixture(scope="session")
def model_file(model_files):
    """A calibrated model, untrained."""
    return model_files / "model.keras"


@pytest.fixture(scope="session")
def made_videos(tmp_path_factory):
    """Four good videos, of which two have one name, and five broken ones."""
    root = tmp_path_factory.mktemp("made") / "videos"
    for seed, name in enumerate(["mon/cam.mp4", "tue/cam.mp4", "long.avi"]):
        write_video(root / name, moving_square(30 + 10 * seed, seed), fps=10)
    for number, frame in enumerate(moving_square(20, 3)):
        write_image(root / f"still/{number:03}.png", frame)
        write_image(root / f"torn/{number:03}.png", frame)
    torn = root / "torn/012.png"
    torn.write_bytes(torn.read_bytes()[:100])
    (root / "empty.mp4").touch()
    (root / "text.mp4").write_text("no video\n" * 99)
    whole = (root / "mon/cam.mp4").read_bytes()
    (root / "cut.mp4").write_bytes(whole[: len(whole) // 2])
    write_video(root / "short.mp4", moving_square(3, 4), fps=10)
    return root


@pytest.fixture
def videos(made_videos, tmp_path):
    """A copy of the made videos."""
    return shutil.copytree(made_videos, tmp_path / "videos")


@pytest.fixture
def score(model_file, tmp_path):
    """Return a function that scores into one folder, in this process."""
    from keras_cdae.jobs import ScoreSettings, score_many

    def call(*paths, model=model_file, overwrite=False, jobs=1, **settings):
        return score_many(
            paths,
            model,
            tmp_path / "out",
            settings=ScoreSettings(**settings),
            jobs=jobs,
            overwrite=overwrite,
        )

    return call
