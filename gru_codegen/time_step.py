"""The number of the time step, `t` in equations: a state that counts.

    time = time_prev + 1

It is 1 at the first step, as in the equations that are printed, unless an initial state says
otherwise. A step that lengths or a mask leave out is none: each sample counts its own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sympy.matrices.expressions.matexpr import MatrixSymbol

from gru_codegen.equations import B, Equation, matrix, ones
from gru_codegen.errors import CellError

__all__ = ["t", "with_time"]

#: The number of the time step, (B, 1).
t: Any = matrix("time", B, 1)
_BEFORE: Any = matrix("time_prev", B, 1)
#: What checks draw for the steps that there have been.
_DRAWN = (0, 9)


def with_time(
    where: str,
    known: Iterable[MatrixSymbol],
    states: Mapping[MatrixSymbol, MatrixSymbol],
    equations: tuple[Equation, ...],
    checks: Mapping[MatrixSymbol, Any],
) -> tuple[Mapping[MatrixSymbol, MatrixSymbol], tuple[Equation, ...], Mapping[MatrixSymbol, Any]]:
    """Add the state that counts, its equation and what checks draw of it, if `t` is read.

    Raises CellError, which begins with `where`, if a symbol that is `known` has its name.
    """
    targets = [equation.target for equation in equations]
    read = any(t in equation.expression.atoms(MatrixSymbol) for equation in equations)
    if not read or t in targets:
        return states, equations, checks
    for symbol in (*known, *states, *targets):
        if symbol.name in (t.name, _BEFORE.name):
            raise CellError(
                f"{where}: t, the number of the time step, needs the name {symbol.name}, which is "
                "another matrix"
            )
    counting = Equation(t, _BEFORE + ones(B, 1), "number of the time step")
    return {**states, t: _BEFORE}, (counting, *equations), {t: _DRAWN, **checks}
