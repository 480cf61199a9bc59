"""Choices between two matrices: what is not chosen reaches no value and no gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

from gru_codegen.forms import scaled, widened
from gru_codegen.functions import FUNCTIONS, is_comparison
from gru_codegen.notation import RowFunction, Where, signed

__all__ = ["where"]


def where(condition: Any, chosen: Any, other: Any) -> Any:
    """The entries of `chosen` where those of `condition` are greater than 0, else of `other`.

    Three matrices of one shape. A comparison is ``positive(A - B)``, A > B, or ``step(A - B)``,
    A >= B. Its derivative is 0. What is not chosen is not read, and a function with a pole, or one
    that overflows, gets an argument there at which it is finite: gradients are finite too.
    """
    comparison = condition if is_comparison(condition) else FUNCTIONS["positive"](condition)

    def in_chosen(argument: Any, safe: Any) -> Any:
        return _either(comparison, argument, safe)

    def in_other(argument: Any, safe: Any) -> Any:
        return _either(comparison, safe, argument)

    return _either(comparison, _finite(chosen, in_chosen), _finite(other, in_other))


def _either(comparison: Any, chosen: Any, other: Any) -> Any:
    """One of two matrices; of choices by the same comparison only what can be chosen."""
    if isinstance(chosen, Where) and chosen.args[0] == comparison:
        chosen = chosen.args[1]
    if isinstance(other, Where) and other.args[0] == comparison:
        other = other.args[2]
    return Where(comparison, chosen, other)


def _finite(expression: Any, where_chosen: Callable[[Any, Any], Any]) -> Any:
    """`expression`, its functions finite where it is not chosen, whatever their arguments are."""
    if isinstance(expression, ElementwiseApplyFunction):
        function, argument = expression.function.expr.func, expression.expr
        if _is_in_range(argument):
            return expression
        argument = _finite(argument, where_chosen)
        if not function.record.is_total:
            safe = function.record.safe
            number = sp.Rational(safe.numerator, safe.denominator)
            argument = where_chosen(argument, scaled(number, OneMatrix(*argument.shape)))
        return function(argument)
    if isinstance(expression, Where):
        condition, *values = expression.args
        return Where(condition, *(_finite(value, where_chosen) for value in values))
    if isinstance(expression, (MatAdd, HadamardProduct)):
        return expression.func(*(_finite(part, where_chosen) for part in expression.args))
    if isinstance(expression, MatMul):
        coefficient, factors = expression.as_coeff_matrices()
        inner = factors[0] if len(factors) == 1 else _spread(*factors)
        if inner is not None:
            finite = _finite(inner, where_chosen)
            if finite == inner:
                return expression
            return finite if coefficient == 1 else MatMul(coefficient, finite)
    return expression


def _is_in_range(argument: Any) -> bool:
    """True for what softmax takes functions of: rows less their largest number, and row sums.

    Its exponentials neither overflow nor are all 0. That nothing depends on the largest number is
    proved of a row as a whole.
    """
    if isinstance(argument, MatAdd):
        return any(isinstance(signed(term)[1], RowFunction) for term in argument.args)
    summed = argument.args[0] if isinstance(argument, MatMul) else None
    return isinstance(summed, ElementwiseApplyFunction) and _is_in_range(summed.expr)


def _spread(column: Any, *others: Any) -> Any:
    """The function of a column that ones spread, or the product, of its parts in every column.

    Then these are chosen entry by entry. None for any other product of matrices.
    """
    if column.shape[1] != 1 or len(others) > 1 or not isinstance(others[0], OneMatrix):
        return None
    columns = others[0].shape[1]
    if isinstance(column, ElementwiseApplyFunction):
        return column.function.expr.func(widened(column.expr, columns))
    if isinstance(column, (MatAdd, HadamardProduct)):
        return column.func(*(widened(part, columns) for part in column.args))
    return None
