"""What README.md and docs/ say: commands parse, examples run, links lead on."""

import contextlib
import importlib
import io
import os
import shutil
from unittest import mock

import click
import pages
import pytest

from keras_cdae_cli import main

# Commands and pages that the text names and that are still to come.
PENDING: tuple[str, ...] = ()

FIRST = pages.FOLDER / "first-steps.md"
COMMANDS = [
    pytest.param(words, id=f"{block}-{' '.join(words)[:40]}")
    for page in pages.PAGES
    for block in pages.blocks(page)
    if block.language == "bash"
    for words in pages.commands(block)
]
INLINE = [
    pytest.param(words, id=f"{page.name}-{' '.join(words)[:40]}")
    for page in pages.PAGES
    for words in pages.inline_commands(page)
]
RUN = [
    page
    for page in pages.PAGES
    if page != FIRST and any(block.marked for block in pages.blocks(page))
]
each_page = pytest.mark.parametrize("page", pages.PAGES, ids=lambda p: p.name)


def is_pending(words):
    return pages.find_command(words)[1] in PENDING


def options_of(command):
    names = {"--help", "-h"}
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            names.update(parameter.opts, parameter.secondary_opts)
    return names


def resolve(name):
    """Return what a dotted name stands for; a field counts as a name."""
    first, *rest = name.split(".")
    value = importlib.import_module(first)
    for number, part in enumerate(rest, start=1):
        fields = getattr(value, "__dataclass_fields__", {})
        if part in fields:
            return fields[part]
        if not hasattr(value, part):
            importlib.import_module(".".join([first, *rest[:number]]))
        value = getattr(value, part)
    return value


# What is written


def test_there_are_commands():
    assert len(COMMANDS) > 20
    assert INLINE
    assert RUN


@pytest.mark.parametrize("words", COMMANDS)
def test_command_parses(words):
    command, path, rest = pages.find_command(words)
    if path in PENDING:
        assert command is None, f"{path} exists: take it out of PENDING"
        return
    assert command is not None, f"there is no keras-cdae {path}"
    with mock.patch.dict(os.environ):  # --backend sets one
        try:
            with contextlib.suppress(click.exceptions.Exit):  # after --help
                command.make_context(path, list(rest))
        except click.UsageError as error:
            pytest.fail(f"keras-cdae {' '.join(words)}: {error.message}")


@pytest.mark.parametrize("words", INLINE)
def test_inline_command_exists(words):
    """In the text, values may be placeholders: the options must exist."""
    command, path, rest = pages.find_command(words)
    if path in PENDING:
        return
    assert command is not None, f"there is no keras-cdae {path}"
    said = {word for word in rest if word.startswith("-")}
    assert said <= options_of(command)


@pytest.mark.parametrize("name", PENDING)
def test_pending_is_still_to_come(name):
    if name.endswith(".md"):
        assert not (pages.FOLDER / name).exists(), "take it out of PENDING"
    else:
        command, _, _ = pages.find_command(name.split())
        assert command is None, "it exists: take it out of PENDING"


@each_page
def test_every_mark_stands_before_a_block(page):
    text = page.read_text(encoding="utf-8")
    marked = [block for block in pages.blocks(page) if block.marked]
    assert text.count(pages.MARK) == len(marked)
    assert {block.language for block in marked} <= {"bash", "python"}
    for block in marked:
        if block.language == "bash":
            lines = block.text.replace("\\\n", " ").strip().splitlines()
            assert len(pages.commands(block)) == len(lines)


@each_page
def test_python_compiles(page):
    for block in pages.blocks(page):
        if block.language == "python":
            compile(block.text, str(block), "exec")


@each_page
def test_links_lead_somewhere(page):
    for target in pages.links(page):
        path, _, anchor = target.partition("#")
        goal = (page.parent / path).resolve() if path else page
        if goal.name in PENDING:
            continue
        assert goal.exists(), f"{page.name}: {target}"
        if anchor:
            assert anchor in pages.anchors(goal), f"{page.name}: {target}"


@each_page
def test_names_exist(page):
    for name in pages.names(page):
        try:
            resolve(name)
        except (ImportError, AttributeError) as error:
            pytest.fail(f"{page.name}: there is no {name}: {error}")


def test_index_names_every_page():
    linked = set(pages.links(pages.FOLDER / "index.md"))
    others = {page.name for page in pages.FOLDER.glob("*.md")} - {"index.md"}
    assert others <= linked


# The reader itself

SAMPLE = """
# A title: one, two

See [there](other.md#part) or `keras-cdae eval RUN --json`.

<!-- run -->
```bash
pip install keras-cdae  # keras-cdae train
X=1 bin/keras-cdae demo && keras-cdae eval \\
  run | head
```
"""


def test_the_reader_of_pages_reads(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(SAMPLE, encoding="utf-8")
    (block,) = pages.blocks(page)
    assert (block.line, block.language, block.marked) == (7, "bash", True)
    assert pages.commands(block) == [["demo"], ["eval", "run"]]
    assert pages.inline_commands(page) == [["eval", "RUN", "--json"]]
    assert pages.links(page) == ["other.md#part"]
    assert pages.anchors(page) == {"a-title-one-two"}


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--no-such-option"],
        ["train", "--preset", "huge"],
        ["export", "run"],
        ["benchmark", "runtime"],
    ],
)
def test_what_does_not_parse_is_refused(words):
    command, path, rest = pages.find_command(words)
    with pytest.raises(click.UsageError):
        command.make_context(path, rest)


@pytest.mark.parametrize("words", [["nothing"], ["benchmark", "nothing"]])
def test_unknown_command_is_not_found(words):
    assert pages.find_command(words)[0] is None


@pytest.mark.parametrize("name", ["keras_cdae.CDEA", "keras_cdae.data.nothing"])
def test_unknown_name_is_refused(name):
    with pytest.raises((ImportError, AttributeError)):
        resolve(name)


# What is run


def execute(page, folder):
    """Run the marked blocks of a page in a folder; return what they print."""
    printed = io.StringIO()
    values = {"__name__": page.stem}
    with contextlib.chdir(folder), contextlib.redirect_stdout(printed):
        for block in pages.blocks(page):
            if not block.marked:
                continue
            if block.language == "python":
                exec(compile(block.text, str(block), "exec"), values)
                continue
            for words in pages.commands(block):
                if is_pending(words):
                    pytest.skip(f"{block}: PENDING: {' '.join(words)}")
                assert main.run(words) == 0, f"{block}: {' '.join(words)}"
    return printed.getvalue()


@pytest.fixture(scope="session")
def first_steps(tmp_path_factory):
    """The folder in which the first steps were gone, and what they printed."""
    folder = tmp_path_factory.mktemp("first")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_CDAE_CACHE", str(folder / "cache"))
        printed = execute(FIRST, folder)
    return folder, printed


@pytest.mark.slow
def test_first_steps(first_steps):
    folder, printed = first_steps
    assert "micro AUC, per-video min-max" in printed
    assert (folder / "runs/first/model.keras").is_file()
    assert (folder / "runs/first/metrics.json").is_file()


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=lambda page: page.stem)
def test_page_runs(page, first_steps, tmp_path, monkeypatch):
    """Pages after the first steps go on from what these have made."""
    made, _ = first_steps
    folder = tmp_path / "work"
    shutil.copytree(made, folder)
    monkeypatch.setenv("KERAS_CDAE_CACHE", str(made / "cache"))
    assert execute(page, folder).strip()
