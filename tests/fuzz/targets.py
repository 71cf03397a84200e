"""What reads files from outside, each with good files to damage."""

import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import mutations
import numpy as np
import scipy.io
from hypothesis import strategies as st

from keras_cdae.data import label_files, labels
from keras_cdae.data.frames import cache_video
from keras_cdae.data.images import read_image
from keras_cdae.data.video import read_frames, video_info, write_video
from keras_cdae.runs.settings import RunSettings
from keras_cdae.runtime.metadata import ASSETS, FILE_NAME, read_metadata
from keras_cdae.scoring.calibration import Calibration
from keras_cdae.scoring.scores import VideoScores, read_scores_csv

FIXTURES = Path(__file__).parents[1] / "fixtures" / "v0.1"
FRAMES = 12  # of the video that labels are read for


@dataclass(frozen=True)
class Target:
    """One reader.

    Args:
        name: of the target.
        suffix: of the file that is written for it.
        read: reads the file; may raise errors of the package alone.
        cases: makes the strategy that gives the file's bytes.
        share: of the cases that a run makes; slow readers get fewer.
    """

    name: str
    suffix: str
    read: Callable[[Path], Any]
    cases: Callable[[], st.SearchStrategy[bytes]]
    share: float = 1.0


def _saved(write, *arguments, **options):
    stream = io.BytesIO()
    write(stream, *arguments, **options)
    return stream.getvalue()


# Labels


def _read_labels(path):
    return labels.read_labels(path, {"a": FRAMES, "01": FRAMES})


def _read_npy(path):
    return labels.FileLabels(
        path.parent, "npy", {"a": path}, labels._read_npy
    ).labels("a", FRAMES)


def _read_masks(path):
    return labels.masks_to_labels(label_files.read_volume_masks(path))


def _intervals_mat():
    cells = np.empty((1, 2), object)
    cells[0, 0] = np.array([[2.0], [9.0]])
    cells[0, 1] = np.array([[1, 5], [2, 7]], np.uint8)
    seeds = [
        _saved(scipy.io.savemat, {"gt": cells}, do_compression=packed)
        for packed in (False, True)
    ]
    return mutations.damaged(seeds)


def _masks_mat():
    cells = np.empty((1, FRAMES), object)
    for index in range(FRAMES):
        cells[0, index] = np.eye(6, dtype=np.uint8)
    seeds = [
        _saved(scipy.io.savemat, {"volLabel": cells}, do_compression=packed)
        for packed in (False, True)
    ]
    return mutations.damaged(seeds)


def _npy():
    arrays = [
        np.arange(FRAMES) % 2,
        np.ones((FRAMES, 4, 4), bool),
        np.zeros((FRAMES, 4, 4), np.uint8),
        np.zeros(FRAMES, np.float16),
    ]
    seeds = [_saved(np.save, array) for array in arrays]
    pickled = _saved(np.save, np.array([None, {}]), allow_pickle=True)
    packed = _saved(np.savez, a=arrays[0])
    nested = b"(" * 4000
    header = b"\x93NUMPY\x01\x00" + len(nested).to_bytes(2, "little")
    return mutations.damaged([*seeds, *seeds, pickled, packed]) | st.just(
        header + nested
    )


def _interval_csv():
    numbers = ("0", "3", "7", "12", "13")
    columns = (("a", "01", "a.mp4"), numbers, numbers)
    header = "video,start,end"
    good = f"{header}\na,0,4\n01,3,12\n".encode()
    return mutations.csv_text(header, columns) | mutations.damaged([good])


def _frame_csv():
    columns = (("a", "01"), tuple(map(str, range(FRAMES))), ("0", "1"))
    header = "video,frame,label"
    rows = [f"{v},{i},{i % 2}" for v in ("a", "01") for i in range(FRAMES)]
    good = "\n".join([header, *rows]).encode()
    return mutations.csv_text(header, columns) | mutations.damaged([good])


# Results and settings


def _scores_csv():
    header = "video,frame,score,z,p,regularity,label"
    number = ("0.5", "1.25", "-3.0")
    columns = (("a", "01"), ("4", "5", "6"), number, number, number, number,
               ("0", "1", ""))  # fmt: skip
    rows = [f"a,{i},{i / 7},0.1,0.2,0.5,1" for i in range(4, 10)]
    good = "\n".join([header, *rows]).encode()
    return mutations.csv_text(header, columns) | mutations.damaged([good])


