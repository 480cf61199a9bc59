"""The language of declarations: SymPy's matrix expressions, with the shape of every part checked.

Row-vector convention: one sample per row. ``B`` is the batch size, ``D`` the input size, ``H`` the
hidden size. Every matrix of a step has B rows; a weight has none of them, nor has what is computed
of weights alone, once for all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from itertools import pairwise
from typing import Any

import sympy as sp
from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardPower, HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixExpr, MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.errors import CellError
from gru_codegen.forms import added, multiplied_elementwise, scaled
from gru_codegen.functions import FUNCTIONS, ElementwiseFunction, OwnFunction, is_comparison
from gru_codegen.notation import Notation, RowFunction, Shown, Spelling, Where

__all__ = [
    "B",
    "D",
    "Equation",
    "H",
    "check_text",
    "hadamard",
    "is_timed",
    "letters",
    "matrix",
    "maximum",
    "minimum",
    "not_rational",
    "ones",
    "plain",
    "power",
    "shape_of",
    "size",
    "written",
]


def size(name: str) -> sp.Symbol:
    """A symbolic size: a positive integer."""
    return sp.Symbol(name, integer=True, positive=True)


B, D, H = size("B"), size("D"), size("H")


def matrix(name: str, rows: Any, columns: Any) -> Any:
    """The matrix symbol `name` of shape (rows, columns)."""
    return MatrixSymbol(name, rows, columns)


def ones(rows: Any, columns: Any) -> Any:
    """The matrix of ones: ``ones(B, H) - Z`` is written 1 - Z in text."""
    return OneMatrix(rows, columns)


def hadamard(*factors: Any) -> Any:
    """The elementwise product, written ``o`` in text."""
    return HadamardProduct(*factors)


def maximum(left: Any, right: Any) -> Any:
    """The larger of the entries of two matrices of one shape: right + relu(left - right)."""
    return added(right, FUNCTIONS["relu"](added(left, scaled(-1, right))))


def minimum(left: Any, right: Any) -> Any:
    """The smaller of the entries of two matrices of one shape: left - relu(left - right)."""
    return added(left, scaled(-1, FUNCTIONS["relu"](added(left, scaled(-1, right)))))


def power(base: Any, exponent: Any) -> Any:
    """The elementwise power, by products and functions; None, if it is not made of these.

    exponent: a whole number but 0, or 1/2.
    """
    if exponent == sp.Rational(1, 2):
        return FUNCTIONS["sqrt"](base)
    if not (exponent.is_Integer and exponent):
        return None
    product = reduce(multiplied_elementwise, [base] * abs(int(exponent)))
    return product if exponent > 0 else FUNCTIONS["reciprocal"](product)


@dataclass(frozen=True, repr=False)
class Equation(Shown):
    """``target = expression``, and the meaning of the target in words, its name if none is given.

    Raises
    ------
    CellError: the target is not a matrix symbol, or the expression not a matrix expression.
    """

    target: MatrixSymbol
    expression: MatrixExpr
    meaning: str = field(default=None)  # type: ignore[assignment]  # then it is the name

    def __post_init__(self) -> None:
        if not isinstance(self.target, MatrixSymbol):
            raise CellError(
                f"equation {self.target!r}: the target must be a matrix symbol, "
                f"not a {type(self.target).__name__}"
            )
        at = f"equation {self.target}"
        if not isinstance(self.expression, MatrixExpr):
            raise CellError(
                f"{at}: the right-hand side {self.expression!r} must be a matrix expression "
                f"({_FORMS}), not a {type(self.expression).__name__}"
            )
        if self.meaning is None:
            object.__setattr__(self, "meaning", self.target.name)
        check_text(at, "meaning", self.meaning)
        object.__setattr__(self, "expression", plain(self.expression))

    def _sides(self) -> tuple[Any, ...]:
        return (self.target, self.expression)

    def _written(self, spelling: Spelling, equals: str) -> str:
        try:
            return super()._written(spelling, equals)
        except TypeError:  # a form that declarations alone have, as `lag`, or that cells refuse
            return f"{self.target}{equals}{self.expression}"

    @property
    def is_timed(self) -> bool:
        """Return whether it is computed at every step: one of weights alone has no row a sample."""
        return is_timed(self.target)


def check_text(where: str, role: str, text: Any) -> None:
    """Check that `text` can stand in a docstring and in a comment of a Python module."""
    if not (isinstance(text, str) and text.isprintable() and not {*text} & {'"', "\\"}):
        raise CellError(
            f"{where}: the {role} {text!r} must be one line of text without double quotes "
            "and backslashes"
        )
    if not text.strip():
        raise CellError(f"{where}: the {role} is empty; say in words what it is")
    if text != text.strip():
        raise CellError(f"{where}: the {role} {text!r} begins or ends with a blank; remove it")


# --- shapes --------------------------------------------------------------------------------------

_FORMS = (
    "sums, matrix products, transposes of weights, hadamard(...), where(...), ones(...) and "
    f"{', '.join(FUNCTIONS)}"
)


def letters(value: Any) -> str:
    """A shape, or that of a matrix, as it is written: (B, H)."""
    shape = getattr(value, "shape", value)
    return f"({', '.join(map(str, shape))})"


def written(expression: Any) -> str:
    """`expression` in plain text, for messages; in SymPy's own if it has no notation here."""
    notation = Notation((), ())
    try:
        return notation.text(notation.arrange(expression))
    except TypeError:
        return str(expression)


