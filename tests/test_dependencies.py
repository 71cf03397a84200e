"""What is depended on: licences, and the lock of the environment."""

import importlib.metadata
import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
with (ROOT / "pyproject.toml").open("rb") as stream:
    PROJECT = tomllib.load(stream)["project"]
# Shipped code depends on these; `dev` alone is not shipped.
DECLARED = {
    canonicalize_name(Requirement(line).name)
    for lines in (
        PROJECT["dependencies"],
        *(v for k, v in PROJECT["optional-dependencies"].items() if k != "dev"),
    )
    for line in lines
}
PERMISSIVE = re.compile(
    r"Apache|BSD|MIT|PSF|Python Software Foundation|Expat|HPND|ISC|MPL", re.I
)
COPYLEFT = re.compile(r"\b(A|L)?GPL|GNU", re.I)


def licence(name):
    """What a distribution says of its licence, in any of three fields."""
    facts = importlib.metadata.metadata(name)
    classified = [
        value.rpartition(" :: ")[2]
        for value in facts.get_all("Classifier") or []
        if value.startswith("License :: ")
    ]
    text = (facts["License"] or "").strip().split("\n")[0]
    return " / ".join(filter(None, [facts["License-Expression"], *classified,
                                    text]))  # fmt: skip


@pytest.mark.parametrize("name", sorted(DECLARED))
def test_licences_are_permissive(name):
    try:
        found = licence(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed here")
    assert PERMISSIVE.search(found), found
    assert not COPYLEFT.search(found), found


def test_lock_holds_every_declared_dependency_at_one_version():
    lines = (ROOT / "requirements-dev.lock").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    exact = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+")
    assert all(exact.fullmatch(pin) for pin in pins)
    locked = {}
    for pin in pins:
        name, version = pin.split("==")
        locked[canonicalize_name(name)] = version
    extras = PROJECT["optional-dependencies"].values()
    for line in [*PROJECT["dependencies"], *(x for e in extras for x in e)]:
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        assert name in locked, f"{name} is not in the lock"
        assert wanted.specifier.contains(locked[name]), (
            f"{line}: {locked[name]}"
        )


def test_python_versions_agree():
    """3.11 to 3.13, by the two places that say so."""
    assert PROJECT["requires-python"] == ">=3.11"
    versions = [
        text.rpartition(" :: ")[2]
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    ]
    assert versions == ["3.11", "3.12", "3.13"]
