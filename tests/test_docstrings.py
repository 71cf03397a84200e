"""Docstrings: their `Args:` are the signature, their examples run."""

import ast
import doctest
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[1]
FILES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts): path
    for path in sorted((ROOT / "keras_cdae").rglob("*.py"))
}
SECTION = re.compile(
    r"^([ ]*)(Args|Attributes):\n((?:\1[ ]+\S.*\n|[ ]*\n)*)", re.M
)
Function = ast.FunctionDef | ast.AsyncFunctionDef


def is_public(name: str) -> bool:
    return not name.startswith("_")


def parameters(function: Function, *, bound: bool) -> list[str]:
    """Return the names of a signature, `*args` and `**kwargs` with stars."""
    given = function.args
    names = [a.arg for a in (*given.posonlyargs, *given.args)][bound:]
    if given.vararg:
        names.append(f"*{given.vararg.arg}")
    names += [a.arg for a in given.kwonlyargs]
    if given.kwarg:
        names.append(f"**{given.kwarg.arg}")
    return names


def documented(docstring: str, section: str) -> list[str] | None:
    """Return the names that a section of a docstring describes, in order."""
    for indent, title, body in SECTION.findall(docstring + "\n"):
        if title == section:
            entry = re.compile(rf"^{indent}    (\*{{0,2}}\w+):\s", re.M)
            return entry.findall(body)
    return None


def decorators(node: ast.ClassDef | Function) -> set[str]:
    return {
        n.attr if isinstance(n, ast.Attribute) else n.id
        for d in node.decorator_list
        for n in ast.walk(d)
        if isinstance(n, (ast.Attribute, ast.Name))
    }


def fields(node: ast.ClassDef) -> list[str]:
    """Return the arguments of a dataclass."""
    return [
        item.target.id
        for item in node.body
        if isinstance(item, ast.AnnAssign)
        and isinstance(item.target, ast.Name)
        and "init=False" not in ast.unparse(item)
    ]


def described() -> Iterator[tuple[str, str, list[str], list[str] | None]]:
    """Yield every public callable: kind, name, signature, what is described."""
    for module, path in FILES.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in tree.body:
            if isinstance(node, Function) and is_public(node.name):
                doc = ast.get_docstring(node) or ""
                name = f"{module}.{node.name}"
                yield (
                    "function",
                    name,
                    parameters(node, bound=False),
                    documented(doc, "Args"),
                )
            if isinstance(node, ast.ClassDef) and is_public(node.name):
                yield from of_class(f"{module}.{node.name}", node)


def of_class(
    name: str, node: ast.ClassDef
) -> Iterator[tuple[str, str, list[str], list[str] | None]]:
    doc = ast.get_docstring(node) or ""
    if "dataclass" in decorators(node):
        listed = documented(doc, "Args") or documented(doc, "Attributes")
        yield "class", name, fields(node), listed
    for item in node.body:
        if not isinstance(item, Function):
            continue
        if item.name == "__init__":
            names = parameters(item, bound=True)
            yield "class", name, names, documented(doc, "Args")
        elif is_public(item.name) and "overload" not in decorators(item):
            yield (
                "method",
                f"{name}.{item.name}",
                parameters(item, bound="staticmethod" not in decorators(item)),
                documented(ast.get_docstring(item) or "", "Args"),
            )


CALLABLES = list(described())


@pytest.mark.parametrize(
    ("name", "signature", "listed"),
    [(n, s, d) for _, n, s, d in CALLABLES if d is not None],
    ids=[n for _, n, _, d in CALLABLES if d is not None],
)
def test_args_are_the_signature(name, signature, listed):
    assert listed == signature


def test_every_class_describes_its_arguments():
    silent = [
        name
        for kind, name, signature, listed in CALLABLES
        if kind == "class" and signature and listed is None
    ]
    assert not silent


def test_promised_functions_describe_their_arguments():
    """One or two arguments may be plain from the first line."""
    promised = {
        name
        for path in FILES.values()
        if path.name == "__init__.py"
        for name in re.findall(
            r'^    "(\w+)"[,:]', path.read_text("utf-8"), re.M
        )
    }
    silent = [
        name
        for kind, name, signature, listed in CALLABLES
        if kind == "function"
        and name.rpartition(".")[2] in promised
        and len(signature) > 2
        and listed is None
    ]
    assert len(promised) > 40
    assert not silent


def test_the_reader_of_docstrings_reads():
    text = "Do.\n\nArgs:\n    a: one,\n        two: three.\n    **b: four.\n\n"
    assert documented(text + "Returns:\n    c: five.\n", "Args") == ["a", "**b"]
    assert documented("Do.", "Args") is None
    assert len([d for *_, d in CALLABLES if d]) > 50


@pytest.mark.backend
@pytest.mark.parametrize(
    "module",
    [n for n, path in FILES.items() if ">>>" in path.read_text("utf-8")],
)
def test_examples_run(module):
    loaded = importlib.import_module(module)
    found = doctest.testmod(
        loaded,
        extraglobs={"np": np},
        optionflags=doctest.NORMALIZE_WHITESPACE,
    )
    assert found.attempted
    assert not found.failed, "see the output above"
