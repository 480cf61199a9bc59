"""Kernels of weights, states and inputs of any shapes: what is sound passes."""

from __future__ import annotations

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, size
from gru_codegen.functions import tanh
from gru_codegen.passes import Style
from gru_codegen.verify import verify

K = size("K")
x, x_h = matrix("x", B, D), matrix("x", B, H)
S, S_prev = matrix("S", B, H), matrix("S_prev", B, H)
A, A_prev = matrix("A", B, D), matrix("A_prev", B, D)
C, C_prev = matrix("C", B, K), matrix("C_prev", B, K)
W, U, b = matrix("W", D, H), matrix("U", H, H), matrix("b", 1, H)
P, Q, M = matrix("P", H, K), matrix("Q", K, H), matrix("M", K, K)
down = matrix("down", B, K)


def cell(*weights: object, inputs: object = x, **more: object) -> Cell:
    values = {"states": {S: S_prev}, **more}
    return Cell("own", "own cell", "a test", (inputs,), weights, **values)  # type: ignore[arg-type]


CELLS = {
    "one square": cell(U, inputs=x_h, equations=(Equation(S, tanh(x_h + S_prev * U), "state"),)),
    "one oblong": cell(W, equations=(Equation(S, tanh(x * W + S_prev), "state"),)),
    "one vector": cell(
        b, inputs=x_h, equations=(Equation(S, tanh(x_h + S_prev + ones(B, 1) * b), "state"),)
    ),
    "low rank": cell(
        P,
        Q,
        inputs=x_h,
        equations=(Equation(down, S_prev * P, "down"), Equation(S, tanh(x_h + down * Q), "state")),
    ),
    "no weight of the inputs": cell(
        M,
        states={A: A_prev, C: C_prev},
        equations=(
            Equation(A, tanh(x + hadamard(A_prev, A_prev)), "state"),
            Equation(C, tanh(C_prev * M), "other state"),
        ),
    ),
}


@pytest.mark.parametrize("style", ["fast", "textbook"])
@pytest.mark.parametrize("name", CELLS)
def test_every_shape_passes(name: str, style: Style) -> None:
    report = verify(gc.load(CELLS[name], style=style))
    assert report, str(report)


def test_an_error_about_what_has_other_sizes_fails() -> None:
    """Of W (D, H) and U (H, H), both in the message, only one fits what is wrong with x."""
    recurrent = Equation(S, tanh(x * W + S_prev * U), "state")
    kernel = gc.load(cell(W, U, equations=(recurrent,)), style="textbook")
    sound = kernel._check_shape

    def misnamed(name: str, *arguments: object) -> None:
        sound("params.U" if name == "x" else name, *arguments)

    vars(kernel)["_check_shape"] = misnamed
    [failure] = verify(kernel).failures
    assert failure.detail.startswith(
        "x (T,B,1) in forward: the error does not name it: ValueError: "
    )
