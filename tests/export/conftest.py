import numpy as np
import pytest


@pytest.fixture(scope="session")
def videos(tmp_path_factory):
    from keras_cdae.data.synthetic import make_synthetic

    folder = tmp_path_factory.mktemp("camera")
    make_synthetic(folder, train_videos=2, test_videos=1, frames=80)
    return folder


@pytest.fixture(scope="session")
def model(videos):
    import keras

    from keras_cdae import CDAE
    from keras_cdae.data.clips import clip_view
    from keras_cdae.data.finding import find_videos
    from keras_cdae.data.video import read_frames
    from keras_cdae.runs.trainer import calibrate

    keras.utils.set_random_seed(0)
    model = CDAE.from_preset("nano", image_size=(32, 32), channels=1)
    first, second = (
        np.stack(list(read_frames(path, image_size=(32, 32), channels=1)))
        for path in find_videos(videos / "train")
    )
    model.fit(np.array(clip_view(first)), epochs=4, verbose=0)
    calibrate(model, [second], source="made video", fps=10)
    return model


@pytest.fixture(scope="session")
def clips(videos, model):
    from keras_cdae.export import sample_clips

    return sample_clips(model, [videos / "train"], count=48)


@pytest.fixture(scope="session")
def exported(model, clips, tmp_path_factory):
    """Return a function that exports once for each format."""
    from keras_cdae.export import FORMATS, export

    folder = tmp_path_factory.mktemp("exported")
    done = {}

    def get(format, quantize="none"):
        key = format, quantize
        if key not in done:
            name = f"{format}-{quantize}{FORMATS[format].suffix}"
            done[key] = export(
                model,
                folder / name,
                format=format,
                quantize=quantize,
                calibration_clips=clips,
            )
        return done[key]

    return get
