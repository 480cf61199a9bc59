"""The elementwise functions that equations may use.

Each is a SymPy ``Function`` that stays opaque (``sigmoid(x)`` is never rewritten as exponentials)
and whose derivative is a polynomial in its own value, so that the backward pass reuses what the
forward pass has computed: sigmoid' = Z (1 - Z), tanh' = 1 - CA CA.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixExpr

#: The bound variable of every applied function. SymPy's own would be a new ``Dummy`` at each call:
#: sigmoid(A) and sigmoid(A) would differ, and their text from process to process.
_ENTRY = sp.Symbol("a")


class ElementwiseFunction(sp.Function):
    """A scalar function that, called with a matrix expression, applies to every entry."""

    nargs = 1

    def __new__(cls, argument: Any, **options: Any) -> Any:
        if isinstance(argument, MatrixExpr):
            return ElementwiseApplyFunction(sp.Lambda(_ENTRY, cls(_ENTRY)), argument)
        return super().__new__(cls, argument, **options)


class sigmoid(ElementwiseFunction):  # named as it is written in equations
    """The logistic function 1 / (1 + exp(-a))."""

    def fdiff(self, argindex: int = 1) -> Any:
        return self * (1 - self)


class tanh(ElementwiseFunction):  # named as it is written in equations
    """The hyperbolic tangent."""

    def fdiff(self, argindex: int = 1) -> Any:
        return 1 - self**2


#: Every function by name: what a declaration may call.
FUNCTIONS: dict[str, type[ElementwiseFunction]] = {f.__name__: f for f in (sigmoid, tanh)}
