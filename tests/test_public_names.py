"""What the package promises by name, and its version."""

import importlib
import importlib.metadata
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import keras_cdae

ROOT = Path(__file__).parents[1]
PACKAGES = sorted(
    ".".join(init.parent.relative_to(ROOT).parts)
    for init in (ROOT / "keras_cdae").rglob("__init__.py")
    if "__all__" in init.read_text(encoding="utf-8")
)
# Modules at the top that are part of the machinery, not of the promise.
PRIVATE = {"cores", "files", "serialization", "types", "version"}

# Other people's programs depend on these.
FIXED = {
    "keras_cdae": ["CDAE", "load"],
    "keras_cdae.layers": ["DeepKMeans", "VarianceAttention"],
    "keras_cdae.metrics": ["frame_metrics"],
    "keras_cdae.models": ["CDAE"],
    "keras_cdae.scoring": ["score_video"],
}


@pytest.mark.backend
@pytest.mark.parametrize("package", PACKAGES)
def test_all_is_sorted_and_every_name_loads(package):
    module = importlib.import_module(package)
    names = module.__all__
    assert list(names) == sorted(names)
    assert len(names) == len(set(names))
    for name in names:
        assert getattr(module, name) is not None
    assert set(names) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_unknown_name(package):
    module = importlib.import_module(package)
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = module.nothing


def test_front_door_names_all_that_is_public():
    """`__all__` is what lies on disk, and the two names of the front page."""
    folder = ROOT / "keras_cdae"
    modules = {path.stem for path in folder.glob("[!_]*.py")} - PRIVATE
    modules |= {init.parent.name for init in folder.glob("*/__init__.py")}
    expected = {"__version__", "CDAE", "load"} | modules
    assert set(keras_cdae.__all__) == expected
    assert dir(keras_cdae) == sorted(expected)


def test_importing_everything_adds_no_public_name():
    """What the interpreter holds afterwards is promised or private."""
    code = (
        "import types, keras_cdae\n"
        "for name in keras_cdae.__all__: getattr(keras_cdae, name)\n"
        "print(*(n for n in vars(keras_cdae) if not n.startswith('_')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    held = set(done.stdout.split()) - {"importlib", "Any"} - PRIVATE
    assert held <= set(keras_cdae.__all__)


@pytest.mark.parametrize(
    ("module", "name"), [(m, n) for m, names in FIXED.items() for n in names]
)
def test_fixed_names(module, name):
    assert hasattr(importlib.import_module(module), name)


def test_fixed_signatures():
    layers = importlib.import_module("keras_cdae.layers")
    attention = inspect.signature(layers.VarianceAttention).parameters
    clusters = inspect.signature(layers.DeepKMeans).parameters
    preset = inspect.signature(keras_cdae.CDAE.from_preset).parameters
    defaults = {n: p.default for n, p in attention.items() if n != "kwargs"}
    assert list(defaults.items())[:3] == [
        ("embedding_dim", None),
        ("pool_size", 1),
        ("deviation", "squared"),
    ]
    defaults = {n: p.default for n, p in clusters.items() if n != "kwargs"}
    wanted = {"num_clusters": 32, "alpha": 25.0, "normalize": True}
    assert wanted.items() <= defaults.items()
    assert list(preset) == ["name", "image_size", "channels", "overrides"]


def test_version():
    version = keras_cdae.__version__
    assert re.fullmatch(r"\d+\.\d+\.\d+([ab]|rc|\.dev)?\d*", version)
    assert importlib.metadata.version("keras-cdae") == version


def test_changelog_knows_the_version():
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("no CHANGELOG.md in this checkout")
    text = changelog.read_text(encoding="utf-8")
    headings = re.findall(r"^## \[?([^\]\s]+)", text, re.MULTILINE)
    assert headings[0] in ("Unreleased", keras_cdae.__version__)
