"""Sums and products of matrix expressions, made term by term.

SymPy's own + and * simplify their operands all the way down, again at each operator. That takes
exponential time for nested brackets, and it joins f(g(A)) into one function of A, which is none of
those that a declaration knows. Here only the operands' coefficients and terms are looked at.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix

from gru_codegen.notation import signed

__all__ = [
    "added",
    "multiplied",
    "multiplied_elementwise",
    "scaled",
    "widened",
    "with_rows",
    "without_single_ones",
]


def scaled(number: Any, expression: Any) -> Any:
    """`number` times `expression`, term by term."""
    if isinstance(expression, ZeroMatrix):
        return expression
    return _sum([(number * c, rest) for c, rest in _terms(expression)], expression.shape)


def added(left: Any, right: Any) -> Any:
    """The sum of two matrices of one shape, with like terms together."""
    terms = (each for each in (left, right) if not isinstance(each, ZeroMatrix))
    return _sum([part for each in terms for part in _terms(each)], left.shape)


def multiplied(left: Any, right: Any) -> Any:
    """The matrix product."""
    (a, first), (b, last) = signed(left), signed(right)
    return _times(a * b, MatMul(*_factors(first), *_factors(last)))


def multiplied_elementwise(left: Any, right: Any) -> Any:
    """The elementwise product of two matrices of one shape."""
    coefficient, product = signed(HadamardProduct(left, right))
    return _times(coefficient, product)


def widened(expression: Any, columns: Any) -> Any:
    """A column (B, 1) as each of so many `columns`, term by term."""
    terms = [(c, _wide(rest, columns)) for c, rest in _terms(expression)]
    return _sum(terms, (expression.shape[0], columns))


def with_rows(expression: Any, rows: Any) -> Any:
    """An expression that is the same in every row, as ``ones(B, 1) * a``, with so many rows."""
    if isinstance(expression, OneMatrix):
        return OneMatrix(rows, expression.shape[1])
    parts = list(expression.args)
    matrices = [place for place, part in enumerate(parts) if part.is_Matrix]
    for place in matrices[:1] if isinstance(expression, MatMul) else matrices:
        parts[place] = with_rows(parts[place], rows)
    if isinstance(expression, MatMul):
        parts = [each for each in parts if each != OneMatrix(1, 1)]
        return parts[0] if len(parts) == 1 else MatMul(*parts)
    return expression.func(*parts)


def without_single_ones(expression: Any) -> Any:
    """An expression without factors that are the one number 1: a sum over one column is none."""

    def others(product: Any) -> list[Any]:
        _, factors = product.as_coeff_matrices()
        return [each for each in factors if each != OneMatrix(1, 1)]

    def is_longer(part: Any) -> bool:
        return isinstance(part, MatMul) and OneMatrix(1, 1) in part.args and bool(others(part))

    def shortened(product: Any) -> Any:
        return MatMul(product.as_coeff_matrices()[0], *others(product)).doit(deep=False)

    return expression.replace(is_longer, shortened)


def _wide(rest: Any, columns: Any) -> Any:
    if isinstance(rest, OneMatrix):
        return OneMatrix(rest.shape[0], columns)
    return MatMul(*_factors(rest), OneMatrix(1, columns))


def _terms(expression: Any) -> list[tuple[Any, Any]]:
    terms = expression.args if isinstance(expression, MatAdd) else (expression,)
    return [signed(term) for term in terms]


def _factors(expression: Any) -> tuple[Any, ...]:
    return tuple(expression.args) if isinstance(expression, MatMul) else (expression,)


def _sum(terms: list[tuple[Any, Any]], shape: tuple[Any, Any]) -> Any:
    coefficients: dict[Any, Any] = {}
    for coefficient, rest in terms:
        coefficients[rest] = coefficients.get(rest, sp.S.Zero) + coefficient
    summands = [_times(c, rest) for rest, c in coefficients.items() if c != 0]
    if not summands:
        return ZeroMatrix(*shape)
    return MatAdd(*summands) if len(summands) > 1 else summands[0]


def _times(coefficient: Any, rest: Any) -> Any:
    return rest if coefficient == 1 else MatMul(coefficient, *_factors(rest))
