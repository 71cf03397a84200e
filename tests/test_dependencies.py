"""What is depended on: licences, and the lock of the environment."""

import importlib.metadata
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
with (ROOT / "pyproject.toml").open("rb") as stream:
    PROJECT = tomllib.load(stream)["project"]
EXTRAS = PROJECT["optional-dependencies"]
DIRECT = [*PROJECT["dependencies"], *(x for e in EXTRAS.values() for x in e)]
# What a user gets with the extras; `dev` is for those who work on the package.
SHIPPED = [
    *PROJECT["dependencies"],
    *(x for name, lines in EXTRAS.items() if name != "dev" for x in lines),
]
PERMISSIVE = re.compile(
    r"\b(Apache|BSD|0BSD|MIT|MIT-CMU|HPND|ISC|PSF|Python Software Foundation"
    r"|BSL-1\.0|Zlib|CC0)\b",
    re.I,
)
COPYLEFT = re.compile(
    r"\b[AL]?GPL|GNU|\bMPL|Mozilla|\bEPL|EUPL|CDDL|SSPL|proprietary", re.I
)
ALLOWED = {  # not permissive -> why it may be here all the same
    "certifi": "MPL 2.0 binds those who change its list of certificates; "
    "requests needs it, which tf2onnx and ray need",
    "hypothesis": "MPL 2.0; for tests alone",
    "pathspec": "MPL 2.0; mypy needs it, for checks alone",
    "tqdm": "MPL 2.0 binds those who change its files; ai-edge-litert needs it",
}
UNLOCKED = {"pip", "setuptools", "wheel"}  # pip freeze leaves them out


def needed(
    lines: Iterable[str], extras: frozenset[str] = frozenset()
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yield what these requirements mean on this machine, and its extras."""
    for line in lines:
        wanted = Requirement(line)
        if wanted.marker is None or any(
            wanted.marker.evaluate({"extra": extra}) for extra in {*extras, ""}
        ):
            yield canonicalize_name(wanted.name), frozenset(wanted.extras)


def closure(lines: Iterable[str]) -> list[str]:
    """Return all distributions that these need, directly or not.

    One that is not installed is named, but what it needs is not known.
    """
    found: set[tuple[str, frozenset[str]]] = set()
    ahead = list(needed(lines))
    while ahead:
        name, extras = ahead.pop()
        if (name, extras) in found:
            continue
        found.add((name, extras))
        try:
            further = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        ahead += needed(further, extras)
    return sorted({name for name, _ in found})


def licence(name: str) -> str:
    """Return what a distribution says of its licence, wherever it does."""
    facts = importlib.metadata.metadata(name)
    classified = [
        value.rpartition(" :: ")[2]
        for value in facts.get_all("Classifier") or []
        if value.startswith("License :: ")
    ]
    text = (facts["License"] or "").strip().split("\n")[0]
    said = [facts["License-Expression"], *classified, text]
    return " / ".join(filter(None, said)) or _licence_file(name)


def _licence_file(name: str) -> str:
    """Return the heading of the licence that lies with a distribution."""
    distribution = importlib.metadata.distribution(name)
    for path in distribution.files or []:
        if path.name.upper().startswith(("LICENSE", "LICENCE", "COPYING")):
            lines = path.locate().read_text("utf-8").split("\n")
            return " ".join(filter(None, map(str.strip, lines[:5])))
    return ""


@pytest.mark.parametrize("name", closure(DIRECT))
def test_licences_are_permissive(name):
    try:
        found = licence(name)
    except importlib.metadata.PackageNotFoundError:
        pytest.skip(f"{name} is not installed here")
    if name in ALLOWED:
        assert COPYLEFT.search(found), f"no exception is needed: {found}"
        return
    assert PERMISSIVE.search(found), f"not known to be permissive: {found!r}"
    assert not COPYLEFT.search(found), found


def test_exceptions_are_of_what_is_needed():
    assert set(ALLOWED) <= set(closure(DIRECT))


def test_nothing_for_development_alone_is_shipped():
    shipped = set(closure(SHIPPED))
    assert "keras" in shipped
    assert not shipped & {"hypothesis", "mypy", "pathspec", "pytest", "vulture"}


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements-dev.lock").read_text("utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    exact = re.compile(r"[A-Za-z0-9._-]+==[A-Za-z0-9.+!_]+")
    assert all(exact.fullmatch(pin) for pin in pins)
    return {
        canonicalize_name(name): version
        for name, version in (pin.split("==") for pin in pins)
    }


def test_lock_holds_every_declared_dependency_at_a_version_that_fits():
    pins = locked()
    for line in DIRECT:
        wanted = Requirement(line)
        name = canonicalize_name(wanted.name)
        assert name in pins, f"{name} is not in the lock"
        assert wanted.specifier.contains(pins[name]), f"{line}: {pins[name]}"


def test_lock_holds_what_those_need():
    """The lock is the bill of materials: nothing that runs is absent."""
    missing = set(closure(DIRECT)) - set(locked()) - UNLOCKED
    assert not missing, "pip freeze again"


def test_python_versions_agree():
    """3.11 to 3.13, by the two places that say so."""
    assert PROJECT["requires-python"] == ">=3.11"
    versions = [
        text.rpartition(" :: ")[2]
        for text in PROJECT["classifiers"]
        if text.startswith("Programming Language :: Python :: 3.")
    ]
    assert versions == ["3.11", "3.12", "3.13"]
