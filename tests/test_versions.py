"""The versions that are promised are those that are tried."""

import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
with (ROOT / "pyproject.toml").open("rb") as stream:
    PROJECT = tomllib.load(stream)["project"]
RUN = (ROOT / "tests" / "run").read_text("utf-8")


def pins():
    """What `tests/run --oldest` installs, by name."""
    lines = (ROOT / "requirements-oldest.txt").read_text("utf-8").splitlines()
    found = [Requirement(x) for x in lines if x and not x.startswith("#")]
    torch = RUN.split("\ntorch=", 1)[1].split("\n", 1)[0]
    found.append(Requirement(torch))
    return {
        canonicalize_name(r.name).removesuffix("-cpu"): r.specifier
        for r in found
    }


def declared():
    """The dependencies and the backends, as pyproject.toml has them."""
    extras = PROJECT["optional-dependencies"]
    backends = [*extras["tensorflow"], *extras["jax"], *extras["torch"]]
    for line in [*PROJECT["dependencies"], *backends]:
        requirement = Requirement(line)
        yield canonicalize_name(requirement.name), requirement.specifier


def test_every_lower_bound_is_tried():
    tried = pins()
    for name, bound in declared():
        (lower,) = bound
        (pin,) = tried[name]
        assert (lower.operator, pin.operator) == (">=", "==")
        same = SpecifierSet(f"=={lower.version}")
        assert same.contains(pin.version) or same.contains(
            ".".join(pin.version.split(".")[:3])
        ), f"{name}: {lower} is promised, {pin} is tried"


def test_nothing_else_is_pinned():
    assert set(pins()) - {"jaxlib"} == {name for name, _ in declared()}


def test_every_python_is_tried():
    """The oldest one is the one that runs everything."""
    kind = "Programming Language :: Python :: "
    names = [x.removeprefix(kind) for x in PROJECT["classifiers"] if kind in x]
    assert PROJECT["requires-python"] == f">={names[0]}"
    for name in names[1:]:
        assert f"find_python {name}" in RUN
