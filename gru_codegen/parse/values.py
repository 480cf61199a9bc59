"""The values of parts of an equation, with their shapes as in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from gru_codegen.cell import B, ones
from gru_codegen.forms import multiplied, scaled, widened, with_rows

__all__ = ["Shape", "Value", "filled", "letters", "parts_of", "spread", "times"]

#: () is a number that is known, (1,) a learned one, (n,) a vector, (m, n) a matrix, as in NumPy;
#: the sizes are SymPy's.
Shape = tuple[Any, ...]


@dataclass(frozen=True)
class Value:
    """The value of a part of an equation.

    Attributes
    ----------
    expression: a rational number, or a matrix expression; a vector (n,) is the matrix (B, n) whose
        every row it is, as broadcasting over samples would make it.
    shape: as in NumPy.
    """

    expression: Any
    shape: Shape

    @classmethod
    def of(cls, symbol: Any) -> Value:
        """A declared symbol; a row (1, n) is a vector."""
        rows, columns = symbol.shape
        return cls(ones(B, 1) * symbol, (columns,)) if rows == 1 else cls(symbol, (rows, columns))

    @property
    def is_timed(self) -> bool:
        """Return whether it has one row per sample; else it is of weights, or a number."""
        return self.shape[:1] == (B,)


def letters(shape: Shape) -> str:
    """A shape as messages write it, with letters: (B, H), (H,), a number."""
    if shape in ((), (1,)):
        return "a number"
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


@lru_cache(maxsize=10_000)
def parts_of(expression: Any) -> int:
    """The number of parts of an expression, each counted as often as it is written."""
    return 1 + sum(map(parts_of, expression.args))


def times(number: Any, value: Value) -> Value:
    """`number` times `value`."""
    if not value.shape:
        return Value(number * value.expression, ())
    return Value(scaled(number, value.expression), value.shape)


def filled(value: Value, shape: Shape) -> Any:
    """The matrix of `value` among values of this shape, over which it is spread as in NumPy."""
    rows, columns = (B, *shape)[-2:]
    expression = value.expression
    if not value.shape:
        return scaled(expression, ones(rows, columns))
    if len(value.shape) == 1 and rows != B:
        expression = with_rows(expression, rows)
    if value.shape[0] != rows and len(value.shape) == 2:
        expression = multiplied(ones(rows, 1), expression)
    return widened(expression, columns) if value.shape[-1] == 1 and columns != 1 else expression


def spread(first: Shape, last: Shape) -> Shape | None:
    """The shape that two are spread over as in NumPy; None if they do not fit.

    A number fits any, a vector every row, a column every column.
    """
    few, many = sorted((first, last), key=len)
    if not few:
        return many
    sizes = zip((sp.S.One,) * (len(many) - len(few)) + few, many, strict=True)
    own = [{*pair} - {sp.S.One} or {sp.S.One} for pair in sizes]
    return None if any(len(each) > 1 for each in own) else tuple(each.pop() for each in own)