def not_rational(coefficient: Any, expression: Any) -> str:
    """The message about a `coefficient` that cannot be differentiated exactly."""
    problem = f"the factor {coefficient} in {written(expression)} is not a rational number"
    if not coefficient.is_Float:
        return problem
    exact = sp.nsimplify(coefficient, rational=True)
    return f"{problem}; write Rational({exact.p}, {exact.q})"


def shape_of(at: str, expression: Any) -> tuple[Any, Any]:
    """The shape of `expression`, found from the leaves up: SymPy lets symbolic clashes pass.

    Raises CellError, which begins with `at`, when shapes do not fit or a form is not known.
    """
    rule = next((rule for kind, rule in _SHAPE_RULES.items() if isinstance(expression, kind)), None)
    if rule is None:
        raise CellError(
            f"{at}: {type(expression).__name__} in {written(expression)} is not a form known here: "
            f"{_FORMS}"
        )
    return rule(at, expression)


def _shape_of_sum(at: str, expression: Any) -> tuple[Any, Any]:
    (first, shape), *others = [(term, shape_of(at, term)) for term in expression.args]
    for term, other in others:
        if other != shape:
            raise CellError(
                f"{at}: {written(first)} is {letters(shape)}, {written(term)} is "
                f"{letters(other)}; the terms of a sum and the factors of an elementwise product "
                "must have one shape"
            )
    return shape


def is_timed(symbol: Any) -> bool:
    """Return whether `symbol` has one row per sample, and so a value at every step."""
    return bool(symbol.shape[0] == B)


def _shape_of_product(at: str, expression: Any) -> tuple[Any, Any]:
    coefficient, factors = expression.as_coeff_matrices()
    if not coefficient.is_Rational:
        raise CellError(f"{at}: {not_rational(coefficient, expression)}")
    shapes = [shape_of(at, factor) for factor in factors]
    for (left, right), (first, second) in zip(pairwise(factors), pairwise(shapes), strict=True):
        if first[1] != second[0]:
            raise CellError(
                f"{at}: {written(left)} * {written(right)} multiplies {letters(first)} by "
                f"{letters(second)}; the inner sizes {first[1]} and {second[0]} must be the same"
            )
    _check_ones(at, expression, factors)
    return shapes[0][0], shapes[-1][1]


