"""The operations of expressions, and the shapes that they give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from gru_codegen.errors import ProgramError
from gru_codegen.ir.expressions import Const, Every, Expr, Ref, Shape

__all__ = [
    "OPERATIONS",
    "Operation",
    "joined",
    "letters",
    "shape_of",
]


def _elementwise(shapes: tuple[Shape, ...]) -> Shape | None:
    widest = max(shapes, key=len)
    # A number goes with everything, and what no step changes with every step.
    fitting = ((), widest, widest[1:] if widest[:1] == ("T",) else widest)
    return widest if all(shape in fitting for shape in shapes) else None


def _matmul(shapes: tuple[Shape, ...]) -> Shape | None:
    left, right = shapes
    return (*left[:-1], right[1]) if len(right) == 2 and left[-1:] == right[:1] else None


def _joined(shapes: tuple[Shape, ...], axis: int) -> Shape | None:
    """The shape of matrices (or of vectors, each one row) joined along one axis."""
    matrices = [shape if len(shape) == 2 else ("1", *shape) for shape in shapes]
    if axis == 0:
        fit = len({shape[1:] for shape in matrices}) == 1
        return (joined(shape[0] for shape in matrices), matrices[0][1]) if fit else None
    whole = joined(shape[-1] for shape in shapes)
    return (*shapes[0][:-1], whole) if len({shape[:-1] for shape in shapes}) == 1 else None


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
    elementwise: whether each entry of the result depends on the same entry of the arguments.
    """

    arity: int | None
    shape: Callable[[tuple[Shape, ...]], Shape | None]
    elementwise: bool = False


#: Every operation by name. A leading T axis, as of ``Every``, counts as more rows in products
#: with weights and is summed over in contract, column_sum and inner.
OPERATIONS: Mapping[str, Operation] = {
    "add": Operation(2, _elementwise, True),
    "subtract": Operation(2, _elementwise, True),
    "multiply": Operation(2, _elementwise, True),
    "negate": Operation(1, _elementwise, True),
    "exp": Operation(1, _elementwise, True),
    "log": Operation(1, _elementwise, True),
    # log1p(A): log(1 + A)
    "log1p": Operation(1, _elementwise, True),
    "reciprocal": Operation(1, _elementwise, True),
    # row_sum(A), row_max(A): of each row, in every column
    "row_sum": Operation(1, lambda shapes: shapes[0]),
    "row_max": Operation(1, lambda shapes: shapes[0]),
    "clip": Operation(1, _elementwise, True),
    "huber": Operation(1, _elementwise, True),
    "softplus": Operation(1, _elementwise, True),
    # divide(A, n): by a number
    "divide": Operation(2, _elementwise, True),
    # weigh(V, A): each sample's row times its weight; A itself where no weights are given
    "weigh": Operation(2, _elementwise, True),
    # select(M, A, B): A where M holds, else B
    "select": Operation(3, _elementwise, True),
    # total(A): the sum of all entries
    "total": Operation(1, lambda shapes: ()),
    "positive": Operation(1, _elementwise, True),
    "relu": Operation(1, _elementwise, True),
    "sigmoid": Operation(1, _elementwise, True),
    "tanh": Operation(1, _elementwise, True),
    "matmul": Operation(2, _matmul),
    # matmul_in_blocks(A, W) = A W, so many rows of A at a time as make a small product
    "matmul_in_blocks": Operation(2, _matmul),
    "transpose": Operation(1, lambda shapes: shapes[0][::-1] if len(shapes[0]) == 2 else None),
    # contract(A, B) = A^T B, summed over all rows: what gives a weight its gradient
    "contract": Operation(2, _contract),
    # rows(b): the vector b as every row; column_sum(A): the sum of all rows, its adjoint
    "rows": Operation(1, lambda shapes: ("B", *shapes[0]) if len(shapes[0]) == 1 else None),
    "column_sum": Operation(1, lambda shapes: shapes[0][-1:] if len(shapes[0]) >= 2 else None),
    # beside(A, B, ...) and below(A, B, ...): joined along the columns, along the rows
    "beside": Operation(None, lambda shapes: _joined(shapes, 1)),
    "below": Operation(None, lambda shapes: _joined(shapes, 0)),
    # bordered(A) = [A 1]: A and a column of ones
    "bordered": Operation(1, lambda shapes: (*shapes[0][:-1], joined((shapes[0][-1], "1")))),
    # identity(W): the identity with as many rows as W
    "identity": Operation(1, lambda shapes: (shapes[0][0], shapes[0][0])),
    # inner(A, B) = sum of A o B over all entries
    "inner": Operation(2, lambda shapes: () if shapes[0] == shapes[1] else None),
}


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


def letters(shape: Shape) -> str:
    """As it is written: ``(B, H)``."""
    return f"({', '.join(shape)})"
