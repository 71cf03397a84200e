"""The version of the package, importable without Keras."""

__version__ = "0.1.0"
