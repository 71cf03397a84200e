"""Several devices train as one does."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from keras_cdae.backend.devices import data_parallel, require_devices
from keras_cdae.errors import DeviceError

ABSENT = {
    name: pytest.mark.skipif(
        importlib.util.find_spec(name) is None, reason=f"no {name}"
    )
    for name in ("tensorflow", "jax")
}


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=mark) for name, mark in ABSENT.items()],
)
def runs(request, tmp_path_factory):
    """What the same training gave on one and two devices, and on both."""
    folder = tmp_path_factory.mktemp(request.param)
    done = subprocess.run(
        [sys.executable, Path(__file__).with_name("two_devices.py"), folder],
        env={
            **os.environ,
            "KERAS_BACKEND": request.param,
            "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
            "JAX_DISABLE_MOST_OPTIMIZATIONS": "1",  # to compile fast
        },
        capture_output=True,
        text=True,
        timeout=1500,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["backend"] == request.param
    return result


def assert_same(found, wanted, epochs=slice(None)):
    assert found["history"].keys() == wanted["history"].keys()
    for name, values in wanted["history"].items():
        np.testing.assert_allclose(
            found["history"][name],
            values[epochs],
            rtol=1e-3,
            atol=1e-4,
            err_msg=name,
        )
    for mine, theirs in zip(
        found["centroids"], wanted["centroids"], strict=True
    ):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


@pytest.mark.slow
def test_two_devices_train_as_one(runs):
    """Pretraining, k-means, and alternation."""
    one, two = runs["1"], runs["2"]
    assert (one["replicas"], two["replicas"]) == (1, 2)
    assert len(one["history"]["loss"]) == 3
    assert one["history"]["motion_distance"][1] > 0
    assert_same(two, one)


@pytest.mark.slow
@pytest.mark.parametrize("mixed", ["1 then 2", "2 then 1"])
def test_checkpoints_are_interchangeable(runs, mixed):
    assert runs[mixed]["done"] == 2
    assert_same(runs[mixed], runs["1"], epochs=slice(2, None))


@pytest.mark.slow
def test_baselines_do_as_well(runs):
    if runs["backend"] != "tensorflow":
        pytest.skip("of tensorflow alone")
    one, two = runs["baseline"]
    assert one["loss"][1] < one["loss"][0]
    # Their loss is not quite the same: Keras weighs batches by their size, and
    # the last is larger where it was made even.
    np.testing.assert_allclose(two["loss"], one["loss"], rtol=0.05)
    np.testing.assert_allclose(two["kernel"], one["kernel"], atol=1e-5)


@pytest.mark.backend
def test_more_devices_than_there_are():
    if keras.backend.backend() == "torch":
        pytest.skip("torch refuses any second device")
    with pytest.raises(
        DeviceError, match=r"has \d+ of the 99 devices: (?i:.?pu:0)"
    ):
        require_devices(99)


@pytest.mark.backend
def test_torch_says_that_it_has_one():
    if keras.backend.backend() != "torch":
        pytest.skip("of torch alone")
    with (
        pytest.raises(DeviceError, match="Train under jax or tensorflow"),
        data_parallel(2),
    ):
        pass


def test_devices_are_counted_from_one():
    with pytest.raises(DeviceError, match="at least 1"):
        require_devices(0)