def _read_scores(path):
    for video in read_scores_csv(path):
        assert isinstance(video, VideoScores)
        assert np.isfinite(video.regularity).all()
        # Reports make file names of it.
        file = (path.parent / f"{video.name}.csv").resolve()
        assert file.is_relative_to(path.parent.resolve())


def _config():
    settings = RunSettings(
        "synthetic", "data", preset="nano", image_size=(32, 32), epochs=2
    ).to_dict()
    document = {
        "settings": json.loads(json.dumps(settings)),
        "environment": {"backend": "jax", "versions": {"numpy": "2"}},
    }
    return mutations.json_bytes([document]) | mutations.damaged(
        [json.dumps(document).encode()]
    )


def _read_config(path):
    run = path.parent
    settings = RunSettings.read(run)
    RunSettings.read_backend(run)
    json.dumps(settings.to_dict())
    assert isinstance(settings.epochs, int | None)
    assert isinstance(settings.data_dir, str)


def _history():
    header = "epoch,loss,val_loss"
    columns = (("0", "1", "2"), ("0.5", "0.25"), ("0.5", "nan"))
    good = f"{header}\n0,1.5,2.5\n1,1.0,2.0\n".encode()
    return mutations.csv_text(header, columns) | mutations.damaged([good])


# What a model says about itself


def _calibration_values():
    scores = np.random.default_rng(0).normal(size=50)
    return Calibration.fit(
        {"score": scores, "error": scores}, source="noise", fps=25
    ).to_dict()


def _calibration():
    return mutations.json_bytes([_calibration_values()])


def _read_calibration(path):
    calibration = Calibration.from_dict(read_json(path))
    calibration.z(0.5)
    calibration.p([0.5, -3.0])
    if calibration.fps is not None and calibration.fps > 1:
        calibration.threshold(1.0)


def read_json(path):
    """What `json` makes of the file; {} where it is no JSON at all."""
    try:
        return json.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError):
        return {}


def metadata_values():
    """What an export says about itself."""
    return {
        "format": 1,
        "export": {"format": "tflite", "quantize": "none", "score_offset": 0.0},
        "input": {
            "height": 32,
            "width": 32,
            "channels": 1,
            "clip_length": 5,
            "resize": "area-down-linear-up",
        },
        "calibration": _calibration_values(),
        "threshold": {"score": 1.0, "z": 2.0, "alarms_per_hour": 1.0},
    }


def _metadata():
    values = metadata_values()
    return mutations.json_bytes([values]) | mutations.damaged(
        [json.dumps(values).encode()]
    )


def _read_metadata(path):
    """As the metadata of a SavedModel, which is a folder."""
    folder = path.parent / "model"
    assets = folder / ASSETS
    assets.mkdir(parents=True, exist_ok=True)
    path.replace(assets / FILE_NAME)
    _use_metadata(read_metadata(folder))


def _use_metadata(values):
    """What the scorers take from it."""
    from keras_cdae.runtime.edge import EdgeScorer

    EdgeScorer.__new__(EdgeScorer)._describe(values, None)


def _tflite_tail():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE_NAME, json.dumps(metadata_values()))
        archive.comment = b"0" * 64
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(FILE_NAME, bytes(300_000_000))
    seeds = [stream.getvalue()]
    return mutations.damaged(seeds) | st.just(bomb.getvalue())


def _read_tail(path):
    _use_metadata(read_metadata(path))


def _read_facts(path):
    from keras_cdae.jobs.model import read_model

    read_model(path)


def keras_files():
    """Damaged archives, and whole ones with a damaged configuration."""
    model = FIXTURES / "model.keras"
    with zipfile.ZipFile(model) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    names = st.sampled_from((*mutations.NAMES, "config.json", "x/y"))

    def packed(config, more):
        stream = io.BytesIO()
        with zipfile.ZipFile(stream, "w") as archive:
            for name, data in {**members, "config.json": config}.items():
                archive.writestr(name, data)
            if more is not None:
                archive.writestr(more or "x", b"more")
        return stream.getvalue()

    return mutations.damaged([model.read_bytes()]) | st.builds(
        packed, mutations.json_bytes([config]), st.none() | names
    )


