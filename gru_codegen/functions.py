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
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix

from gru_codegen.ir import ELEMENTWISE, Const, Elementwise, Expr, Ref

#: The bound variable of every applied function. SymPy's own would be a new ``Dummy`` at each call:
#: sigmoid(A) and sigmoid(A) would differ, and their text from process to process.
ENTRY = sp.Symbol("a")


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
            return applied(sp.Lambda(ENTRY, cls(ENTRY)), argument)
        return super().__new__(cls, argument, **options)


class _OfNumber(ElementwiseApplyFunction):
    """A function of a matrix (1, 1), which SymPy's own would apply to it for ever."""

    def __new__(cls, function: Any, number: Any) -> Any:
        return MatrixExpr.__new__(cls, function, number)


def applied(function: Any, argument: Any) -> Any:
    """A function, a lambda of SymPy's, applied to every entry of a matrix expression."""
    kind = _OfNumber if argument.shape == (1, 1) else ElementwiseApplyFunction
    return kind(function, argument)


class OwnFunction(ElementwiseFunction):
    """A function of an author's own, made of those of the package.

    Attributes
    ----------
    formula, slope: the function and its derivative at ENTRY.
    declared: the derivative, if it is one that was declared, and not that of the formula.
    """

    formula: ClassVar[Any]
    slope: ClassVar[Any]
    declared: ClassVar[Any]

    @classmethod
    def derivative(cls, argument: Any, value: Any) -> Any:
        """The derivative at `argument`."""
        return cls.slope.xreplace({ENTRY: argument})


def entrywise(scalar: Any, names: dict[Any, Any], shape: tuple[Any, Any]) -> Any:
    """The matrix expression whose entries are `scalar`, its symbols standing for entries."""
    if scalar in names:
        return names[scalar]
    if scalar.is_Number:
        return OneMatrix(*shape) if scalar == 1 else MatMul(scalar, OneMatrix(*shape))
    if scalar.is_Function:
        return scalar.func(entrywise(scalar.args[0], names, shape))
    if scalar.is_Add:
        return MatAdd(*(entrywise(term, names, shape) for term in scalar.args))
    if scalar.is_Pow:
        return HadamardProduct(*[entrywise(scalar.base, names, shape)] * scalar.exp)
    coefficient, factors = scalar.as_coeff_mul()
    matrices = flat([entrywise(factor, names, shape) for factor in factors])
    elementwise = HadamardProduct(*matrices) if len(matrices) > 1 else matrices[0]
    return elementwise if coefficient == 1 else MatMul(coefficient, elementwise)


def flat(factors: list[Any]) -> list[Any]:
    """The factors of elementwise products, of products among them too."""
    return [
        inner
        for factor in factors
        for inner in (factor.args if isinstance(factor, HadamardProduct) else (factor,))
    ]


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


def is_comparison(expression: Any) -> bool:
    """Return whether a matrix expression is a comparison: 1 where it holds, else 0."""
    is_applied = isinstance(expression, ElementwiseApplyFunction)
    return is_applied and expression.function.expr.func in _COMPARISONS


_COMPARISONS = (FUNCTIONS["positive"], FUNCTIONS["step"])