def _check_ones(at: str, expression: Any, factors: Sequence[Any]) -> None:
    """Check that ones among the `factors` spread one row, column or number, or sum rows up."""
    inner = list(factors)
    while len(inner) > 1 and _spreads_or_sums(inner[-1]):
        inner.pop()
    if len(inner) == 2 and isinstance(inner[0], OneMatrix) and inner[0].shape[1] == 1:
        del inner[0]
    for factor in inner if len(inner) > 1 else ():
        if isinstance(factor, OneMatrix):
            raise CellError(
                f"{at}: {written(expression)} multiplies by ones {letters(factor)}; a product with "
                "ones can be ones (m, 1) and a vector (1, n), which becomes every row, a column "
                "(m, 1) and ones (1, n), which becomes every column, or a matrix (m, n) and ones "
                "(n, 1) or (n, n), which sums each row; name other factors by equations of their "
                "own"
            )


def _spreads_or_sums(factor: Any) -> bool:
    """Return whether a last factor spreads a column, multiplies it, or sums rows up."""
    rows, columns = factor.shape
    is_ones = isinstance(factor, OneMatrix) and (rows == 1 or columns in (1, rows))
    return is_ones or (rows, columns) == (1, 1)


def _shape_of_function(at: str, expression: Any) -> tuple[Any, Any]:
    if _known_function(expression) is None:
        raise CellError(
            f"{at}: {expression.function(sp.Symbol('a'))} is not a known function of a; "
            f"known are {', '.join(FUNCTIONS)} of gru_codegen.functions"
        )
    if not expression.has(MatrixSymbol):
        raise CellError(f"{at}: {written(expression)} is of numbers alone; write its value")
    return shape_of(at, expression.expr)


def _shape_of_choice(at: str, expression: Any) -> tuple[Any, Any]:
    if not is_comparison(expression.args[0]):
        raise CellError(f"{at}: {written(expression)} chooses by what is no comparison")
    shapes = {shape_of(at, part): part for part in expression.args if part.func != ZeroMatrix}
    shapes |= {part.shape: part for part in expression.args}
    if len(shapes) > 1:
        said = ", ".join(f"{written(part)} is {letters(shape)}" for shape, part in shapes.items())
        raise CellError(f"{at}: {said}; a comparison and what it chooses must have one shape")
    return next(iter(shapes))


def _shape_of_transpose(at: str, expression: Any) -> tuple[Any, Any]:
    rows, columns = shape_of(at, expression.arg)
    if B in (rows, columns):
        raise CellError(
            f"{at}: {written(expression)} transposes {letters((rows, columns))}; "
            "one sample is one row, so only what is made of weights can be transposed"
        )
    return columns, rows


_SHAPE_RULES: dict[type, Callable[[str, Any], tuple[Any, Any]]] = {
    MatrixSymbol: lambda at, expression: expression.shape,
    OneMatrix: lambda at, expression: expression.shape,
    MatAdd: _shape_of_sum,
    HadamardProduct: _shape_of_sum,
    MatMul: _shape_of_product,
    ElementwiseApplyFunction: _shape_of_function,
    Transpose: _shape_of_transpose,
    Where: _shape_of_choice,
    RowFunction: lambda at, expression: shape_of(at, expression.argument),
}


# --- form ----------------------------------------------------------------------------------------


def _known_function(expression: Any) -> type[ElementwiseFunction] | None:
    call = expression.function.expr
    known = call.func in FUNCTIONS.values() or issubclass(call.func, OwnFunction)
    return call.func if known and call.args == expression.function.variables else None


def plain(expression: Any) -> Any:
    """`expression` with equal parts equal: calls without SymPy's dummy symbols, powers as products.

    SymPy turns z o z into a power of its own making as soon as it is added to something.
    """
    if isinstance(expression, ElementwiseApplyFunction):
        argument, function = plain(expression.expr), _known_function(expression)
        return function(argument) if function else expression
    if isinstance(expression, HadamardPower):
        product = power(plain(expression.base), expression.exp)
        return expression if product is None else plain(product)
    if isinstance(expression, HadamardProduct):
        factors: list[Any] = []
        for factor in map(plain, expression.args):
            factors += factor.args if isinstance(factor, HadamardProduct) else [factor]
        return HadamardProduct(*factors)
    if isinstance(expression, RowFunction):
        return RowFunction(expression.name, plain(expression.argument))
    if isinstance(expression, (MatAdd, MatMul, Transpose, Where)):
        return expression.func(*map(plain, expression.args))
    return expression
