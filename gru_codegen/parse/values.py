"""The values of parts of an equation, with their shapes as in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gru_codegen.cell import B, ones
from gru_codegen.forms import scaled

__all__ = ["Shape", "Value", "filled", "letters", "times"]

#: () is a number, (n,) a vector, (m, n) a matrix, as in NumPy; the sizes are SymPy's.
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
    if not shape:
        return "a number"
    return f"({shape[0]},)" if len(shape) == 1 else f"({', '.join(map(str, shape))})"


def times(number: Any, value: Value) -> Value:
    """`number` times `value`."""
    if not value.shape:
        return Value(number * value.expression, ())
    return Value(scaled(number, value.expression), value.shape)


def filled(value: Value, shape: Shape) -> Any:
    """The matrix of `value`; of a number, its matrix among values of this shape."""
    if value.shape:
        return value.expression
    rows, columns = (B, *shape)[-2:]
    return scaled(value.expression, ones(rows, columns))
