"""Every command of README.md and docs/ runs, small, where it makes sense."""

import os
import shutil
from pathlib import Path

import pages
import place
import pytest

from keras_cdae_cli import main

# What is run elsewhere: `demo` and `--resume` in tests/cli, a webcam nowhere.
ELSEWHERE = ("demo", "train --resume --output runs/first")


def _commands():
    """Return each command of a bash block, once."""
    found = {}
    for page in pages.PAGES:
        for block in pages.blocks(page):
            if block.language == "bash" and not block.marked:
                for words in pages.commands(block):
                    found.setdefault(" ".join(words), (page.stem, words))
    return {
        text: value for text, value in found.items() if text not in ELSEWHERE
    }


def _small(words):
    """Return a command as it is run: what stands for what, and smaller."""
    _, path, _ = pages.find_command(words)
    stands_for = dict(place.STANDS_FOR)
    if path == "watch":
        stands_for["0"] = "tuesday.mp4"  # the webcam
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
