"""The command `keras-cdae`: parse, one call into the library, print.

Nothing heavy is imported before a command runs: help and usage errors answer
at once, and `--backend` takes effect because keras is imported after it.
"""
