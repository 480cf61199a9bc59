"""Extents: the axes along which a value of NumPy's has numbers of its own; others are spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from gru_codegen.ir import OPERATIONS, Call, Expr, Ref, shape_of

__all__ = ["FULL", "Extent", "extent"]


class Extent(NamedTuple):
    """Which axes a matrix has in full: a row for each sample, a column for each feature.

    The row ``b`` stands for ``rows(b)``. Of a matrix (B, 1) its one column is all there is.
    """

    rows: bool
    columns: bool


FULL = Extent(rows=True, columns=True)
_NONE = Extent(rows=False, columns=False)


def extent(expression: Expr, of: Callable[[Ref], Extent] = lambda _: FULL) -> Extent:
    """The extent of `expression` as NumPy computes it, where `of` gives that of a reference."""
    if isinstance(expression, Ref) and expression.var.role in ("lengths", "loss weights"):
        return Extent(rows=True, columns=False)
    if isinstance(expression, Ref) and expression.var.shape:
        return of(expression)
    if not isinstance(expression, Call) or shape_of(expression) == ():
        return _NONE
    found = [extent(argument, of) for argument in expression.args]
    match expression.operation:
        case "rows" | "row":
            return Extent(rows=False, columns=True)
        case "row_sum" | "row_max" | "matmul":
            return Extent(found[0].rows, columns=True)
    if not OPERATIONS[expression.operation].elementwise:
        return FULL
    width = shape_of(expression)[-1:]

    def has_all(part: Expr) -> bool:
        return shape_of(part)[-1:] == width

    columns = (each for each, part in zip(found, expression.args, strict=True) if has_all(part))
    return Extent(any(each.rows for each in found), any(each.columns for each in columns))
