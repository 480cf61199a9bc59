"""Views of the arrays of all time steps, and sums over them, for the lines that compute."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_codegen.runtime.kernel import Array


def _rows(a: Array) -> Array:
    """The rows of all time steps, one below the other."""
    steps, rows, columns = a.shape
    return a.reshape(steps * rows, columns)  # -1 is no number of rows where there are no columns


def _blocks(a: Array, entries: int) -> list[Array]:
    """The rows of a, so many at a time that a product by weights of so many entries is small.

    Up to 100^3 multiplications OpenBLAS, where it has kernels for that, takes the operands where
    they lie instead of copying them first. The kernels work on four rows at once.
    """
    rows = 100**3 // max(entries, 1) // 4 * 4
    return [a[i : i + rows] for i in range(0, len(a), rows)] if rows >= 8 else [a]


def _turned(a: Array) -> Array:
    """(T, B, n), a sample per row, for (T, n, B), a sample per column, and the other way round."""
    turned: Array = a.transpose(0, 2, 1)
    return turned


def _inner(a: Array, b: Array) -> Any:
    """The sum of a o b, if it is long a piece at a time: one long sum in float32 loses digits."""
    a, b, piece = a.ravel(), b.ravel(), 2**12
    if a.size <= 2 * piece:
        return a.dot(b)
    whole = a.size // piece * piece
    pieces = np.matmul(a[:whole].reshape(-1, 1, piece), b[:whole].reshape(-1, piece, 1))
    return pieces.sum() + a[whole:].dot(b[whole:])
