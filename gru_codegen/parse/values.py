"""The values of parts of an equation, with their shapes as in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import sympy as sp

from gru_codegen.cell import B, ones
from gru_codegen.forms import scaled, widened

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
        every row it is, as broadcasting would make it.
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
    def has_rows(self) -> bool:
        """Return whether it has one row per sample, or is a vector, which becomes every row."""
        return len(self.shape) == 1 or self.shape[:1] == (B,)


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
    """The matrix of `value` among values of this shape: a number or a column is spread over it."""
    rows, columns = (B, *shape)[-2:]
    if not value.shape:
        return scaled(value.expression, ones(rows, columns))
    if value.shape[-1] == 1 and columns != 1:
        return widened(value.expression, columns)
    return value.expression


def spread(first: Shape, last: Shape) -> Shape | None:
    """The shape that two are spread over as in NumPy; None if they do not fit.

    A number fits any, a vector every row of a sample, a column of samples every column.
    """
    few, many = sorted((first, last), key=len)
    if not few:
        return many
    if len(few) < len(many) and many[0] != B:
        return None
    widths = {few[-1], many[-1]} - {sp.S.One}
    if few[:-1] not in ((), many[:-1]) or len(widths) > 1:
        return None
    return (*many[:-1], *(widths or {sp.S.One}))
