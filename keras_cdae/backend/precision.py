"""Half precision on a processor that has no arithmetic for it."""

import logging
from collections.abc import Sequence
from pathlib import Path

import keras

from keras_cdae.backend import device_names

logger = logging.getLogger(__name__)

CPU_FACTS = Path("/proc/cpuinfo")
# What Linux calls the instructions, on x86 and on Arm.
INSTRUCTIONS = {
    "bfloat16": frozenset({"amx_bf16", "avx512_bf16", "bf16"}),
    "float16": frozenset({"amx_fp16", "avx512_fp16", "asimdhp"}),
}


def warn_if_emulated(dtype: str) -> None:
    """Log a warning where training in a precision is slower than in float32.

    That is on a processor, where no accelerator is at hand, whose facts in
    `/proc/cpuinfo` do not have its instructions. On another system than Linux
    nothing is known, and nothing is said.

    Args:
        dtype: a name of a Keras dtype policy, such as `"mixed_bfloat16"`.
    """
    compute = keras.dtype_policies.get(dtype).compute_dtype
    needed = INSTRUCTIONS.get(compute)
    if needed is None or not _on_processor(device_names()):
        return
    known = _instructions()
    if known and not known & needed:
        logger.warning(
            "This processor has no instructions for %s (%s): dtype=%s is "
            "emulated, several times slower than float32. Train in float32, or "
            "on an accelerator.",
            compute,
            ", ".join(sorted(needed)),
            dtype,
        )


def _on_processor(names: Sequence[str]) -> bool:
    return all(name.lower().startswith("cpu") for name in names)


def _instructions() -> frozenset[str]:
    """Return what the first processor says that it has; empty: unknown."""
    try:
        lines = CPU_FACTS.read_text(encoding="utf-8").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        name, _, values = line.partition(":")
        if name.strip() in ("flags", "Features"):
            return frozenset(values.split())
    return frozenset()
