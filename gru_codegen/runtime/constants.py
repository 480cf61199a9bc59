"""Constants: those that a call is given, and those that a Workspace makes from sizes alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from gru_codegen.runtime.arrays import _cast, _check_shape
from gru_codegen.runtime.kernel import SHAPES, Array, Constants


def _cast_constants(constants: Any, dtype: np.dtype[Any]) -> Constants:
    """The constants by their names, in the dtype of the weights."""
    if set(getattr(constants, "_fields", ())) != set(Constants._fields):
        raise TypeError(
            f"constants: expected Constants with the fields {', '.join(Constants._fields)}; "
            f"got {', '.join(getattr(constants, '_fields', ())) or type(constants).__name__}"
        )
    fields = Constants._fields
    return Constants(*[_cast(f"constants.{n}", getattr(constants, n), dtype) for n in fields])


def _check_constants(constants: Constants, numbers: Mapping[str, int]) -> None:
    """Raise an error about the first whose shape is not that of the sizes, `numbers` by letter."""
    for name, constant in constants._asdict().items():
        letters = SHAPES[f"constants.{name}"]
        if constant.ndim != len(letters):
            written = f"({', '.join(letters)}{',' * (len(letters) == 1)})"
            raise ValueError(f"constants.{name}: expected shape {written}, got {constant.shape}")
        expected = tuple(numbers.get(letter, 1) for letter in letters)
        _check_shape(f"constants.{name}", constant, letters, expected)


def _made(array: Array, dtype: np.dtype[Any]) -> Array:
    """An array of a Workspace that no call changes."""
    made = array.astype(dtype)
    made.setflags(write=False)
    return made


def _identity(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return _made(np.eye(shape[0], dtype=int), dtype)


def _ones(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return _made(np.ones(shape, int), dtype)


def _zeros(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return _made(np.zeros(shape, int), dtype)


def _lower_triangle(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return _made(np.tri(shape[0], dtype=int), dtype)


def _upper_triangle(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    return _made(np.tri(shape[0], dtype=int).T, dtype)


def _band(shape: tuple[int, ...], dtype: np.dtype[Any], number: int) -> Array:
    """Ones on the diagonal and on so many diagonals on either side."""
    i, j = np.ogrid[: shape[0], : shape[0]]
    return _made(1 * (abs(i - j) <= number), dtype)


def _hippo_legs(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The matrix A of HiPPO-LegS."""
    roots = _odd_roots(shape[0], dtype)
    below = np.tri(shape[0], k=-1, dtype=int)
    return _made(-below * np.outer(roots, roots) - np.diag(np.arange(1, shape[0] + 1)), dtype)


def _hippo_legs_input(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The vector B of HiPPO-LegS."""
    return _made(_odd_roots(shape[0], dtype), dtype)


def _odd_roots(number: int, dtype: np.dtype[Any]) -> Array:
    """The square roots of 1, 3, 5 and so on, in float64 for arrays of objects."""
    roots: Array = np.sqrt((2 * np.arange(number) + 1).astype("d" if dtype.kind == "O" else dtype))
    return roots


def _legendre_delay(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The matrix A of a Legendre memory unit, for a window of length 1."""
    i, j = np.ogrid[: shape[0], : shape[0]]
    signs = np.where(i < j, -1, 1 - 2 * ((i - j + 1) % 2))
    return _made((2 * i + 1) * signs, dtype)


def _legendre_delay_input(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Array:
    """The vector B of a Legendre memory unit, for a window of length 1."""
    i = np.arange(shape[0])
    return _made((2 * i + 1) * (1 - 2 * (i % 2)), dtype)
