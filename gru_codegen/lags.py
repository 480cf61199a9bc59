"""Delays: the value of a matrix some steps earlier, kept by states that hold what it was.

    lag(S, 1) of a state S    S_prev
    lag(S, 3)                 S_lag2_prev, by the states S_lag1 = S_prev and S_lag2 = S_lag1_prev
    lag(x, 1) of an input x   x_lag0_prev, by the state x_lag0 = x
    lag(A, 1) of another A    A_prev: A becomes a state

So `S_lag2` at a step is S two steps before it, and what stands before the first step is an initial
state like any other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol

from gru_codegen.equations import Equation, matrix
from gru_codegen.errors import CellError

__all__ = ["MOST_HELD", "MOST_STEPS", "Delayed", "Held", "Lag", "held", "lag", "with_states"]

#: The greatest number of steps of a delay, and the most states that delays of a cell may add.
MOST_STEPS, MOST_HELD = 16, 64


class Lag(MatrixExpr):  # type: ignore[misc]  # SymPy is untyped
    """The value of a symbol so many steps earlier; a `Cell` has states in its place."""

    def __new__(cls, symbol: MatrixSymbol, steps: int) -> Lag:
        """Delay `symbol` by so many steps."""
        delayed: Lag = super().__new__(cls, symbol, sp.Integer(steps))
        return delayed

    @property
    def symbol(self) -> MatrixSymbol:
        """The matrix that is delayed."""
        return self.args[0]

    @property
    def steps(self) -> int:
        """The number of steps."""
        return int(self.args[1])

    @property
    def shape(self) -> Any:
        """The shape of the matrix."""
        return self.args[0].shape


def lag(symbol: MatrixSymbol, steps: int) -> Any:
    """The value of a state, an input or a computed matrix so many `steps` earlier.

    symbol: the state itself, not its previous value. steps: from 1 to 16.

    Raises CellError for anything else.
    """
    if not isinstance(symbol, MatrixSymbol):
        raise CellError(
            f"lag({symbol}, {steps}): it takes a symbol; give {symbol} an equation of its own"
        )
    if type(steps) is not int or not 1 <= steps <= MOST_STEPS:
        raise CellError(
            f"lag({symbol}, {steps}): a delay is a whole number of steps from 1 to {MOST_STEPS}"
        )
    return Lag(symbol, steps)


class Held(NamedTuple):
    """A state that holds what a delayed matrix was: ``state = value``, and its previous value."""

    state: MatrixSymbol
    before: MatrixSymbol
    equation: Equation | None  # None for a matrix that has one: it becomes a state itself


def held(symbol: MatrixSymbol, steps: int, *, given: bool) -> list[Held]:
    """The states for delays of `symbol` up to so many `steps`, the nearest first.

    given: whether the symbol is an input, which no equation computes.
    """
    state: Any = matrix(f"{symbol.name}_lag0", *symbol.shape) if given else symbol
    equation = Equation(state, symbol, f"{symbol.name}, for later steps") if given else None
    found = [Held(state, _before(state), equation)]
    for number in range(1, steps):
        words = f"{symbol.name} {number} step{'' if number == 1 else 's'} earlier"
        state = matrix(f"{symbol.name}_lag{number}", *symbol.shape)
        found.append(Held(state, _before(state), Equation(state, found[-1].before, words)))
    return found


def _before(state: MatrixSymbol) -> Any:
    return matrix(f"{state.name}_prev", *state.shape)


class Delayed(NamedTuple):
    """States, equations and ranges of checks, with those that delays add."""

    states: Mapping[MatrixSymbol, MatrixSymbol]
    equations: tuple[Equation, ...]
    checks: Mapping[MatrixSymbol, Any]


def with_states(where: str, inputs: Sequence[MatrixSymbol], declared: Delayed) -> Delayed:
    """Add a state for each delay; the ranges of delayed matrices are theirs.

    Raises CellError, which begins with `where`, for a delay of what is neither input nor computed.
    """
    delays = set().union(*(equation.expression.atoms(Lag) for equation in declared.equations))
    if not delays:
        return declared
    states, checks = dict(declared.states), dict(declared.checks)
    equations = list(declared.equations)
    known = (*inputs, *(equation.target for equation in equations))
    for symbol in {each.symbol for each in delays}.difference(known):
        raise CellError(
            f"{where}: lag({symbol}, ...) delays what is neither an input nor computed; "
            "a delay is of an input, a state or the target of an equation"
        )
    number, values = len(states), {}
    for symbol in known:  # in the order of the declaration, however its formulas are written
        steps = max((each.steps for each in delays if each.symbol == symbol), default=0)
        given = symbol in inputs
        for count, each in enumerate(held(symbol, steps, given=given)[:steps], start=1):
            before = states.setdefault(each.state, each.before)
            values[Lag(symbol, count)] = before
            equations += [each.equation] if each.equation else []
            if symbol in checks:
                checks[each.state] = checks[symbol]
    if len(states) - number > MOST_HELD:
        raise CellError(f"{where}: its delays take more than {MOST_HELD} states")
    delayed = (replace(e, expression=e.expression.xreplace(values)) for e in equations)
    return Delayed(states, tuple(delayed), checks)
