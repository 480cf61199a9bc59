"""Sums of rows and vectors as rows: NumPy has fewer numbers for them than their shapes say."""

from __future__ import annotations

from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, matrix, ones
from gru_codegen.functions import tanh
from tests.shares import in_turn

x, S, S_prev = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H)
A, A_prev = matrix("A", B, D), matrix("A_prev", B, D)
P, Q, R = (matrix(name, B, H) for name in "PQR")
W, U, b = matrix("W", D, H), matrix("U", H, H), matrix("b", 1, H)
sum_of_rows = ones(H, H)
given = x * W + S_prev * U


def cell(weights: tuple[Any, ...], *equations: tuple[Any, Any], **more: Any) -> Cell:
    named = tuple(Equation(target, expression, "matrix") for target, expression in equations)
    values = {"states": {S: S_prev}, **more}
    return Cell("own", "own cell", "a test", (x,), weights, equations=named, **values)


CELLS = {
    "whose adjoint is a carry": cell((W, U), (P, S_prev * sum_of_rows), (S, tanh(x * W + P * U))),
    "whose adjoint is multiplied": cell((W, U), (P, given), (S, tanh(P * sum_of_rows - 2 * P))),
    "of a sum of rows": cell(
        (W, U), (P, given), (Q, P * sum_of_rows), (R, Q * sum_of_rows / 3), (S, tanh(R * U) - Q)
    ),
    "of the inputs": cell(
        (W, U),
        (A, x * ones(D, D) - A_prev),
        (S, tanh(A * W + S_prev * U)),
        states={A: A_prev, S: S_prev},
        output=S,
    ),
    "a vector, multiplied": cell((W, U, b), (P, ones(B, 1) * b), (S, tanh(given + P * U))),
}


@pytest.mark.parametrize(("name", "manner"), in_turn(CELLS, ["rows", "columns", "textbook"]))
def test_the_kernel_is_right(name: str, manner: Any) -> None:
    how: Any = {"style": "textbook"} if manner == "textbook" else {"layout": manner}
    report = pipeline.check(gc.load(CELLS[name], **how), CELLS[name])
    assert report, str(report)
