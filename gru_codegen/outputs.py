"""Roles of a declaration that one matrix has, or several in order: what a step puts out, say."""

from __future__ import annotations

from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.errors import CellError

__all__ = ["as_tuple", "one_or_several"]


def one_or_several(where: str, role: str, given: Any) -> Any:
    """The one matrix symbol that is `given`, or a tuple of several.

    Raises CellError, which begins with `where`, for an empty tuple and for a matrix twice.
    """
    symbols = as_tuple(given)
    if not symbols:
        raise CellError(f"{where}: {role} is empty; it is one matrix, or several in a tuple")
    for number, symbol in enumerate(symbols):
        if isinstance(symbol, MatrixSymbol) and symbol in symbols[:number]:
            raise CellError(f"{where}: {role} has {symbol} twice")
    return symbols if symbols[1:] else symbols[0]


def as_tuple(given: Any) -> tuple[Any, ...]:
    """The tuple of what is one or several."""
    return tuple(given) if isinstance(given, (tuple, list)) else (given,)
