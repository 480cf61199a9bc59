"""Sizes and number types, as `init_params` and `Workspace` take them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike


def _number_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype, if the equations can be computed in it."""
    found = np.dtype(dtype)
    if found.kind not in "fcO":
        raise TypeError(f"dtype: expected floating, complex or object, got {found}")
    return found


def _check_sizes(**numbers: int) -> None:
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise TypeError(f"{name}: expected a whole number, got {number!r}")
        if number < 0:
            raise ValueError(f"{name}: expected 0 or more, got {number}")


def _check_equal(name: str, number: int, meaning: str, other: int) -> None:
    """Raise an error unless a size is the other one that it has to be by its `meaning`."""
    if number != other:
        raise ValueError(f"{name}: this cell needs {meaning}, {other}, got {number}")
