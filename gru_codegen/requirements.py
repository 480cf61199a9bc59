"""What a kernel asks of a cell, beyond what every declaration has to be.

Formulas can be derived for any sizes; a kernel has to find them in the arrays that it is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.cell import B, Cell, D, H
from gru_codegen.equations import letters
from gru_codegen.errors import CellError

__all__ = ["require_generable"]


def require_generable(cell: Cell) -> None:
    """Raise CellError, naming the symbol at fault, if no kernel can be made of `cell`."""
    where = f"cell {cell.name!r}"
    if len(cell.inputs) != 1:
        raise CellError(f"{where}: a kernel takes one input x, not {len(cell.inputs)}")
    if not any(weight.shape[1] == H for weight in cell.weights):
        raise CellError(f"{where}: no weight is (..., H), and a kernel takes the size H from one")
    for role, symbol in _symbols(cell):
        rows: tuple[Any, ...] = (1, D, H) if role == "weight" else (B,)
        if symbol.shape[0] not in rows or symbol.shape[1] not in (D, H):
            raise CellError(
                f"{where}: {role} {symbol} is {letters(symbol)}; a kernel knows the sizes B, D and "
                "H alone, and 1 as the rows of a vector"
            )
    for state in cell.states:
        if state.shape[1] != H:
            raise CellError(f"{where}: state {state} is {letters(state)}; a kernel's is (B, H)")
    (given,) = cell.inputs
    for role, symbol in _symbols(cell):
        if given.shape[1] == H and D in symbol.shape:
            raise CellError(
                f"{where}: {role} {symbol} is {letters(symbol)}, but input {given} is (B, H); "
                "a kernel takes the size D from its input"
            )


def _symbols(cell: Cell) -> Iterator[tuple[str, MatrixSymbol]]:
    yield from (("input", symbol) for symbol in cell.inputs)
    yield from (("weight", symbol) for symbol in cell.weights)
    yield from (("computed matrix", equation.target) for equation in cell.equations)
