"""Formulas with one thing wrong: a factor left out, a transpose, another symbol or step."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.notation import leaves

__all__ = ["edits", "one_minus", "opposite", "scaled"]


def edits(
    expression: Any, instead: Callable[[MatrixSymbol], Iterator[Any]] = lambda symbol: iter(())
) -> Iterator[Any]:
    """Yield `expression` with one fault: in its form first, then with another symbol for one.

    instead: what may stand for a symbol; it is put wherever the symbol stands.
    """
    yield from _forms(expression)
    for symbol in dict.fromkeys(leaves(expression)):
        for other in instead(symbol):
            if other.shape == symbol.shape and other != symbol:
                yield expression.xreplace({symbol: other})


def scaled(expression: Any, coefficient: Any) -> Any:
    """A multiple of `expression`."""
    return MatMul(sp.sympify(coefficient), expression)


def one_minus(symbol: Any) -> Any:
    """1 - v, entry by entry."""
    return MatAdd(OneMatrix(*symbol.shape), scaled(symbol, -1))


def opposite(expression: Any, symbol: MatrixSymbol) -> Any:
    """`expression` with 1 - v for v, and v for 1 - v."""
    if expression == symbol:
        return one_minus(symbol)
    if isinstance(expression, MatAdd) and set(expression.args) == set(one_minus(symbol).args):
        return symbol
    if not any(isinstance(part, MatrixExpr) for part in expression.args):
        return expression
    return expression.func(*(opposite(part, symbol) for part in expression.args))


def _forms(expression: Any) -> Iterator[Any]:
    yield from _here(expression)
    for place, part in enumerate(expression.args):
        if isinstance(part, MatrixExpr):
            for changed in _forms(part):
                arguments = list(expression.args)
                arguments[place] = changed
                yield expression.func(*arguments)


def _here(expression: Any) -> Iterator[Any]:
    """The faults of the outermost operation of an expression."""
    if isinstance(expression, Transpose) and expression.arg.shape == expression.shape:
        yield expression.arg
    if isinstance(expression, HadamardProduct):
        yield from (_without(expression, k) for k in range(len(expression.args)))
    if isinstance(expression, MatAdd):
        for k, term in enumerate(expression.args):
            yield _without(expression, k)
            rest = expression.args[:k] + expression.args[k + 1 :]
            yield MatAdd(*rest, scaled(term, -1))
    if isinstance(expression, MatMul):
        for k, factor in enumerate(expression.args):
            if _is_square(factor):
                factors = list(expression.args)
                factors[k] = Transpose(factor)
                yield MatMul(*factors)
    if isinstance(expression, ElementwiseApplyFunction):
        yield expression.expr


def _is_square(factor: Any) -> bool:
    return isinstance(factor, MatrixSymbol) and factor.shape[0] == factor.shape[1]


def _without(expression: Any, k: int) -> Any:
    rest = expression.args[:k] + expression.args[k + 1 :]
    return expression.func(*rest) if len(rest) > 1 else rest[0]
