"""The errors a user can meet; each message names the next step."""

import shlex


def shown(value: object, limit: int = 80) -> str:
    r"""Return what a file holds as it may stand in a message: one short line.

    Args:
        value: a piece of text from outside, or an error that quotes it.
        limit: the most characters that are kept.

    Example:
        >>> shown("two\nlines"), shown("x" * 9, limit=4)
        ('two\\nlines', 'xxxx...')
    """
    text = str(value)
    kept = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in text[:limit]
    )
    return f"{kept}..." if len(text) > limit else kept


def in_command(path: object) -> str:
    """Return a path as it may stand in a command that a message proposes.

    Args:
        path: of a file or folder; one with spaces comes back in quotes.

    Example:
        >>> in_command("runs/my camera")
        "'runs/my camera'"
    """
    return shlex.quote(str(path))


class CDAEError(Exception):
    """Base of every error that the package raises on purpose."""


class DataError(CDAEError, ValueError):
    """A data set, folder or image is missing, incomplete or unusable."""


class VideoError(DataError):
    """One video cannot be read, or is too short to hold a clip."""


class LabelError(DataError):
    """A ground-truth file cannot be read or does not fit its video."""


class ModelFileError(CDAEError, ValueError):
    """A model file or run folder is missing, foreign or of another version."""


class RunFolderError(CDAEError, ValueError):
    """A run folder already holds results, or lacks what was asked of it."""


class DeviceError(CDAEError, ValueError):
    """The devices asked for are absent, or cannot do the work."""


class MissingDependencyError(CDAEError, ImportError):
    """An optional package is not installed; the message has the command."""


class NonFiniteError(CDAEError, ArithmeticError):
    """Training met NaN or infinity and was stopped."""


class ExportError(CDAEError, ValueError):
    """A model could not be exported, or its export does not agree with it."""
