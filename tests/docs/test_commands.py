"""Every command of README.md and docs/ runs, small, where it makes sense."""

import os
import shutil
from pathlib import Path

import pages
import place
import pytest

from keras_cdae_cli import main

# What tests/cli and tests/export run, on less: what goes on, and what trains or
# exports six models.
ELSEWHERE = (
    "demo",
    "benchmark ablation",
    "benchmark clusters",
    "benchmark compare",
    "benchmark motion",
    "benchmark parity",
)
RESUMED = "--resume"
CHOICES = ("--dataset", "--format", "--quantize", "--labels")


def _commands():
    """Return each command of a bash block; one of those that differ in values.

    A run folder, a seed or a rate more makes no other command; what follows an
    option of `CHOICES` does.
    """
    found = {}
    for page in pages.PAGES:
        for block in pages.blocks(page):
            if block.language == "bash" and not block.marked:
                for words in pages.commands(block):
                    path = pages.find_command(words)[1]
                    if path not in ELSEWHERE and RESUMED not in words:
                        found.setdefault(_kind(words), (page.stem, words))
    return {" ".join(words): (page, words) for page, words in found.values()}


def _kind(words):
    _, path, rest = pages.find_command(words)
    kind = [path]
    for before, word in zip([path, *rest], rest, strict=False):
        if word.startswith("-") or before in CHOICES:
            kind.append(word)
    return tuple(kind)


def _small(words):
    """Return a command as it is run: what stands for what, and smaller."""
    _, path, _ = pages.find_command(words)
    stands_for = dict(place.STANDS_FOR)
    if path == "watch":
        stands_for["0"] = "tuesday.mp4"  # the webcam
    if path == "benchmark runtime":  # each backend takes half a minute
        stands_for["runs/gate"] = "gate.tflite"
    if "avenue" in words and "DIR" in words:
        stands_for["DIR"] = "avenue"
    elif "folder" in words and "DIR" in words:
        stands_for["DIR"] = "gate"
    smaller = place.SMALLER.get(path, ())
    return [stands_for.get(word, word) for word in [*words, *smaller]]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """The folder that the pages take as given; tests work in copies."""
    folder = tmp_path_factory.mktemp("place")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KERAS_CDAE_CACHE", str(folder / "cache"))
        place.make_place(folder / "work")
        export = ["export", str(folder / "work/gate.keras"), "--format"]
        target = str(folder / "work/gate.tflite")
        assert main.run([*export, "tflite", "--output", target]) == 0
        results = [str(folder / "work/videos"), "--jobs", "1", "--output"]
        model = ["--model", str(folder / "work/gate.keras")]
        score = ["score", *results, str(folder / "work/results"), *model]
        assert main.run(score) == 0
        yield folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "words"),
    [
        pytest.param(*v, id=f"{v[0]}-{text[:50]}")
        for text, v in _commands().items()
    ],
)
def test_command_runs(page, words, made, tmp_path, monkeypatch, capfd):
    folder = tmp_path / "work"
    shutil.copytree(made / "work", folder, copy_function=_link)
    monkeypatch.chdir(folder)
    monkeypatch.setenv("KERAS_CDAE_CACHE", str(made / "cache"))
    # What is no whole Ped2 is not called one.
    expected = 1 if words[:3] == ["datasets", "verify", "ped2"] else 0
    assert main.run(_small(words)) == expected, capfd.readouterr().err


def _link(source, target):
    """Hard links: our writers replace a file, they do not write into it."""
    if Path(source).suffix == ".json":
        shutil.copy2(source, target)
    else:
        os.link(source, target)
