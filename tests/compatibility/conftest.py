"""Model files with other members."""

import zipfile
from pathlib import Path

import pytest

MODEL = Path(__file__).parents[1] / "fixtures" / "v0.1" / "model.keras"


@pytest.fixture
def with_members(tmp_path):
    """Return a function: a copy of the fixture with members changed, added.

    A member that is a function is given the old content.
    """

    def write(members):
        path = tmp_path / "changed.keras"
        left = dict(members)
        with (
            zipfile.ZipFile(MODEL) as old,
            zipfile.ZipFile(path, "w") as new,
        ):
            for name in old.namelist():
                data = old.read(name)
                change = left.pop(name, data)
                new.writestr(name, change(data) if callable(change) else change)
            for name, data in left.items():
                new.writestr(name, data)
        return path

    return write
