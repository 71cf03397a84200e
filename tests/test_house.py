"""Who may import what: dependencies point one way.

The order is data, not taste: each module has the rank of the longest prefix
below, and imports nothing of a higher rank, neither at its head nor inside a
function. Imports for type checkers alone (`if TYPE_CHECKING:`) are free.
"""

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "keras_cdae"

ORDER = (  # from the bottom to the top
    ("cores", "errors", "version"),
    ("files", "serialization", "training.division", "types"),
    ("backend",),
    (
        "baselines.trivial",
        "data",
        "layers",
        "metrics",
        "scoring.alarms",
        "scoring.calibration",
        "scoring.scores",
        "scoring.segments",
    ),
    ("training",),
    ("models",),
    ("baselines",),
    ("scoring",),  # the scorer: it runs a model
    ("reports",),
    ("runs",),
    ("jobs",),
    ("runtime",),  # low in what it imports, see below
    ("live",),
    ("export",),  # it checks what it wrote with the runtime
)
RANKS = {
    f"keras_cdae.{name}": rank
    for rank, names in enumerate(ORDER)
    for name in names
}
# It runs on devices without Keras: the order alone would allow too much.
RUNTIME = "keras_cdae.runtime"
RUNTIME_MAY_IMPORT = (
    "keras_cdae.data.address",
    "keras_cdae.data.camera",
    "keras_cdae.data.finding",
    "keras_cdae.data.images",
    "keras_cdae.data.video",
    "keras_cdae.errors",
    "keras_cdae.files",
    "keras_cdae.scoring.calibration",
    "keras_cdae.version",
)
# Packages -> the places in keras_cdae that alone may import them.
OWNERS = {
    ("click", "rich", "keras_cdae_cli"): (),
    ("matplotlib",): ("reports/figures.py",),
    ("jinja2",): ("reports/page.py",),
    ("av",): ("data/h264.py",),
    ("PIL", "tensorboardX"): ("runs/tensorboard.py",),
    ("ray",): ("jobs/ray.py",),
    ("cv2",): (
        "data/camera.py",
        "data/damage.py",
        "data/flow.py",
        "data/images.py",
        "data/lettering.py",
        "data/timing.py",
        "data/video.py",
    ),
    ("skimage",): ("data/flow.py",),
    ("tf2onnx", "onnx", "onnxscript"): ("export/",),
    ("onnxruntime", "ai_edge_litert", "tflite_runtime"): (
        "export/",
        "runtime/",
    ),
    ("tensorflow", "jax", "torch"): (
        "backend/",
        "export/",
        "data/pipelines.py",
    ),
    ("pickle", "dill", "cloudpickle", "joblib"): (),  # nothing is unpickled
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix(".__init__")


FILES = {module_name(path): path for path in sorted(PACKAGE.rglob("*.py"))}


def is_for_type_checkers(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)


def statements(node: ast.AST) -> Iterator[ast.AST]:
    """Yield all that runs: every node but those for type checkers."""
    for child in ast.iter_child_nodes(node):
        if is_for_type_checkers(child):
            for alternative in child.orelse:
                yield alternative
                yield from statements(alternative)
            continue
        yield child
        yield from statements(child)


def imports(path: Path) -> set[str]:
    """Return the full names that a file imports, wherever in the file."""
    found = set()
    for node in statements(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative imports are for cli/"
            for alias in node.names:
                whole = f"{node.module}.{alias.name}"
                found.add(whole if whole in FILES else node.module)
    return found


def longest(prefixes, name):
    fitting = [p for p in prefixes if f"{name}.".startswith(f"{p}.")]
    return max(fitting, key=len, default=None)


def own(path: Path) -> list[str]:
    return [n for n in imports(path) if longest(["keras_cdae"], n)]


def test_every_module_has_a_rank():
    placed = {"keras_cdae"}  # the front door: names found on first use
    unplaced = [
        name
        for name in FILES
        if name not in placed and not longest(RANKS, name)
    ]
    assert not unplaced, "give them a place in ORDER"


def test_no_rank_is_for_nothing():
    empty = [p for p in RANKS if p not in FILES]
    assert not empty


@pytest.mark.parametrize(
    "name",
    [n for n in FILES if longest(RANKS, n)],
)
def test_nothing_imports_from_above(name):
    rank = RANKS[longest(RANKS, name)]
    upwards = [
        imported
        for imported in own(FILES[name])
        # What has no rank, such as the front door, is above everything.
        if RANKS.get(longest(RANKS, imported), len(ORDER)) > rank
    ]
    assert not upwards


def test_front_door_opens_nothing():
    assert own(FILES["keras_cdae"]) in (
        ["keras_cdae.version"],
        ["keras_cdae.version", "keras_cdae.errors"],
        ["keras_cdae.errors", "keras_cdae.version"],
    )


@pytest.mark.parametrize("name", [n for n in FILES if longest([RUNTIME], n)])
def test_runtime_needs_no_keras(name):
    allowed = (*RUNTIME_MAY_IMPORT, RUNTIME)
    imported = imports(FILES[name])
    foreign = [n for n in own(FILES[name]) if not longest(allowed, n)]
    assert not foreign
    assert not imported & {"keras", "scipy", "sklearn", "tensorflow"}


def test_calibration_is_numpy_alone():
    """The runtime imports it."""
    imported = imports(FILES["keras_cdae.scoring.calibration"])
    outside = {n.partition(".")[0] for n in imported} - sys.stdlib_module_names
    assert outside == {"numpy", "keras_cdae"}


@pytest.mark.parametrize(
    ("package", "places"),
    [(package, places) for many, places in OWNERS.items() for package in many],
)
def test_foreign_packages_have_one_place(package, places):
    elsewhere = [
        path.relative_to(PACKAGE).as_posix()
        for path in FILES.values()
        if any(longest([package], name) for name in imports(path))
        and not path.relative_to(PACKAGE).as_posix().startswith(places or " ")
    ]
    assert not elsewhere


@pytest.mark.parametrize("folder", ["keras_cdae", "cli", "examples"])
def test_no_private_part_of_keras(folder):
    private = ".".join(["keras", "src"])
    files = (ROOT / folder).rglob("*.py")
    assert not [f for f in files if private in f.read_text(encoding="utf-8")]


def test_library_does_not_print():
    printing = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in FILES.values()
        for node in statements(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id == "print"
    ]
    assert not printing


def test_every_folder_is_installed():
    with (ROOT / "pyproject.toml").open("rb") as stream:
        setuptools = tomllib.load(stream)["tool"]["setuptools"]
    folders = {name: name for name in setuptools["package-dir"]}
    found = {
        ".".join([package, *init.parent.relative_to(ROOT / folder).parts])
        for package, folder in setuptools["package-dir"].items()
        for init in (ROOT / folder).rglob("__init__.py")
    }
    assert sorted(found) == setuptools["packages"]
    assert set(folders) == {n.partition(".")[0] for n in found}


def test_every_folder_of_modules_is_a_package():
    bare = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in ("keras_cdae", "cli")
        for path in (ROOT / folder).rglob("*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert not bare


@pytest.mark.parametrize(
    "module",
    [
        "keras_cdae",
        "keras_cdae.data",
        "keras_cdae.data.video",
        "keras_cdae.errors",
        "keras_cdae.runs.columns",
        "keras_cdae.runs.settings",
        "keras_cdae.runtime",
        "keras_cdae.scoring.calibration",
        "keras_cdae.scoring.scores",
    ],
)
def test_import_is_light(module):
    heavy = "{'keras', 'tensorflow', 'jax', 'torch', 'sklearn', 'matplotlib'}"
    code = f"import sys, {module}; print({heavy} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert done.stdout.strip() == "set()"
