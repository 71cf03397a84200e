"""TensorBoard logs of a short training, read back record by record."""

import csv
import math
import struct
import sys

import numpy as np
import pytest

from keras_cdae.data.clips import Clips
from keras_cdae.errors import MissingDependencyError
from keras_cdae.runs import train
from keras_cdae.runs.centroids import CentroidLog, sample_clips
from keras_cdae.runs.tensorboard import clip_pictures

pytestmark = pytest.mark.backend

LOSSES = {"loss", "appearance_loss", "motion_loss", "redundancy"}
PICTURES = {
    "clip/1_last_frame",
    "clip/2_reconstruction",
    "clip/3_motion_target",
    "clip/4_motion_predicted",
    "clip/5_squared_error",
    "attention/stage_1",
    "attention/stage_2",
    "attention/stage_3",
}


def read_logs(folder):
    """Return {tag: {step: value}} of every event file in a folder."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.iterdir()):
        data, place = path.read_bytes(), 0
        while place < len(data):
            (size,) = struct.unpack_from("<Q", data, place)
            event = Event.FromString(data[place + 12 : place + 12 + size])
            place += 16 + size
            for value in event.summary.value:
                kind = value.WhichOneof("value")
                steps = found.setdefault(value.tag, {})
                steps[event.step] = getattr(value, kind)
    return found


@pytest.fixture(scope="module")
def watched(camera, tmp_path_factory):
    """A run of four epochs, two of them before k-means, with its logs."""
    from keras_cdae.runs import RunSettings

    run = tmp_path_factory.mktemp("watched") / "run"
    settings = RunSettings(
        "synthetic",
        str(camera),
        preset="nano",
        image_size=(32, 32),
        epochs=4,
        pretrain_epochs=2,
        clip_step=4,
    )
    train(settings, run, tensorboard=True)
    return run


def test_every_epoch_has_scalars_and_pictures(watched):
    logs = read_logs(watched / "logs")
    for name in LOSSES:
        for group in ("train", "validation"):
            assert set(logs[f"{group}/{name}"]) == {1, 2, 3, 4}
    assert "train/motion_explained" in logs
    for block in ("autoencoders", "centroids"):
        assert logs[f"learning_rate/{block}"][1] > 0
    assert {t for t in logs if t.startswith(("clip/", "att"))} == PICTURES
    for tag in PICTURES:
        assert set(logs[tag]) == {1, 2, 3, 4}
        image = logs[tag][4]
        assert (image.height, image.width) == (32, 32)
        assert image.encoded_image_string.startswith(b"\x89PNG")


def test_centroids_are_counted_from_kmeans_on(watched):
    logs = read_logs(watched / "logs")
    for branch in ("appearance", "motion"):
        histograms = logs[f"centroids/{branch}"]
        assert set(histograms) == {3, 4}
        counts = histograms[4].bucket
        used = logs[f"centroids/{branch}_used"]
        assert set(used) == {3, 4}
        assert used[4] == np.count_nonzero(counts)
        assert sum(counts) == histograms[4].num


def test_the_history_shows_that_centroids_stay_apart(watched):
    with (watched / "history.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for branch in ("appearance", "motion"):
        apart = [float(row[f"{branch}_distinctness"]) for row in rows]
        used = [float(row[f"{branch}_used"]) for row in rows]
        effective = [float(row[f"{branch}_effective"]) for row in rows]
        assert all(map(math.isnan, apart[:2] + used[:2]))  # before k-means
        assert min(apart[2:]) > 1e-4
        assert min(used[2:]) >= 2
        assert all(
            1 < e <= u for e, u in zip(effective[2:], used[2:], strict=True)
        )


def test_collapsed_centroids_are_seen(make_model, tiny_clips, caplog):
    clips = (255 * np.clip(tiny_clips, 0, 1)).astype(np.uint8)
    model = make_model()
    model.initialize_clusters(*model.encode(clips))
    log = CentroidLog(clips)
    log.set_model(model)
    logs = {}
    log.on_epoch_end(0, logs)
    assert logs["motion_distinctness"] > 0
    log.on_train_end()
    assert "centroids" not in caplog.text
    weights = model.motion_clusters.centroids
    weights.assign(np.ones(weights.shape))
    log.on_epoch_end(1, logs)
    assert logs["motion_distinctness"] == 0
    assert (logs["motion_used"], logs["motion_effective"]) == (1, 1)
    assert logs["appearance_distinctness"] > 0
    log.on_train_end()
    assert caplog.text.count("centroids in use") == 1
    assert "1 of the 1 motion centroids in use lie" in caplog.text
    assert "--set alpha=100" in caplog.text


def test_pictures_show_the_clip(make_model, tiny_clips):
    model = make_model()
    clip = (255 * np.clip(tiny_clips[0], 0, 1)).astype(np.uint8)
    pictures = clip_pictures(model, clip)
    assert set(pictures) == PICTURES
    for picture in pictures.values():
        assert (picture.shape, picture.dtype) == ((32, 32, 3), np.uint8)
    last = pictures["clip/1_last_frame"]
    np.testing.assert_array_equal(last[..., 0], clip[-1, :, :, 0])
    still = np.repeat(clip[:1], 5, axis=0)
    target = clip_pictures(model, still)["clip/3_motion_target"]
    assert set(target.reshape(-1).tolist()) == {128}  # grey: no change


def test_samples_are_spread_over_all_clips(rng):
    video = rng.integers(0, 255, (60, 8, 8, 1)).astype(np.uint8)
    clips = Clips([video], length=5)
    sample = sample_clips(clips, 8)
    assert sample.shape == (8, 5, 8, 8, 1)
    np.testing.assert_array_equal(sample[0], video[:5])
    np.testing.assert_array_equal(sample[-1], video[-5:])
    assert len(sample_clips(clips, 1000)) == len(clips)


def test_without_tensorboardx_it_says_what_to_install(
    settings, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "tensorboardX", None)
    run = tmp_path / "run"
    with pytest.raises(MissingDependencyError, match=r"keras-cdae\[tensorb"):
        train(settings, run, tensorboard=True)
    assert not run.exists()
