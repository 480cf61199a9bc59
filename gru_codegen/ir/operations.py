"""The operations of expressions, and the shapes that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from gru_codegen.errors import ProgramError
from gru_codegen.ir.elementwise import Elementwise, a
from gru_codegen.ir.expressions import Const, Every, Expr, Ref, Shape
from gru_codegen.ir.functions import ELEMENTWISE

__all__ = [
    "OPERATIONS",
    "SELECTIONS",
    "VIEWS",
    "Operation",
    "evaluated",
    "fills",
    "joined",
    "letters",
    "operation_of",
    "shape_of",
]


def _elementwise(shapes: tuple[Shape, ...]) -> Shape | None:
    """The shape that all are spread over: numbers, one column or row, what no step changes."""
    matrices = [shape for shape in shapes if shape]
    own = [shape[1:] if shape[:1] == ("T",) else shape for shape in matrices]
    if len({len(shape) for shape in own}) > 1:
        return None
    sizes = [dict.fromkeys(size for size in axis if size != "1") for axis in zip(*own, strict=True)]
    if any(len(axis) > 1 for axis in sizes):
        return None
    steps = ("T",) if any(shape[:1] == ("T",) for shape in matrices) else ()
    return (*steps, *(next(iter(axis), "1") for axis in sizes))


def _masked(shapes: tuple[Shape, ...]) -> Shape | None:
    """The shape of what a mask of samples, the first argument, is laid over."""
    fits, own = _elementwise(shapes), _elementwise(shapes[1:])
    if not (fits and own):
        return fits
    return ("T", *own) if fits[:1] == ("T",) != own[:1] else own


def _matmul(shapes: tuple[Shape, ...]) -> Shape | None:
    left, right = shapes
    return (*left[:-1], right[1]) if len(right) == 2 and left[-1:] == right[:1] else None


def _column(shapes: tuple[Shape, ...]) -> Shape | None:
    (shape,) = shapes
    return (*shape[:-1], "1") if shape else None


def _joined(shapes: tuple[Shape, ...], axis: int) -> Shape | None:
    """The shape of matrices (or of vectors, each one row) joined along one axis."""
    matrices = [shape if len(shape) == 2 else ("1", *shape) for shape in shapes]
    if axis == 0:
        fit = len({shape[1:] for shape in matrices}) == 1
        return (joined(shape[0] for shape in matrices), matrices[0][1]) if fit else None
    total = joined(shape[-1] for shape in shapes)
    return (*shapes[0][:-1], total) if len({shape[:-1] for shape in shapes}) == 1 else None


def joined(sizes: Iterable[str]) -> str:
    """The size of several side by side, as ``D+H``."""
    return "+".join(sizes)


def _contract(shapes: tuple[Shape, ...]) -> Shape | None:
    left, right = shapes
    return (left[-1], right[-1]) if len(left) >= 2 and left[:-1] == right[:-1] else None


@dataclass(frozen=True)
class Operation:
    """An operation of the representation.

    Attributes
    ----------
    arity: the number of arguments, None if it takes any.
    shape: from the arguments' shapes the result's, None if they do not fit.
    value: the result on NumPy arrays; where it is a ufunc, NumPy computes it in place by that.
    flops: from the arguments' shapes the floating-point operations, so many for each of the sizes.
    elementwise: whether each entry of the result depends on the same entry of the arguments.
    is_gemm: whether it is a product of matrices.
    """

    arity: int | None
    shape: Callable[[tuple[Shape, ...]], Shape | None]
    value: Callable[..., Any]
    flops: Callable[[tuple[Shape, ...]], tuple[int, Shape]] = lambda shapes: (0, ())
    elementwise: bool = False
    is_gemm: bool = False


def _each(
    arity: int,
    value: Callable[..., Any],
    shape: Callable[[tuple[Shape, ...]], Shape | None] = _elementwise,
) -> Operation:
    """An elementwise operation, which counts as one."""
    return Operation(arity, shape, value, lambda shapes: (1, shape(shapes) or ()), elementwise=True)


def _product(value: Callable[..., Any]) -> Operation:
    """The product of a matrix, or of those of all steps, by weights."""

    def flops(shapes: tuple[Shape, ...]) -> tuple[int, Shape]:
        left, right = shapes
        return 2, (*left[:-1], right[1], right[0])

    return Operation(2, _matmul, value, flops, is_gemm=True)


def _contraction(shapes: tuple[Shape, ...]) -> tuple[int, Shape]:
    left, right = shapes
    return 2, (*left, right[-1])


def operation_of(function: Elementwise) -> Operation:
    """The operation that computes an elementwise function as kernels do."""
    definition = function.definition
    if definition is None:
        assert function.ufunc is not None  # one of them is there
        return _each(1, function.ufunc)

    def value(array: Any) -> Any:
        known = {a: array}
        for part, computed in function.where:
            known[part] = evaluated(computed, known.__getitem__)
        return evaluated(definition, known.__getitem__)

    return _each(1, value)


# --- values --------------------------------------------------------------------------------------

#: So few that the matrices of most tests take several blocks, the last of them smaller.
_ROWS_OF_A_BLOCK = 3


def _in_blocks(matrix: Any, weights: Any) -> Any:
    flat = _flat(matrix)
    starts = range(0, len(flat), _ROWS_OF_A_BLOCK)
    product = np.concatenate([flat[i : i + _ROWS_OF_A_BLOCK] @ weights for i in starts])
    return product.reshape(*matrix.shape[:-1], weights.shape[-1])


def _flat(array: Any) -> Any:
    """The rows of all steps as one matrix."""
    return array.reshape(-1, array.shape[-1])


def _guarded(read: Any, number: Any, array: Any) -> Any:
    unread = read if np.asarray(read).dtype == bool else np.equal(read, 0)
    return np.where(unread, number, array)


def _bordered(array: Any) -> Any:
    return np.concatenate([array, np.ones((*array.shape[:-1], 1))], axis=-1)


# --- the operations ------------------------------------------------------------------------------

#: Every operation by name. A leading T axis, as of ``Every``, counts as more rows in products
#: with weights and is summed over in contract, column_sum and inner.
OPERATIONS: dict[str, Operation] = {
    "add": _each(2, np.add),
    "subtract": _each(2, np.subtract),
    "multiply": _each(2, np.multiply),
    "negate": _each(1, np.negative),
    # divide(A, n): by a number
    "divide": _each(2, np.divide),
    "maximum": _each(2, np.maximum),
    "minimum": _each(2, np.minimum),
    # greater(A, B): 1 where A > B, else 0
    "greater": _each(2, lambda left, right: (left > right) * 1),
    # greater_equal(A, B): 1 where A >= B, else 0
    "greater_equal": _each(2, lambda left, right: (left >= right) * 1),
    # expm1(A): exp(A) - 1
    "expm1": _each(1, np.expm1),
    # log1p(A): log(1 + A)
    "log1p": _each(1, np.log1p),
    **{name: operation_of(function) for name, function in ELEMENTWISE.items()},
    # weigh(V, A): each sample's row times its weight; A itself where no weights are given
    "weigh": _each(2, lambda weights, array: weights * array, _masked),
    # select(M, A, B): A where M holds, else B
    "select": _each(3, np.where, _masked),
    # where(K, A, B): A where K > 0, else B
    "where": _each(3, lambda holds, chosen, other: np.where(holds > 0, chosen, other)),
    # guard(M, c, A): the number c where nothing is read, which is where M holds or the weight M is
    # 0, else A; A itself where M is not given
    "guard": _each(3, _guarded, _masked),
    # row_sum(A), row_max(A): of each row, as a column
    "row_sum": Operation(1, _column, lambda array: array.sum(-1, keepdims=True)),
    "row_max": Operation(1, _column, lambda array: array.max(-1, keepdims=True)),
    # total(A): the sum of all entries
    "total": Operation(1, lambda shapes: (), np.sum),
    # inner(A, B) = sum of A o B over all entries
    "inner": Operation(
        2,
        lambda shapes: () if shapes[0] == shapes[1] else None,
        lambda left, right: (left * right).sum(),
        lambda shapes: (2, shapes[0]),
    ),
    "matmul": _product(np.matmul),
    # matmul_in_blocks(A, W) = A W, so many rows of A at a time as make a small product
    "matmul_in_blocks": _product(_in_blocks),
    # contract(A, B) = A^T B, summed over all rows: what gives a weight its gradient
    "contract": Operation(
        2,
        _contract,
        lambda left, right: _flat(left).T @ _flat(right),
        _contraction,
        is_gemm=True,
    ),
    "transpose": Operation(
        1, lambda shapes: shapes[0][::-1] if len(shapes[0]) == 2 else None, np.transpose
    ),
    # row(b): the vector b as a matrix of one row, which is spread over others
    "row": Operation(
        1,
        lambda shapes: ("1", *shapes[0]) if len(shapes[0]) == 1 else None,
        lambda vector: vector[None, :],
    ),
    # column(b): the vector b as a matrix of one column; vector(A): the one column of A as a vector
    "column": Operation(
        1,
        lambda shapes: (*shapes[0], "1") if len(shapes[0]) == 1 else None,
        lambda vector: vector[:, None],
    ),
    "vector": Operation(
        1,
        lambda shapes: shapes[0][:1] if len(shapes[0]) == 2 and shapes[0][1] == "1" else None,
        lambda column: column[:, 0],
    ),
    # rows(b): the vector b as every row; column_sum(A): the sum of all rows, its adjoint
    "rows": Operation(
        1,
        lambda shapes: ("B", *shapes[0]) if len(shapes[0]) == 1 else None,
        lambda vector: vector[None, :],
    ),
    "column_sum": Operation(
        1,
        lambda shapes: shapes[0][-1:] if len(shapes[0]) >= 2 else None,
        lambda array: _flat(array).sum(axis=0),
        lambda shapes: (1, shapes[0]),
    ),
    # beside(A, B, ...) and below(A, B, ...): joined along the columns, along the rows
    "beside": Operation(
        None,
        lambda shapes: _joined(shapes, 1),
        lambda *blocks: np.concatenate(blocks, axis=-1),
    ),
    "below": Operation(
        None,
        lambda shapes: _joined(shapes, 0),
        lambda *blocks: np.concatenate([np.atleast_2d(block) for block in blocks]),
    ),
    # bordered(A) = [A 1]: A and a column of ones
    "bordered": Operation(
        1, lambda shapes: (*shapes[0][:-1], joined((shapes[0][-1], "1"))), _bordered
    ),
    # identity(W): the identity with as many rows as W
    "identity": Operation(
        1, lambda shapes: (shapes[0][0], shapes[0][0]), lambda weights: np.eye(len(weights))
    ),
}


#: Views of what is there, which cost nothing.
VIEWS = ("transpose", "rows", "row", "column", "vector")
#: What writes its last operand where the result goes, and then another one over it.
SELECTIONS = ("select", "where")


def evaluated(expression: Expr, read: Callable[[Ref], Any]) -> Any:
    """The value of `expression`, in which a reference has the value that `read` gives."""
    if isinstance(expression, Const):
        number = expression.value
        integral = number.denominator == 1
        return number.numerator if integral else number.numerator / number.denominator
    if isinstance(expression, Ref):
        return read(expression)
    args = (evaluated(argument, read) for argument in expression.args)
    return OPERATIONS[expression.operation].value(*args)


def shape_of(expression: Expr) -> Shape:
    """The shape of `expression`; a constant's is ().

    Raises
    ------
    ProgramError: an operation does not exist or its arguments do not fit.
    """
    if isinstance(expression, Const):
        return ()
    if isinstance(expression, Ref):
        every = isinstance(expression.when, Every)
        return ("T", *expression.var.shape) if every else expression.var.shape
    operation = OPERATIONS.get(expression.operation)
    if operation is None:
        raise ProgramError(f"{expression}: there is no operation {expression.operation!r}")
    if operation.arity is not None and len(expression.args) != operation.arity:
        raise ProgramError(
            f"{expression}: {expression.operation} takes {operation.arity} arguments"
        )
    shapes = tuple(shape_of(argument) for argument in expression.args)
    shape = operation.shape(shapes)
    if shape is None:
        raise ProgramError(
            f"{expression}: the shapes {' and '.join(map(letters, shapes))} do not fit"
        )
    return shape


def fills(value: Shape, target: Shape) -> bool:
    """Return whether a value of this shape can be written into a target of that one.

    A number fills all of it, a column every column, a row every row, and what is the same for every
    step each step.
    """
    over_time = value[:1] == ("T",)
    own = target[1:] if target[:1] == ("T",) and not over_time else target
    spread = ((*own[:-1], "1"), ("1", *own[1:])) if own else ()
    return value in ((), own, *spread)


def letters(shape: Shape) -> str:
    """Text of a shape: ``(B, H)``."""
    return f"({', '.join(shape)})"
