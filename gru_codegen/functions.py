"""The elementwise functions that equations may use.

Each is a SymPy ``Function`` that stays opaque (``sigmoid(x)`` is never rewritten as exponentials)
and whose derivative is written in terms of its own value where that determines it, so that the
backward pass reuses what the forward pass has computed: sigmoid' = Z (1 - Z), tanh' = 1 - CA CA.
"""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixExpr

from gru_codegen.errors import CellError

#: The bound variable of every applied function. SymPy's own would be a new ``Dummy`` at each call:
#: sigmoid(A) and sigmoid(A) would differ, and their text from process to process.
_ENTRY = sp.Symbol("a")


class ElementwiseFunction(sp.Function):
    """A scalar function that, called with a matrix expression, applies to every entry."""

    nargs = 1

    @staticmethod
    def from_value(value: Any) -> Any:
        """The derivative in terms of the function's own `value`; None if that does not tell."""
        return None

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative, as SymPy asks for it."""
        return self.from_value(self)

    def __new__(cls, argument: Any, **options: Any) -> Any:
        if isinstance(argument, MatrixExpr):
            if argument.shape == (1, 1):  # SymPy would apply the function to it for ever
                raise CellError(
                    f"{cls.__name__}({argument}): {argument} is (1, 1), a function applies to a "
                    "matrix with one row per sample: lift it with ones(B, 1) * ..."
                )
            return ElementwiseApplyFunction(sp.Lambda(_ENTRY, cls(_ENTRY)), argument)
        return super().__new__(cls, argument, **options)


class sigmoid(ElementwiseFunction):  # named as it is written in equations
    """The logistic function 1 / (1 + exp(-a))."""

    @staticmethod
    def from_value(value: Any) -> Any:
        return value * (1 - value)


class tanh(ElementwiseFunction):  # named as it is written in equations
    """The hyperbolic tangent."""

    @staticmethod
    def from_value(value: Any) -> Any:
        return 1 - value**2


class positive(ElementwiseFunction):
    """1 where a > 0, else 0; its derivative is 0, also at the jump."""

    @classmethod
    def eval(cls, argument: Any) -> Any:
        return cls(argument.args[0]) if isinstance(argument, relu) else None

    def fdiff(self, argindex: int = 1) -> Any:
        return sp.S.Zero


class relu(ElementwiseFunction):
    """max(a, 0). At its kink the derivative is taken as 0, one of the subgradients."""

    # Not positive(self): SymPy 1.14 drops the inner function of a derivative that is one call.
    def fdiff(self, argindex: int = 1) -> Any:
        return positive(self.args[0])

    @staticmethod
    def from_value(value: Any) -> Any:
        return positive(value)


class exp(ElementwiseFunction):
    """The exponential function."""

    @staticmethod
    def from_value(value: Any) -> Any:
        return value


class reciprocal(ElementwiseFunction):
    """1 / a."""

    @staticmethod
    def from_value(value: Any) -> Any:
        return -(value**2)


class log(ElementwiseFunction):
    """The natural logarithm."""

    def fdiff(self, argindex: int = 1) -> Any:
        return reciprocal(self.args[0])


class clip(ElementwiseFunction):
    """a, but at least -1 and at most 1; the derivative at the ends is taken as 0."""

    @staticmethod
    def from_value(value: Any) -> Any:
        return positive(1 - value**2)


class huber(ElementwiseFunction):
    """a^2 / 2 where abs(a) <= 1, else abs(a) - 1/2."""

    def fdiff(self, argindex: int = 1) -> Any:
        return clip(self.args[0])


class softplus(ElementwiseFunction):
    """log(1 + exp(a))."""

    def fdiff(self, argindex: int = 1) -> Any:
        return sigmoid(self.args[0])


#: Every function by name: what a declaration may call.
FUNCTIONS: dict[str, type[ElementwiseFunction]] = {
    f.__name__: f
    for f in (clip, exp, huber, log, positive, reciprocal, relu, sigmoid, softplus, tanh)
}
