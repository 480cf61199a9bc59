"""Matrix expressions of SymPy -> expressions of the program.

Every node has a rule in one table; a node without one is refused by name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from functools import reduce
from math import prod
from typing import Any

from sympy.matrices.expressions.applyfunc import ElementwiseApplyFunction
from sympy.matrices.expressions.hadamard import HadamardProduct
from sympy.matrices.expressions.matadd import MatAdd
from sympy.matrices.expressions.matexpr import MatrixSymbol
from sympy.matrices.expressions.matmul import MatMul
from sympy.matrices.expressions.special import OneMatrix, ZeroMatrix
from sympy.matrices.expressions.trace import Trace
from sympy.matrices.expressions.transpose import Transpose

from gru_codegen.cell import B
from gru_codegen.errors import ProgramError
from gru_codegen.functions import OwnFunction
from gru_codegen.ir import ELEMENTWISE, OPERATIONS, Call, Const, Expr, Ref, Shape, shape_of
from gru_codegen.lower.variables import Variables
from gru_codegen.notation import RowFunction, Where, signed
from gru_codegen.own_functions import written_out
from gru_codegen.rows import size_of_share

__all__ = ["Scope", "lowered"]


@dataclass(frozen=True)
class Scope:
    """Context in which the nodes of some equations are lowered.

    variables: those of the program. unread: the mask of the samples whose results nobody reads, as
    a matrix of a given shape. There functions get their safe point as the argument. None if no
    argument can be out of range.
    """

    variables: Variables
    unread: Callable[[Shape], Ref] | None


def lowered(node: Any, scope: Scope) -> Expr:
    """The expression of one SymPy node.

    Raises
    ------
    ProgramError: a node that the program has no operation for.
    """
    for kind, rule in _RULES.items():
        if isinstance(node, kind):
            return rule(node, scope)
    coefficient, rest = signed(node)
    if rest is not node:
        return _scaled(coefficient, lowered(rest, scope))
    raise ProgramError(
        f"{type(node).__name__} cannot be lowered: {node}; "
        f"known are {', '.join(kind.__name__ for kind in _RULES)}"
    )


def _symbol(node: Any, scope: Scope) -> Expr:
    variables = scope.variables
    return variables.inlined[node] if node in variables.inlined else variables.refs[node]


def _ones(node: Any, scope: Scope) -> Expr:
    return Const(Fraction(1))


def _zero(node: Any, scope: Scope) -> Expr:
    return Const(Fraction(0))


def _sum(node: Any, scope: Scope) -> Expr:
    total: Expr | None = None
    for term in node.args:
        coefficient, rest = signed(term)
        part = _scaled(abs(coefficient), lowered(rest, scope))
        if total is None:
            total = part if coefficient > 0 else _times(Fraction(-1), part)
        else:
            total = Call("add" if coefficient > 0 else "subtract", (total, part))
    assert total is not None  # MatAdd has terms
    return total


def _hadamard(node: Any, scope: Scope) -> Expr:
    coefficient, rest = signed(node)
    factors = [lowered(factor, scope) for factor in rest.args]
    matrices = [factor for factor in factors if not isinstance(factor, Const)]
    numbers = [factor.value for factor in factors if isinstance(factor, Const)]
    number = prod(numbers, start=_fraction(coefficient))
    if not matrices:
        return Const(number)
    return _times(number, reduce(lambda a, b: Call("multiply", (a, b)), matrices))


def _product(node: Any, scope: Scope) -> Expr:
    """A product, in which ones spread a row, a column or a number, or sum rows or columns up."""
    coefficient, factors = node.as_coeff_matrices()
    return _scaled(coefficient, _multiplied(node, factors, scope))


def _multiplied(node: Any, factors: list[Any], scope: Scope) -> Expr:
    *others, last = factors
    if not others:
        return lowered(last, scope)
    size = size_of_share(last) if isinstance(last, MatrixSymbol) else None
    if size is not None:
        return Call("divide", (_multiplied(node, others, scope), scope.variables.size(size)))
    if last.shape == (1, 1):
        inner, number = _multiplied(node, others, scope), lowered(last, scope)
        if isinstance(inner, Const):
            return _times(inner.value, number)
        return Call("multiply", (inner, number))
    if isinstance(last, OneMatrix):
        if last.shape[0] == 1:  # one column as every column
            return _multiplied(node, others, scope)
        if isinstance(others[0], OneMatrix) and len(others) == 2:
            return Call("total", (lowered(others[1], scope),))
        summed = _multiplied(node, others, scope)
        if isinstance(summed, Call) and summed.operation == "transpose":
            return _turned(Call("column_sum", summed.args))
        return Call("total" if len(shape_of(summed)) == 1 else "row_sum", (summed,))
    if isinstance(others[0], OneMatrix):
        return _ones_product(node, factors, scope)
    return _matmul(_multiplied(node, others, scope), lowered(last, scope))


def _matmul(left: Expr, right: Expr) -> Expr:
    """A product of matrices; through a size of 1, where a vector is one of them, elementwise."""
    if shape_of(left) == ():
        return Call("multiply", (left, right))
    if _is_row(right):
        return Call("multiply", (left, _spread(right, left)))
    if _is_row(left) and shape_of(right)[-1:] == ("1",):
        return Call("total", (Call("multiply", (left, _turned(right))),))
    if isinstance(right, Call) and right.operation == "column":
        return Call("row_sum", (Call("multiply", (left, _spread(right.args[0], left))),))
    if isinstance(left, Call) and left.operation == "transpose" and _has_rows(left.args[0]):
        (column,) = left.args
        if shape_of(column)[-1:] == ("1",):
            product = Call("multiply", (column, right))
            return Call("total" if shape_of(right)[-1:] == ("1",) else "column_sum", (product,))
        return Call("contract", (column, right))
    return Call("matmul", (left, right))


def _spread(vector: Expr, over: Expr) -> Expr:
    """A vector as every row of a batch, or as one row that is spread over what has none."""
    return Call("rows" if "B" in shape_of(over) else "row", (vector,))


def _is_row(expression: Expr) -> bool:
    return len(shape_of(expression)) == 1


def _ones_product(node: Any, factors: list[Any], scope: Scope) -> Expr:
    """ones b, a vector or a number as every row of a batch, or ones^T A, the sum of the rows."""
    if len(factors) == 2:
        ones, other = factors
        value = lowered(other, scope)
        if ones.shape[1] == 1 and other.shape[0] == 1:
            return Call("rows" if ones.shape[0] == B else "row", (value,))
        if ones.shape[0] == 1:
            return Call("total" if other.shape[1] == 1 else "column_sum", (value,))
    raise ProgramError(f"the product {node} cannot be lowered: ones stand before one factor")


def _largest(node: Any, scope: Scope) -> Expr:
    return Call(node.name, (lowered(node.argument, scope),))


def _transpose(node: Any, scope: Scope) -> Expr:
    return _turned(lowered(node.arg, scope))


def _turned(matrix: Expr) -> Expr:
    """The transpose; of a vector it is a column, and of weights that are a column a vector."""
    shape = shape_of(matrix)
    if len(shape) == 1:
        return (
            matrix.args[0]
            if isinstance(matrix, Call) and matrix.operation == "vector"
            else Call("column", (matrix,))
        )
    is_column = shape[-1:] == ("1",) and "B" not in shape
    return Call("vector" if is_column else "transpose", (matrix,))


def _function(node: Any, scope: Scope) -> Expr:
    function = getattr(node.function.expr, "func", type(node))
    if issubclass(function, OwnFunction):
        return lowered(written_out(function, node.expr), scope)
    if function.__name__ not in OPERATIONS:
        raise ProgramError(f"the function {function.__name__} cannot be lowered: {node}")
    argument = lowered(node.expr, scope)
    record = ELEMENTWISE[function.__name__]
    # what is of weights alone is what it is whichever samples have ended
    if scope.unread is not None and not record.is_total and "B" in shape_of(argument):
        unread = scope.unread(shape_of(argument))
        argument = Call("guard", (unread, Const(record.safe), argument))
    return Call(function.__name__, (argument,))


def _choice(node: Any, scope: Scope) -> Expr:
    """A choice; a fraction, which no kernel has as a number, is added where 0 was chosen."""
    holds, *sides = (lowered(part, scope) for part in node.args)
    shares = (holds, Call("subtract", (Const(Fraction(1)), holds)))
    added: list[Expr] = []
    for place, side in enumerate(sides):
        if isinstance(side, Const) and side.value.denominator != 1:
            added.append(_times(side.value, shares[place]))
            sides[place] = Const(Fraction(0))
    if len(added) < 2:
        added.insert(0, Call("where", (holds, *sides)))
    return reduce(lambda left, right: Call("add", (left, right)), added)


def _trace(node: Any, scope: Scope) -> Expr:
    product = node.arg
    if isinstance(product, MatMul) and len(product.args) == 2:
        left, right = product.args
        if isinstance(left, Transpose):
            return Call("inner", (lowered(left.arg, scope), lowered(right, scope)))
        if isinstance(left, OneMatrix):
            return Call("total", (lowered(right, scope),))
    raise ProgramError(f"the trace {node} cannot be lowered: it must be tr(A^T B)")


def _has_rows(expression: Expr) -> bool:
    return isinstance(expression, Ref) and expression.var.timed


def _scaled(coefficient: Any, expression: Expr) -> Expr:
    return _times(_fraction(coefficient), expression)


def _fraction(coefficient: Any) -> Fraction:
    return Fraction(int(coefficient.p), int(coefficient.q))


def _times(number: Fraction, expression: Expr) -> Expr:
    if isinstance(expression, Const):
        return Const(number * expression.value)
    if number == 1:
        return expression
    return (
        Call("negate", (expression,))
        if number == -1
        else Call("multiply", (Const(number), expression))
    )


_RULES: dict[type, Callable[[Any, Scope], Expr]] = {
    MatrixSymbol: _symbol,
    OneMatrix: _ones,
    ZeroMatrix: _zero,
    MatAdd: _sum,
    HadamardProduct: _hadamard,
    MatMul: _product,
    Transpose: _transpose,
    RowFunction: _largest,
    ElementwiseApplyFunction: _function,
    Where: _choice,
    Trace: _trace,
}
