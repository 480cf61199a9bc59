"""Functions of whole rows: sums, means, softmax, layer normalisation, as matrix expressions."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.special import ZeroMatrix

from gru_codegen.equations import ones, size
from gru_codegen.forms import added, multiplied, multiplied_elementwise, scaled, widened
from gru_codegen.functions import FUNCTIONS
from gru_codegen.notation import RowFunction, Where

__all__ = [
    "layer_norm",
    "log_softmax",
    "row_max",
    "row_mean",
    "row_sum",
    "share",
    "size_of_share",
    "softmax",
]


def share(number: Any) -> Any:
    """1 / `number`, a size, as a symbol (1, 1): a factor that SymPy keeps as it is."""
    return MatrixSymbol(f"1/{number}", 1, 1)


def size_of_share(symbol: Any) -> Any:
    """The size n of the symbol 1 / n; None for any other symbol."""
    letter = str(symbol.name).removeprefix("1/")
    return size(letter) if letter != symbol.name else None


def row_sum(rows: Any) -> Any:
    """The sum of each row of a matrix, as a column (B, 1)."""
    columns = rows.shape[1]
    return rows if columns == 1 else multiplied(rows, ones(columns, 1))


def row_mean(rows: Any) -> Any:
    """The mean of each row of a matrix, as a column (B, 1)."""
    columns = rows.shape[1]
    return rows if columns == 1 else multiplied(row_sum(rows), share(columns))


def row_max(rows: Any) -> Any:
    """The largest number of each row, as a column (B, 1): the mean of those that are as large.

    So its derivative goes to the largest number, in equal parts where there are several.
    """
    columns = rows.shape[1]
    if columns == 1:
        return rows
    largest = FUNCTIONS["step"](added(rows, scaled(-1, RowFunction("row_max", rows))))
    total = row_sum(Where(largest, rows, ZeroMatrix(*rows.shape)))
    return multiplied_elementwise(total, FUNCTIONS["reciprocal"](row_sum(largest)))


def softmax(rows: Any) -> Any:
    """exp(a) over its sum in each row, with every a reduced by the largest of its row."""
    exponentials = FUNCTIONS["exp"](_below_largest(rows))
    inverse = FUNCTIONS["reciprocal"](row_sum(exponentials))
    return multiplied_elementwise(exponentials, widened(inverse, rows.shape[1]))


def log_softmax(rows: Any) -> Any:
    """The logarithm of `softmax`, which is finite where that itself would be rounded to 0."""
    below = _below_largest(rows)
    logarithm = FUNCTIONS["log"](row_sum(FUNCTIONS["exp"](below)))
    return added(below, scaled(-1, widened(logarithm, rows.shape[1])))


def _below_largest(rows: Any) -> Any:
    """The numbers of each row less the largest of it, so that exponentials stay in range."""
    return added(rows, scaled(-1, RowFunction("row_max", rows)))


#: What layer normalisation adds to the variance of a row, as frameworks do.
EPSILON = sp.Rational(1, 100_000)


def layer_norm(rows: Any, gain: Any, bias: Any) -> Any:
    """gain o (a - mean) / sqrt(variance + 1e-5) + bias, mean and variance of each row.

    gain, bias: matrices of the shape of `rows`, as ``ones(B, 1) * gain`` makes them of vectors.
    """
    columns = rows.shape[1]
    centred = added(rows, scaled(-1, widened(row_mean(rows), columns)))
    variance = row_mean(multiplied_elementwise(centred, centred))
    deviation = FUNCTIONS["sqrt"](added(variance, scaled(EPSILON, ones(*variance.shape))))
    factor = widened(FUNCTIONS["reciprocal"](deviation), columns)
    normal = multiplied_elementwise(centred, factor)
    return added(multiplied_elementwise(gain, normal), bias)
