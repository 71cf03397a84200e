"""Read Markdown pages: their blocks, commands, links and names."""

import dataclasses
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click

from keras_cdae_cli import main

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(FOLDER.glob("*.md"))]
MARK = "<!-- run -->"
FENCE = re.compile(
    rf"^(?P<mark>{MARK}\n\n?)?```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
INLINE = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
NAME = re.compile(r"\bkeras_cdae(?:\.[A-Za-z_]\w*)+")
ASSIGNMENT = re.compile(r"[A-Z_]+=")  # KERAS_BACKEND=torch keras-cdae ...
BETWEEN = {"&&", "||", "|", ";", "&", ">", ">>", "<"}  # simple commands


@dataclasses.dataclass(frozen=True)
class Block:
    """One fenced block of a page."""

    page: Path
    line: int
    language: str
    text: str
    marked: bool

    def __str__(self):
        return f"{self.page.name}:{self.line}"


def blocks(page: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(
            page,
            text.count("\n", 0, found.start("language")) + 1,
            found["language"],
            found["text"],
            found["mark"] is not None,
        )
        for found in FENCE.finditer(text)
    ]


def prose(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def commands(block: Block) -> list[list[str]]:
    """Return the arguments of each `keras-cdae` in a bash block."""
    text = block.text.replace("\\\n", " ")
    return [words for line in text.splitlines() for words in _of_line(line)]


def find_command(words: list[str]) -> tuple[click.Command | None, str, list]:
    """Return the command that words name, its name, and the words left."""
    command, path = main.cli, []
    rest = [word for word in words if word not in main.ANYWHERE]
    while isinstance(command, click.Group) and rest:
        if rest[0].startswith("-"):
            break
        path.append(rest[0])
        context = click.Context(command)
        command, rest = command.get_command(context, rest[0]), rest[1:]
    return command, " ".join(path), rest


def inline_commands(page: Path) -> list[list[str]]:
    """Return the arguments of each `keras-cdae ...` within the text."""
    codes = [" ".join(code.split()) for code in INLINE.findall(prose(page))]
    return [words for code in codes for words in _of_line(code) if words]


def links(page: Path) -> list[str]:
    """Return the targets of the links that are no addresses."""
    targets = LINK.findall(INLINE.sub("", prose(page)))
    return [target for target in targets if "://" not in target]


def names(page: Path) -> list[str]:
    """Return every `keras_cdae.x.y` of a page, code included."""
    text = page.read_text(encoding="utf-8")
    return sorted(set(NAME.findall(text)))


def anchors(page: Path) -> set[str]:
    """Return what `#` may be followed by, as a code host makes it."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings)
    return {heading.strip().replace(" ", "-") for heading in kept}


def _of_line(line: str) -> Iterator[list[str]]:
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&|;<>")
    lexer.whitespace_split = True
    words: list[str] = []
    for word in [*lexer, ";"]:
        if word not in BETWEEN:
            words.append(word)
            continue
        while words and ASSIGNMENT.match(words[0]):
            words.pop(0)
        if words and _is_program(words[0]):
            yield words[1:]
        words = []


def _is_program(word: str) -> bool:
    return word == "keras-cdae" or word.endswith("/keras-cdae")
