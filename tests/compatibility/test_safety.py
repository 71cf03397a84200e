"""A model file is data: nothing in it runs, and nothing leaves its folder."""

import json
import zipfile

import keras
import numpy as np
import pytest

import keras_cdae
from keras_cdae.errors import ModelFileError
from keras_cdae.runtime.metadata import FILE_NAME, read_metadata


def refused(path):
    """Load a file; return the one line of its refusal."""
    with pytest.raises(ModelFileError) as caught:
        keras_cdae.load(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert len(text) < 700
    assert text.isprintable(), text  # one line
    return text


@pytest.fixture
def witness(tmp_path):
    """A file that code in a model would make."""
    path = tmp_path / "witness"
    yield path
    assert not path.exists(), "code of a model file ran"


def test_a_lambda_layer_does_not_run(tmp_path, witness):
    def leave_a_trace(x):
        open(str(witness), "w").close()  # noqa: PTH123
        return x

    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Lambda(leave_a_trace)]
    )
    path = tmp_path / "lambda.keras"
    model.save(path)
    witness.unlink(missing_ok=True)  # building the layer ran it here
    text = refused(path)
    assert "cannot be loaded" in text


@pytest.mark.parametrize(
    ("module", "name", "config"),
    [
        ("os", "system", {"command": "touch WITNESS"}),
        ("builtins", "exec", {"source": "open('WITNESS', 'w')"}),
        ("subprocess", "Popen", {"args": ["touch", "WITNESS"]}),
        ("shutil", "copy", {"src": "/dev/null", "dst": "WITNESS"}),
        ("pathlib", "Path", {"path": "WITNESS"}),
        ("keras_cdae.files", "write_text", {"path": "WITNESS", "text": ""}),
        ("no_such_module", "Model", {}),
    ],
)
def test_a_foreign_class_does_not_run(
    with_members, witness, module, name, config
):
    values = json.loads(json.dumps(config).replace("WITNESS", str(witness)))
    document = {
        "module": module,
        "class_name": name,
        "config": values,
        "registered_name": None,
    }
    path = with_members({"config.json": json.dumps(document)})
    assert "cannot be loaded" in refused(path)


def test_a_foreign_class_inside_ours_does_not_run(with_members, witness):
    """Keras builds what an argument's dictionary names."""

    def change(data):
        document = json.loads(data)
        document["config"]["dtype"] = {
            "module": "subprocess",
            "class_name": "Popen",
            "config": {"args": ["touch", str(witness)]},
            "registered_name": None,
        }
        return json.dumps(document)

    refused(with_members({"config.json": change}))


ESCAPES = (
    "../outside.txt",
    "/outside.txt",
    "a/../../outside.txt",
    "..\\outside.txt",
    "C:/outside.txt",
)


@pytest.mark.parametrize("name", ESCAPES)
def test_no_member_is_unpacked_elsewhere(with_members, tmp_path, name):
    text = refused(with_members({name: b"escaped"}))
    assert "would be unpacked elsewhere" in text
    assert not [p for p in tmp_path.parents if (p / "outside.txt").exists()]


def test_no_other_kind_of_file_is_loaded(tmp_path, witness):
    """Keras would read HDF5, with a Lambda layer's code in it."""
    import h5py

    code = {"class_name": "Lambda", "config": {"function": "..."}}
    path = tmp_path / "model.h5"
    with h5py.File(path, "w") as file:
        file.attrs["model_config"] = json.dumps(code)
    assert "not a zip file" in refused(path)


def test_weights_that_are_elsewhere_are_not_read(with_members, tmp_path):
    """HDF5 knows links to other files; a model that has one is refused."""
    import h5py

    source = tmp_path / "secret.h5"
    with h5py.File(source, "w") as file:
        file["x"] = np.ones(3)

    def change(data):
        weights = tmp_path / "weights.h5"
        weights.write_bytes(data)
        with h5py.File(weights, "r+") as file:
            names = []
            file.visititems(
                lambda n, item: (
                    names.append(n) if isinstance(item, h5py.Dataset) else None
                )
            )
            del file[names[0]]
            file[names[0]] = h5py.ExternalLink(str(source), "x")
        return weights.read_bytes()

    assert "cannot be loaded" in refused(
        with_members({"model.weights.h5": change})
    )


def test_a_pickle_in_the_archive_is_ignored(with_members):
    path = with_members({"data.pkl": b"cos\nsystem\n(S'exit 1'\ntR."})
    assert keras_cdae.load(path).calibration is not None


def test_metadata_with_an_escaping_name_are_not_read(tmp_path):
    path = tmp_path / "model.tflite"
    path.write_bytes(b"TFL3" * 8)
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr(f"../{FILE_NAME}", "{}")
    with pytest.raises(ModelFileError, match="not exported by keras-cdae"):
        read_metadata(path)
    assert not (tmp_path.parent / FILE_NAME).exists()
