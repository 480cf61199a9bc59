"""The forms that are written: SymPy's matrix expressions, and what SymPy lacks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import ZeroMatrix
from sympy.matrices.expressions.trace import Trace

__all__ = [
    "Common",
    "Local",
    "OverTime",
    "RowFunction",
    "Schema",
    "Verbatim",
    "Where",
    "absolute",
    "leaves",
    "over_time",
    "signed",
]


def leaves(expression: Any) -> Iterator[MatrixSymbol]:
    """The matrix symbols of `expression`, left to right, repeated as they stand."""
    if isinstance(expression, MatrixSymbol):
        yield expression
    else:
        for argument in expression.args:
            if isinstance(argument, (MatrixExpr, Trace)):
                yield from leaves(argument)


def signed(expression: Any) -> tuple[Any, Any]:
    """`expression` as (rational coefficient, the rest); also ``(-S) o dZ`` is (-1, S o dZ)."""
    if isinstance(expression, HadamardProduct):
        pairs = [signed(factor) for factor in expression.args]
        coefficient = sp.Mul(*(c for c, _ in pairs))
        return coefficient, HadamardProduct(*(rest for _, rest in pairs))
    if isinstance(expression, MatMul):
        coefficient, factors = expression.as_coeff_matrices()
        return coefficient, factors[0] if len(factors) == 1 else MatMul(*factors)
    if isinstance(expression, sp.Mul):
        return expression.as_coeff_Mul()  # type: ignore[no-any-return]  # SymPy is untyped
    return sp.S.One, expression


def absolute(term: Any) -> Any:
    """`term` without its minus sign."""
    coefficient, rest = signed(term)
    if abs(coefficient) == 1:
        return rest
    if isinstance(rest, MatrixExpr):  # the operator * would sort factors and gather powers
        return MatMul(abs(coefficient), rest)
    return abs(coefficient) * rest


@dataclass(frozen=True)
class OverTime:
    """The sum of `summand`, a matrix or the cost of a step, over all time steps, plus `once`.

    once: what is no part of any step; None if there is nothing.
    """

    summand: Any
    once: Any = None


def over_time(summand: Any, once: Any) -> Any:
    """The sum over all time steps, plus `once`, without a part that is nothing."""
    if isinstance(summand, ZeroMatrix) and not isinstance(once, ZeroMatrix):
        return once
    return OverTime(summand, None if isinstance(once, ZeroMatrix) else once)


@dataclass(frozen=True)
class Local:
    """A derivative as it was put to SymPy: of < adjoint, value >, with respect to `argument`.

    Without an adjoint `value` is a scalar, the cost of a step, and stands alone.
    """

    adjoint: MatrixSymbol | None
    value: Any
    argument: MatrixSymbol


@dataclass(frozen=True)
class Schema:
    """A formula about formulas, such as t = 1 .. T, in both spellings."""

    text: str
    latex: str


@dataclass(frozen=True)
class Verbatim:
    """Code, letter by letter."""

    code: str


class Common(MatrixExpr):  # type: ignore[misc]  # SymPy is untyped
    """An expression that several formulas have in common: it is written with a mark.

    number: counts the expressions of a display, from 0, and decides the mark.
    """

    def __new__(cls, expression: Any, number: int) -> Common:
        """Mark `expression`."""
        common: Common = super().__new__(cls, expression, sp.Integer(number))
        return common

    @property
    def expression(self) -> Any:
        """The expression under the mark."""
        return self.args[0]

    @property
    def number(self) -> int:
        """The number of the mark."""
        return int(self.args[1])

    @property
    def shape(self) -> Any:
        """The shape of the expression."""
        return self.args[0].shape


class Where(MatrixExpr):  # type: ignore[misc]  # SymPy is untyped
    """The entries of one matrix where another one is greater than 0, and of a third elsewhere."""

    def __new__(cls, condition: Any, chosen: Any, other: Any) -> Where:
        """Choose between two matrices; `condition` is a comparison, whose entries are 1 and 0."""
        choice: Where = super().__new__(cls, condition, chosen, other)
        return choice

    @property
    def shape(self) -> Any:
        """The shape of the matrices."""
        return self.args[0].shape


class RowFunction(MatrixExpr):  # type: ignore[misc]  # SymPy is untyped
    """A function of whole rows, such as softmax: `name` applied to `argument`, of its shape."""

    def __new__(cls, name: Any, argument: Any) -> RowFunction:
        """Apply the function of this name."""
        applied: RowFunction = super().__new__(cls, sp.Symbol(str(name)), argument)
        return applied

    @property
    def name(self) -> str:
        """The name of the function."""
        return str(self.args[0])

    @property
    def argument(self) -> Any:
        """The rows, as an expression."""
        return self.args[1]

    @property
    def shape(self) -> Any:
        """The shape of the argument."""
        return self.args[1].shape
