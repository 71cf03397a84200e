import contextlib
import dataclasses
import io
import json

import pytest

from keras_cdae_cli.main import run


@dataclasses.dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def error(self):
        """The error, once it is seen to be one and to stand alone."""
        assert "Traceback" not in self.err
        chatter = ("Decoding: ", "Warning: ")
        lines = [
            line
            for line in self.err.splitlines()
            if not line.startswith(chatter)
        ]
        assert lines[0].startswith("Error: ")
        assert len(lines) == 1
        assert len(lines[0]) < 400
        assert self.out == ""
        return lines[0]

    @property
    def usage(self):
        """The message of a usage error: exit code 2, after the usage."""
        assert self.code == 2
        assert self.out == ""
        assert self.err.startswith("Usage: keras-cdae")
        return self.err.splitlines()[-1]


def call(*arguments):
    """Run the command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Result(code, out.getvalue(), err.getvalue())


@pytest.fixture(scope="session")
def invoke():
    """Return a function that runs the command line in this process."""
    return call


@pytest.fixture(scope="session", autouse=True)
def frame_cache(tmp_path_factory):
    """Decoded frames of all these tests, outside the user's own cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("KERAS_CDAE_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def camera(tmp_path_factory):
    """A made data set of two training and two test videos."""
    folder = tmp_path_factory.mktemp("data") / "camera"
    arguments = ["--train-videos", "2", "--test-videos", "2", "--frames", "60"]
    result = call("datasets", "synthetic", folder, *arguments)
    assert (result.code, result.out) == (0, "")
    assert f"--data-dir {folder}" in result.err
    return folder


@pytest.fixture(scope="session")
def options(camera):
    """Arguments of the smallest training."""
    small = [
        "--preset",
        "nano",
        "--image-size",
        "32",
        "--epochs",
        "2",
        "--clip-step",
        "4",
    ]
    return ["--dataset", "synthetic", "--data-dir", camera, *small]


@pytest.fixture(scope="session")
def trained(options, tmp_path_factory):
    """A finished run; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("runs") / "camera"
    result = call("train", *options, "--seed", 3, "--output", folder)
    assert result.code == 0, result.err
    return folder