# Pictures and video


def _picture(suffix, shape=(12, 16, 3), dtype=np.uint8):
    values = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
    return cv2.imencode(suffix, values)[1].tobytes()


def _pictures():
    seeds = [_picture(s) for s in (".png", ".jpg", ".tif", ".bmp", ".webp")]
    seeds += [
        _picture(".png", (12, 16, 4)),
        _picture(".png", (12, 16), np.uint16),
        _picture(".pgm", (12, 16)),
    ]
    return mutations.damaged(seeds)


def made_frames(count=FRAMES):
    """Frames that differ, (count, 32, 48, 3)."""
    rng = np.random.default_rng(0)
    base = rng.integers(0, 200, (4, 6, 3)).repeat(8, 0).repeat(8, 1)
    steps = np.arange(count)[:, None, None, None]
    return (base[None] + 4 * steps).astype(np.uint8)


def _videos(folder):
    from keras_cdae.data.h264 import H264Writer

    paths = [folder / "seed.mp4", folder / "seed.avi"]
    for path in paths:
        write_video(path, made_frames(), fps=10)
    paths.append(folder / "seed-h264.mp4")
    with H264Writer(paths[-1], fps=10) as writer:
        for frame in made_frames():
            writer.write(frame)
    seeds = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()
    return mutations.damaged(seeds)


def _read_video(path):
    video_info(path)
    for frame in read_frames(path, image_size=(32, 32), channels=1):
        assert frame.shape == (32, 32, 1)
    folder = path.parent / "cache"
    cached = cache_video(
        path, image_size=(32, 32), channels=1, cache_dir=folder
    )
    assert len(cached) == len(cached.frames)


def light(folder):
    """The targets that need no keras.

    Args:
        folder: an empty one for seeds that are made as files.
    """
    return [
        Target("labels-m", ".m", _read_labels, mutations_of_m),
        Target("labels-mat", ".mat", _read_labels, _intervals_mat),
        Target("masks-mat", ".mat", _read_masks, _masks_mat),
        Target("labels-npy", ".npy", _read_npy, _npy),
        Target("labels-csv", ".csv", _read_labels, _interval_csv),
        Target("frames-csv", ".csv", _read_labels, _frame_csv),
        Target("scores-csv", ".csv", _read_scores, _scores_csv),
        Target("config-json", ".json", _read_config, _config),
        Target("calibration", ".json", _read_calibration, _calibration),
        Target("metadata", ".json", _read_metadata, _metadata),
        Target("metadata-tflite", ".tflite", _read_tail, _tflite_tail),
        Target("model-facts", ".keras", _read_facts, keras_files),
        Target("pictures", ".png", read_image, _pictures),
        Target("videos", ".mp4", _read_video, lambda: _videos(folder), 0.5),
    ]


def mutations_of_m():
    """UCSD lists."""
    rows = [f"TestVideoFile{{end+1}}.gt_frame = [{n}:12];" for n in (3, 7)]
    good = "\n".join(["TestVideoFile = {};", *rows]).encode()
    return mutations.matlab_text() | mutations.damaged([good])


# With keras, and with interpreters


def _trim(path):
    from keras_cdae.runs.history import trim_history

    trim_history(path, 2)


def _load(path):
    import keras_cdae

    keras_cdae.load(path)


def _open(path):
    from keras_cdae.runtime.interpreters import open_model

    read_metadata(path)
    clip = np.zeros((1, 5, 32, 32, 1), np.uint8)
    open_model(path, threads=1)(clip)


def _exports(suffix):
    return mutations.damaged([(FIXTURES / f"model{suffix}").read_bytes()])


def heavy():
    """Models: each case takes a good part of a second."""
    return [
        Target("history-csv", ".csv", _trim, _history),
        Target("model-keras", ".keras", _load, keras_files, 0.3),
        Target("model-onnx", ".onnx", _open, lambda: _exports(".onnx"), 0.3),
        Target(
            "model-tflite", ".tflite", _open, lambda: _exports(".tflite"), 0.3
        ),
    ]
