"""Extents say which axes a value of NumPy's lacks; expressions spread it where that matters."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gru_codegen.emit.numpy.expressions import Numpy, as_expression
from gru_codegen.ir import OPERATIONS, Call, Const, Expr, Orientation, Ref, Var, shape_of
from gru_codegen.plan import plan
from gru_codegen.plan.extents import FULL, Extent, extent
from tests.passes.written import written

A, B = (Ref(Var(name, ("B", "H"), "work")) for name in "AB")
b, U = Ref(Var("b", ("H",), "weight")), Ref(Var("U", ("H", "H"), "weight"))
rows, row_sum, row_max = Call("rows", (b,)), Call("row_sum", (A,)), Call("row_max", (A,))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (A, FULL),
        (rows, Extent(rows=False, columns=True)),
        (row_sum, FULL),
        (Call("row_sum", (rows,)), Extent(rows=False, columns=True)),
        (2 * Call("exp", (row_max,)), FULL),
        (rows + row_sum, FULL),
        (Call("matmul", (rows, U)), Extent(rows=False, columns=True)),
    ],
)
def test_the_extent_is_that_of_the_array(expression: Expr, expected: Extent) -> None:
    assert extent(expression) == expected


def test_a_column_lacks_none_of_its_own_and_all_of_a_matrix() -> None:
    column = Extent(rows=True, columns=False)
    assert extent(A + row_sum, lambda _: column) == column  # A is one column for all of its own
    assert extent(A + rows, lambda _: column) == FULL


def _full(expression: Expr, arrays: dict[str, Any]) -> Any:
    """The value, each operand in full before it is summed up or multiplied."""
    if isinstance(expression, Ref):
        return arrays[expression.var.name]
    if isinstance(expression, Const):
        return float(expression.value)
    assert isinstance(expression, Call)
    value = OPERATIONS[expression.operation].value(*(_full(a, arrays) for a in expression.args))
    return value + np.zeros((2, 3)) if shape_of(expression) == ("B", "H") else value


@pytest.mark.parametrize("orientation", ["rows", "columns"])
@pytest.mark.parametrize("matrix", [rows, 2 * rows, row_sum * rows, rows - row_max])
def test_sums_and_products_take_it_in_full(matrix: Expr, orientation: Orientation) -> None:
    arrays: dict[str, Any] = {"A": np.arange(6.0).reshape(2, 3), "B": np.eye(2, 3)}
    arrays |= {"b": np.arange(3.0), "U": np.arange(9.0).reshape(3, 3)}
    turned = orientation == "columns"
    names = {
        "np": np,
        "w": SimpleNamespace(batch_size=2, hidden_size=3),
        "_inner": lambda one, other: (one.ravel() * other.ravel()).sum(),
        **arrays,
        **({name: arrays[name].T for name in "AB"} if turned else {}),
    }
    for found in (
        Call("total", (matrix,)),
        Call("inner", (matrix, B)),
        Call("contract", (matrix, B)),
        Call("contract", (B, matrix)),
        Call("column_sum", (matrix,)),
        Call("row_sum", (matrix,)) + B,
        Call("matmul", (matrix, U)) + B,
    ):
        text = as_expression(found, Numpy(lambda ref: ref.var.name, orientation))
        value = eval(text, names)
        of_samples = shape_of(found) == ("B", "H")
        expected = _full(found, arrays)
        np.testing.assert_allclose(
            value.T if turned and of_samples else value, expected, err_msg=text
        )


def test_what_is_multiplied_or_begins_beyond_the_steps_is_made_in_full() -> None:
    """Z is one row, which arrays and elementwise operations spread by themselves."""
    program = written(
        {
            "forward": """
        for every step t, first to last:
            Z[t] = rows(bz)
            R[t] = exp(Z[t])
            S[t] = R[t] @ Uz + Z[t]
    """,
            "backward": """
        for every step t, last to first:
            dS_prev[t] = rows(bz)
    """,
        },
        {"forward": "S", "gradients": "S"},
        carries="dS_prev",
    )
    assert plan(program, in_place=False).spread == {"R", "dS_prev"}
    assert plan(program).spread == frozenset()
