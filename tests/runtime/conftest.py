import numpy as np
import pytest

SIZE = (32, 32)


@pytest.fixture(scope="session")
def models(tmp_path_factory):
    """Untrained, calibrated models: grey and colour, with their exports."""
    pytest.importorskip("tensorflow")
    pytest.importorskip("tf2onnx")
    import keras

    from keras_cdae import CDAE
    from keras_cdae.export import export
    from keras_cdae.runs.trainer import calibrate

    keras.utils.set_random_seed(0)
    folder = tmp_path_factory.mktemp("models")
    rng = np.random.default_rng(0)
    found = {}
    for channels, kinds in ((1, ("tflite", "onnx")), (3, ("tflite",))):
        model = CDAE.from_preset("nano", image_size=SIZE, channels=channels)
        frames = rng.integers(0, 255, (30, *SIZE, channels), "uint8")
        calibrate(model, [frames], source="noise", fps=25)
        for kind in kinds:
            path = folder / f"{channels}.{kind}"
            export(model, path, format=kind, check=False)
            found[channels, kind] = model, path
    return found


@pytest.fixture(scope="session")
def video(tmp_path_factory):
    """A colour video of 40 frames, 48 x 64, that is not the model's size."""
    from keras_cdae.data.video import write_video

    rng = np.random.default_rng(1)
    frames = rng.integers(0, 255, (1, 48, 64, 3), "uint8").repeat(40, 0)
    for index, frame in enumerate(frames):
        frame[10:30, index : index + 12] = (200, 30, 90)
    path = tmp_path_factory.mktemp("video") / "street.mp4"
    return write_video(path, frames, fps=10)
