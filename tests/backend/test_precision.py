"""Half precision on a processor without it, and what is never rounded."""

import logging

import keras
import pytest

from keras_cdae.backend import precision
from keras_cdae.backend.precision import warn_if_emulated

pytestmark = pytest.mark.backend


@pytest.fixture
def warnings_with(monkeypatch, tmp_path, caplog):
    """Return a function: what is warned of with these facts and devices."""

    def warnings_with(dtype, facts, names=("cpu:0",)):
        path = tmp_path / "cpuinfo"
        path.write_text(facts)
        monkeypatch.setattr(precision, "CPU_FACTS", path)
        monkeypatch.setattr(precision, "device_names", lambda: list(names))
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            warn_if_emulated(dtype)
        return caplog.text

    return warnings_with


OLD = "processor\t: 0\nflags\t\t: fpu sse2 avx2\n\nprocessor\t: 1\n"
NEW = "flags : fpu avx512_bf16 amx_bf16\n"
ARM = "Features\t: fp asimd asimdhp bf16\n"


def test_emulation_is_named(warnings_with):
    told = warnings_with("mixed_bfloat16", OLD)
    assert "no instructions for bfloat16" in told
    assert "Train in float32" in told
    assert "float16 (amx_fp16" in warnings_with("mixed_float16", NEW)
    assert "bfloat16" in warnings_with("mixed_bfloat16", OLD, ["CPU:0"])


def test_what_is_fast_or_unknown_is_not_warned_of(warnings_with, tmp_path):
    assert not warnings_with("float32", OLD)
    assert not warnings_with("mixed_bfloat16", NEW)
    assert not warnings_with("mixed_bfloat16", ARM)
    assert not warnings_with("mixed_float16", ARM)
    assert not warnings_with("mixed_bfloat16", OLD, ["GPU:0"])
    assert not warnings_with("mixed_bfloat16", OLD, ["cuda:0", "cuda:1"])
    assert not warnings_with("mixed_bfloat16", "nothing known\n")


def test_another_system_has_no_such_file(monkeypatch, tmp_path, caplog):
    monkeypatch.setattr(precision, "CPU_FACTS", tmp_path / "absent")
    warn_if_emulated("mixed_bfloat16")
    assert not caplog.text


@pytest.mark.skipif(
    keras.backend.backend() != "jax", reason="jax alone has it by scope"
)
def test_scoring_rounds_nothing_on_a_gpu(make_model, tiny_clips):
    import jax

    from keras_cdae.backend import compile_forward

    seen = []

    def look(x):
        seen.append(jax.config.jax_default_matmul_precision)
        return x

    compile_forward(make_model(), look)(tiny_clips)
    assert seen == ["highest"]
    assert jax.config.jax_default_matmul_precision is None
