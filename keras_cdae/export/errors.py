"""The error of an export that must not be used."""

from keras_cdae.errors import CDAEError


class ExportError(CDAEError, ValueError):
    """An export failed, or disagrees with the model it was made from."""
