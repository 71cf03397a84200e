"""Stand-ins for cameras and models in the tests of live watching."""

import itertools
import json
import time

import numpy as np

from keras_cdae.errors import VideoError
from keras_cdae.runtime.score import Score


class FakeCamera:
    """A connection that gives frames of a colour at a pace, then ends."""

    def __init__(self, count, *, interval=0.0, fps=25.0, size=(24, 32)):
        self.left = count
        self.given = 0
        self.interval = interval
        self.fps = fps
        self.size = size
        self.closed = False

    @property
    def seconds(self):
        return self.given / (self.fps or 25.0)

    def skip(self):
        if not self.left:
            return False
        time.sleep(self.interval)
        self.left -= 1
        self.given += 1
        return True

    def read(self):
        if not self.skip():
            return None
        return np.full((*self.size, 3), self.given % 256, np.uint8)

    def close(self):
        self.closed = True


class Opener:
    """Gives connections one after the other; None is a refusal."""

    def __init__(self, *cameras):
        self.cameras = list(cameras)
        self.times = []

    def __call__(self):
        self.times.append(time.monotonic())
        camera = self.cameras.pop(0) if self.cameras else None
        if camera is None:
            raise VideoError("camera fake: cannot be opened.")
        return camera


class FakeScorer:
    """Scores the n-th complete clip with the n-th of the given numbers."""

    calibration = None

    def __init__(self, scores, seconds=0.0):
        self.scores = itertools.chain(scores, itertools.repeat(0.0))
        self.seconds = seconds
        self.clips = []
        self.reset()

    def reset(self):
        self.frames = []

    def push(self, frame):
        self.frames = [*self.frames, int(frame[0, 0, 0])][-5:]
        if len(self.frames) < 5:
            return None
        time.sleep(self.seconds)
        self.clips.append(self.frames)
        score = next(self.scores)
        heat = np.zeros((4, 4), np.float32)
        heat[1, 2] = max(score, 0.1)
        return Score(0, score, None, None, None, {}, heat)


def motion_model(path, *, calibrated=True):
    """Write an ONNX file whose score is how much the last frame changed.

    As `keras-cdae export` would, but with no network inside: quick to make.
    """
    import onnx
    from onnx import TensorProto, helper

    from keras_cdae.data.images import RESIZE_METHOD
    from keras_cdae.scoring.calibration import Calibration

    def node(kind, inputs, output, **attributes):
        return helper.make_node(kind, inputs, [output], **attributes)

    def array(name, kind, shape):
        return helper.make_tensor_value_info(name, kind, shape)

    terms = ("appearance_distance", "motion_distance", "error")
    nodes = [
        node("Cast", ["clips"], "floats", to=TensorProto.FLOAT),
        node("Gather", ["floats", "last"], "now", axis=1),
        node("Gather", ["floats", "before"], "then", axis=1),
        node("Sub", ["now", "then"], "step"),
        node("Abs", ["step"], "change"),
        node("Reshape", ["change", "picture"], "flat"),
        node(
            "AveragePool",
            ["flat"],
            "pooled",
            kernel_shape=[8, 8],
            strides=[8, 8],
        ),
        node("Reshape", ["pooled", "small"], "map"),
        node("ReduceMean", ["flat"], "score", axes=[1, 2, 3], keepdims=0),
        *(node("Identity", ["score"], name) for name in terms),
    ]
    constants = {
        "last": 4,
        "before": 3,
        "picture": [1, 1, 32, 32],
        "small": [1, 4, 4],
    }
    graph = helper.make_graph(
        nodes,
        "motion",
        [array("clips", TensorProto.UINT8, [1, 5, 32, 32, 1])],
        [
            array("map", TensorProto.FLOAT, [1, 4, 4]),
            *(array(n, TensorProto.FLOAT, [1]) for n in ("score", *terms)),
        ],
        [
            onnx.numpy_helper.from_array(np.array(value, np.int64), name)
            for name, value in constants.items()
        ],
    )
    model = helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8
    )
    normal = Calibration.fit(
        {"score": np.linspace(0, 1, 200)}, source="still", fps=25
    )
    metadata = {
        "format": 1,
        "export": {"format": "onnx", "quantize": "none"},
        "input": {
            "height": 32,
            "width": 32,
            "channels": 1,
            "clip_length": 5,
            "resize": RESIZE_METHOD,
        },
        "calibration": normal.to_dict() if calibrated else None,
        "threshold": None,
    }
    helper.set_model_props(model, {"keras_cdae": json.dumps(metadata)})
    onnx.save(model, str(path))
    return path
