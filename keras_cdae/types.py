"""Type aliases shared by the package."""

from typing import Any, TypeAlias

import numpy.typing as npt

Tensor: TypeAlias = Any
"""A tensor of the active Keras backend, or anything convertible to one."""

Array: TypeAlias = npt.NDArray[Any]
"""A NumPy array."""

Shape: TypeAlias = tuple[int | None, ...]
"""A static shape; None where a dimension is free."""

Mixin: Any = object
"""Base of a mixin whose attributes come from the class it is mixed into."""
