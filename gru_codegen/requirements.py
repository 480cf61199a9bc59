"""Requirements of a kernel on its cell, beyond those on every declaration.

Formulas can be derived for any sizes; a kernel has to find them in the arrays that it is given.
"""

from __future__ import annotations

from collections.abc import Iterable

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.cell import Cell, D, H
from gru_codegen.emit import parameter
from gru_codegen.errors import CellError

__all__ = ["require_generable"]


def require_generable(cell: Cell) -> None:
    """Raise CellError, naming the symbol at fault, if no kernel can be made of `cell`.

    Its functions have a parameter for each of the cell's sizes, and find the number in an array.
    """
    where = f"cell {cell.name!r}"
    if not cell.inputs:
        raise CellError(f"{where}: it has no input, so no call could tell the number of time steps")
    computed = [equation.target for equation in cell.equations]
    symbols = (*cell.inputs, *cell.fixed, *cell.states.values(), *computed)
    sizes = list(dict.fromkeys(str(n) for symbol in symbols for n in symbol.shape if n != 1))
    if "T" in sizes:
        raise CellError(f"{where}: T is the number of time steps; call the size something else")
    x = next((each for each in cell.inputs if each.shape[1] in (D, H)), _widest(cell.inputs))
    for symbol, letter, meaning in ((x, "D", "input"), (_widest(cell.states), "H", "hidden")):
        columns = str(symbol.shape[1])
        if letter not in sizes and columns not in ("D", "H", "1"):
            raise CellError(
                f"{where}: {symbol} is (B, {columns}), and no size is called {letter}; "
                f"call {columns} that, the {meaning} size"
            )
    known = {str(n) for symbol in (*cell.inputs, *cell.arguments) for n in symbol.shape}
    owners = {symbol.name: f"the matrix {symbol}" for symbol in symbols}
    owners |= {f"d{symbol}": f"the adjoint of {symbol}" for symbol in symbols}
    for name in sizes:
        if name not in known:
            raise CellError(
                f"{where}: no input and no weight has the size {name}, so no call could tell it"
            )
        if not (name.isascii() and name.isidentifier()):
            raise CellError(f"{where}: the size {name!r} must be named as Python names things")
        owner = owners.setdefault(parameter(name), f"the size {name}")
        if owner != f"the size {name}":
            raise CellError(
                f"{where}: the size {name} and {owner} would both be called {parameter(name)}; "
                "rename one"
            )


def _widest(symbols: Iterable[MatrixSymbol]) -> MatrixSymbol:
    """The first of `symbols` with more than one column, or the first of all."""
    symbols = list(symbols)
    return next((each for each in symbols if each.shape[1] != 1), symbols[0])
