"""The elementwise functions that equations may use, as SymPy has them.

Each is a SymPy ``Function`` made of its record in `gru_codegen.ir`. It stays opaque (``sigmoid(x)``
is never rewritten as exponentials) and its derivative is written in terms of its own value where
that determines it, so that the backward pass reuses what the forward pass has computed: sigmoid' =
Z (1 - Z), tanh' = 1 - CA CA.
"""

from __future__ import annotations

from operator import add, mul, neg, sub
from typing import Any, ClassVar

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.matexpr import MatrixExpr

from gru_codegen.errors import CellError
from gru_codegen.ir import ELEMENTWISE, Const, Elementwise, Expr, Ref

#: The bound variable of every applied function. SymPy's own would be a new ``Dummy`` at each call:
#: sigmoid(A) and sigmoid(A) would differ, and their text from process to process.
_ENTRY = sp.Symbol("a")


class ElementwiseFunction(sp.Function):
    """A scalar function that, called with a matrix expression, applies to every entry."""

    nargs = 1
    record: ClassVar[Elementwise]

    @classmethod
    def derivative(cls, argument: Any, value: Any) -> Any:
        """The derivative at `argument`, where the function itself is `value`."""
        return _scalar(cls.record.derivative, {"a": argument, "value": value})

    def fdiff(self, argindex: int = 1) -> Any:
        """The derivative, as SymPy asks for it."""
        return self.derivative(self.args[0], self)

    @classmethod
    def eval(cls, argument: Any) -> Any:
        """The expression that SymPy takes for this function of `argument`; None for itself."""
        inner = getattr(argument, "record", None)
        seen_through = inner is not None and inner.name in cls.record.sees_through
        return cls(argument.args[0]) if seen_through else None

    def __new__(cls, argument: Any, **options: Any) -> Any:
        if isinstance(argument, MatrixExpr):
            if argument.shape == (1, 1):  # SymPy would apply the function to it for ever
                raise CellError(
                    f"{cls.__name__}({argument}): {argument} is (1, 1), a function applies to a "
                    "matrix with one row per sample: lift it with ones(B, 1) * ..."
                )
            return ElementwiseApplyFunction(sp.Lambda(_ENTRY, cls(_ENTRY)), argument)
        return super().__new__(cls, argument, **options)


_ARITHMETIC: dict[str, Any] = {"add": add, "subtract": sub, "multiply": mul, "negate": neg}


def _scalar(formula: Expr, values: dict[str, Any]) -> Any:
    """A `formula` of a record in SymPy, with `values` for its names."""
    if isinstance(formula, Ref):
        return values[formula.var.name]
    if isinstance(formula, Const):
        return sp.Rational(formula.value.numerator, formula.value.denominator)
    operation = _ARITHMETIC.get(formula.operation) or FUNCTIONS[formula.operation]
    return operation(*(_scalar(argument, values) for argument in formula.args))


#: Every function by name: what a declaration may call, and an attribute of this module.
FUNCTIONS: dict[str, type[ElementwiseFunction]] = {
    name: type(name, (ElementwiseFunction,), {"__doc__": record.description, "record": record})
    for name, record in ELEMENTWISE.items()
}


def __getattr__(name: str) -> Any:
    try:
        return FUNCTIONS[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
