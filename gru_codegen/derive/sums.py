"""Sums of matrix expressions: added up, and with the adjoints that terms share taken out."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix

from gru_codegen.notation import Notation, signed

__all__ = ["factored", "total"]


def total(parts: Iterable[Any], shape: tuple[Any, Any]) -> Any:
    """The sum of `parts`, but for those that are nothing, as the derivative of a step is."""
    flat = [term for part in parts for term in (part.args if isinstance(part, MatAdd) else (part,))]
    outside = []
    for term in flat:  # SymPy leaves the sign inside a product: (-S) o dZ
        coefficient, rest = signed(term)
        if coefficient and not isinstance(rest, ZeroMatrix):
            outside.append(_times(coefficient, rest))
    return _added(outside, shape)


def factored(expression: Any, adjoints: Collection[MatrixSymbol], notation: Notation) -> Any:
    """`expression`, in which an adjoint that several of its terms multiply stands once.

    ``dS o CA - dS o S_prev`` is ``dS o (CA - S_prev)``, and ``dS - dS o Z`` is ``dS o (1 - Z)``.
    """
    if not isinstance(expression, MatAdd):
        return expression
    groups: dict[Any, list[tuple[Any, Any]]] = {}
    for term in expression.args:
        coefficient, rest = signed(term)
        factors = list(rest.args if isinstance(rest, HadamardProduct) else (rest,))
        common = next((factor for factor in factors if factor in adjoints), None)
        if common is None:
            groups[term] = []
        else:
            factors.remove(common)
            others = _multiplied(factors, term.shape)
            groups.setdefault(common, []).append((coefficient, others))
    terms = [_gathered(common, group, notation) for common, group in groups.items()]
    return _added(terms, expression.shape)


def _gathered(common: Any, group: list[tuple[Any, Any]], notation: Notation) -> Any:
    """`common`, times the sum of `group`: terms, each with its coefficient."""
    if not group:
        return common
    if len(group) == 1:
        ((coefficient, rest),) = group
        return _times(coefficient, _multiplied([common, rest], common.shape))
    inner = _added([_times(*pair) for pair in group], common.shape)
    return HadamardProduct(common, notation.arrange(inner))


def _multiplied(factors: list[Any], shape: tuple[Any, Any]) -> Any:
    """The elementwise product of `factors`, without ones; of none, ones."""
    others = [factor for factor in factors if not isinstance(factor, OneMatrix)]
    return HadamardProduct(*others) if len(others) > 1 else (*others, OneMatrix(*shape))[0]


def _times(coefficient: Any, rest: Any) -> Any:
    return rest if coefficient == 1 else MatMul(coefficient, rest)


def _added(terms: list[Any], shape: tuple[Any, Any]) -> Any:
    return MatAdd(*terms) if len(terms) > 1 else (*terms, ZeroMatrix(*shape))[0]
