"""The operators and functions of equations, each with the shapes that it takes."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable
from functools import reduce
from itertools import pairwise, product
from operator import add
from typing import Any, NamedTuple

import sympy as sp
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import B, maximum, minimum, where
from gru_codegen.equations import power
from gru_codegen.errors import CellError
from gru_codegen.forms import added, multiplied, multiplied_elementwise, scaled
from gru_codegen.functions import FUNCTIONS
from gru_codegen.notation import signed
from gru_codegen.parse.values import Shape, Value, filled, letters, spread, times
from gru_codegen.rows import layer_norm, log_softmax, row_max, row_mean, row_sum, softmax

__all__ = [
    "COMPARISONS",
    "OF_ROWS",
    "OF_THREE",
    "OF_TWO",
    "OPERATORS",
    "Operand",
    "Whole",
    "applied",
    "of_rows",
    "transposed",
]

#: The greatest exponent of a power, which is written as a product.
MOST_POWER = 16
#: The most factors of an elementwise product.
MOST_FACTORS = 16
#: The most terms of an entry of a matrix product that the proof has to multiply out.
MOST_TERMS = 150
HALF = sp.Rational(1, 2)


class Operand(NamedTuple):
    """A part of an equation: its value and its text. ``error`` makes one that points at it."""

    value: Value
    said: str
    error: Callable[[str], CellError]


class Whole(NamedTuple):
    """The whole of an operator and its operands: its text, and the maker of errors about it."""

    said: str
    error: Callable[[str], CellError]


#: Makes the value of two operands. It raises CellError, pointing at the place, when shapes do not
#: fit.
Rule = Callable[[Operand, Operand, Whole], Value]


def applied(function: Any, operand: Operand) -> Value:
    """A function of every entry of an operand."""
    _check_array(operand)
    return Value(function(operand.value.expression), operand.value.shape)


def _check_array(operand: Operand) -> None:
    if not operand.value.shape:
        fault = f"{operand.said} is a number"
        raise operand.error(f"{fault}; a function takes the entries of a matrix or of a vector")


def transposed(operand: Operand, whole: Whole) -> Value:
    """The transpose of a matrix of weights."""
    expression, shape = operand.value.expression, operand.value.shape
    if len(shape) != 2 or operand.value.is_timed:
        fault = f"{operand.said} is {letters(shape)}"
        raise whole.error(f"{fault}; .T transposes a matrix of weights")
    return Value(Transpose(expression).doit(deep=False), shape[::-1])


def _sum(sign: int) -> Rule:
    def rule(left: Operand, right: Operand, whole: Whole) -> Value:
        shape = _common(left, right, whole, "the terms of a sum")
        first, last = left.value, times(sign, right.value)
        if not shape:
            return Value(first.expression + last.expression, ())
        return Value(added(filled(first, shape), filled(last, shape)), shape)

    return rule


def _product(left: Operand, right: Operand, whole: Whole) -> Value:
    shape = _common(left, right, whole, "the factors of an elementwise product", "@")
    first, last = left.value, right.value
    if first.shape and last.shape:
        product = multiplied_elementwise(filled(first, shape), filled(last, shape))
        _check_factors(product, 1, left, whole)
        return Value(product, shape)
    number, value = (last, first) if first.shape else (first, last)
    return times(number.expression, value)


def _quotient(left: Operand, right: Operand, whole: Whole) -> Value:
    first, last = left.value, right.value
    if not last.shape:
        if last.expression == 0:
            raise whole.error(f"{whole.said} divides by 0")
        return times(1 / last.expression, first)
    inverse = applied(FUNCTIONS["reciprocal"], right)
    shape = _common(left, right, whole, "what is divided and what divides it")
    if not first.shape:
        return times(first.expression, inverse)
    return Value(multiplied_elementwise(filled(first, shape), filled(inverse, shape)), shape)


def _power(left: Operand, right: Operand, whole: Whole) -> Value:
    base, exponent = left.value, right.value.expression
    is_whole = not right.value.shape and exponent.is_Integer and abs(exponent) <= MOST_POWER
    if not is_whole and (right.value.shape or exponent != HALF):
        fault = f"the exponent {right.said} is not known here"
        raise right.error(f"{fault}; it is a whole number up to {MOST_POWER}, or 1 / 2")
    if exponent == 0:
        raise whole.error(f"{whole.said} is always 1; write that")
    if exponent == HALF or (exponent < 0 and base.shape):
        _check_array(left)
    if not base.shape:
        if base.expression == 0:
            raise whole.error(f"{whole.said} is a power of 0")
        number = base.expression**exponent
        if max(abs(number.p), number.q) >= 2**63:
            raise whole.error(f"{whole.said} is too large or too small a number for a kernel")
        return Value(number, ())
    _check_factors(base.expression, abs(exponent), left, whole)
    return Value(power(base.expression, exponent), base.shape)


def _factors(product: Any) -> int:
    """The number of factors of an elementwise product, of products within it too."""
    _, plain = signed(product)
    return sum(map(_factors, plain.args)) if isinstance(plain, HadamardProduct) else 1


def _check_factors(product: Any, times: int, left: Operand, whole: Whole) -> None:
    """Check that a product, taken so many times, is one that can be read and derived soon."""
    if _factors(product) * times > MOST_FACTORS:
        fault = f"{whole.said} has more than {MOST_FACTORS} factors"
        raise whole.error(f"{fault}; give {left.said} a name of its own")


def _matrix_product(left: Operand, right: Operand, whole: Whole) -> Value:
    a, b, first, last = left.said, right.said, left.value, right.value
    if {first.shape, last.shape} & {(), (1,)}:
        raise whole.error(f"{a} @ {b}: a number is multiplied by *, @ is between matrices")
    for said, shape in ((a, first.shape), (b, last.shape)):
        if len(shape) == 1:
            fault = f"{said} is a vector, {letters(shape)}"
            raise whole.error(
                f"{fault}; @ is between matrices: a vector multiplies each row by *, and a number "
                "for each row is made by a weight (H, n)"
            )
    if first.shape[-1] != last.shape[0]:
        rows = last.is_timed and not first.is_timed
        hint = ""
        if first.shape[0] == last.shape[-1]:
            hint = f"; one sample is one row: {b} @ {a}"
        elif rows and first.shape[-1] == last.shape[-1]:
            hint = f"; one sample is one row: {b} @ {a}.T"
        raise whole.error(
            f"{a} is {letters(first.shape)}, {b} is {letters(last.shape)}; the inner sizes "
            f"of a product, {first.shape[-1]} and {last.shape[0]}, must be the same{hint}"
        )
    result = multiplied(first.expression, last.expression)
    if any(one == next_one for one, next_one in pairwise(result.args)):
        # SymPy would write W W as a power, which is no form of the declarations
        raise whole.error(f"{b} multiplies itself; name {a} by an equation of its own")
    if _of_products(result) and _terms_of_entry(result) > MOST_TERMS:
        fault = f"{whole.said} takes more than {MOST_TERMS} terms to be multiplied out"
        remedy = "multiply by one sum in an equation, and what that gives by the next in another"
        raise whole.error(f"{fault}; {remedy}")
    return Value(result, (first.shape[0], last.shape[1]))


def _of_products(result: Any) -> bool:
    """Return whether a sum of weights has products in it, which the proof multiplies out."""
    sums = (each for each in result.args if isinstance(each, MatAdd) and each.shape[0] != B)
    return any(isinstance(signed(term)[1], MatMul) for each in sums for term in each.args)


def _terms_of_entry(result: Any) -> int:
    """The terms of an entry of a matrix product that is multiplied out, with sums over 5."""
    return sum(count * 5 ** max(length - 2, 0) for length, count in _lengths(result).items())


def _lengths(expression: Any) -> Counter[int]:
    """The number of products of so many factors, with sums of weights multiplied out."""
    _, plain = signed(expression)
    if isinstance(plain, MatAdd) and plain.shape[0] != B:
        return reduce(add, map(_lengths, plain.args))
    if not isinstance(plain, MatMul):
        return Counter([1])
    found = Counter([0])
    for factor in plain.args:
        pairs = product(found.items(), _lengths(factor).items())
        found = Counter()
        for (first, count), (more, as_many) in pairs:
            found[first + more] += count * as_many
    return found


def _compared(rule: Callable[[Any, Any], Any]) -> Rule:
    def compared(left: Operand, right: Operand, whole: Whole) -> Value:
        shape = _common(left, right, whole, "what is compared")
        if not shape:
            raise whole.error(f"{whole.said} is of two numbers; write its value")
        first, last = filled(left.value, shape), filled(right.value, shape)
        if first != last and not added(first, scaled(-1, last)).has(MatrixSymbol):
            fault = f"{left.said} and {right.said} differ by a number alone"
            raise whole.error(f"{fault}; write what {whole.said} always is")
        return Value(rule(first, last), shape)

    return compared


def _comparison(function: str, sign: int) -> Rule:
    """A function of the difference, which says of its sign whether the comparison holds."""

    def rule(left: Any, right: Any) -> Any:
        return FUNCTIONS[function](scaled(sign, added(left, scaled(-1, right))))

    def compared(left: Operand, right: Operand, whole: Whole) -> Value:
        if left.value == right.value:
            raise whole.error(f"{whole.said} compares equals; write 1 or 0")
        return _compared(rule)(left, right, whole)

    return compared


def of_rows(name: str, operand: Operand) -> Value:
    """A function of each whole row: its sum or mean, a column, or its softmax, or the log of it."""
    _check_array(operand)
    found = OF_ROWS[name](operand.value.expression)
    return Value(found, (*operand.value.shape[:-1], found.shape[1]))


def _normalised(operands: list[Operand], whole: Whole) -> Value:
    """Layer normalisation of the rows of the first operand, with a gain and a bias."""
    rows, gain, bias = operands
    _check_array(rows)
    shape = rows.value.shape
    if not shape or shape[-1] == 1:
        raise rows.error(f"{rows.said} has one number in each row; their mean is that number")
    for operand in (gain, bias):
        fits = _common(rows, operand, whole, "what is normalised and its gain and bias")
        if fits != shape:
            raise operand.error(f"{operand.said} is larger than {rows.said}, {letters(shape)}")
    values = (filled(each.value, shape) for each in operands)
    return Value(layer_norm(*values), shape)


def _chosen(operands: list[Operand], whole: Whole) -> Value:
    """The second of three operands where the first holds, else the third."""
    condition, first, other = operands
    if not condition.value.shape:
        raise condition.error(f"{condition.said} is a number; a condition is of each entry")
    shape = _common(first, other, whole, "what is chosen from")
    for operand in (first, other):
        fits = _common(condition, operand, whole, "a condition and what it chooses")
        shape = spread(shape, fits) or fits
    holds, one, another = (filled(each.value, shape) for each in operands)
    if one == another:
        raise whole.error(f"{whole.said} is the same either way; write {first.said}")
    return Value(where(holds, one, another), shape)


def _common(left: Operand, right: Operand, whole: Whole, who: str, matmul: str = "") -> Shape:
    """The one shape that two values are spread over.

    matmul: the operator that is meant where the shapes are those of a matrix product.
    """
    a, b = left.value.shape, right.value.shape
    shape = spread(a, b)
    if shape is not None:
        return shape
    hint = f"; the matrix product is {matmul}" if matmul and a[-1] == b[0] else ""
    raise whole.error(
        f"{left.said} is {letters(a)}, {right.said} is {letters(b)}; "
        f"{who} must have one shape{hint}"
    )


#: What Python's operators between two operands mean.
OPERATORS: dict[type, Rule] = {
    ast.Add: _sum(1),
    ast.Sub: _sum(-1),
    ast.Mult: _product,
    ast.Div: _quotient,
    ast.Pow: _power,
    ast.MatMult: _matrix_product,
}
#: What Python's comparisons of two operands mean: 1 where they hold, else 0.
COMPARISONS: dict[type, Rule] = {
    ast.Gt: _comparison("positive", 1),
    ast.Lt: _comparison("positive", -1),
    ast.GtE: _comparison("step", 1),
    ast.LtE: _comparison("step", -1),
}
#: The functions of two matrices of one shape.
OF_TWO: dict[str, Rule] = {"maximum": _compared(maximum), "minimum": _compared(minimum)}
#: The functions of whole rows.
OF_ROWS: dict[str, Callable[[Any], Any]] = {
    "log_softmax": log_softmax,
    "row_max": row_max,
    "row_mean": row_mean,
    "row_sum": row_sum,
    "softmax": softmax,
}
#: The functions of three operands.
OF_THREE: dict[str, Callable[[list[Operand], Whole], Value]] = {
    "layer_norm": _normalised,
    "where": _chosen,
}
