"""Cells that are sound, and of which no kernel can be made."""

from __future__ import annotations

from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, size
from gru_codegen.functions import tanh

K, O = size("K"), size("O")  # noqa: E741  # the output size is called O throughout
x, S_prev, S = matrix("x", B, D), matrix("S_prev", B, H), matrix("S", B, H)
W, U, b = matrix("W", D, H), matrix("U", H, H), matrix("b", 1, H)
STATE = Equation(S, tanh(x * W + S_prev * U), "state")


def refusal(
    inputs: tuple[Any, ...], weights: tuple[Any, ...], *equations: Equation, **more: Any
) -> str:
    """Why there is no kernel of a cell."""
    states = more.pop("states", {S: S_prev})
    cell = Cell("own", "a cell", "a test", inputs, weights, states, equations, **more)
    with pytest.raises(gc.CellError) as raised:
        gc.generate(cell)
    return str(raised.value).removeprefix("cell 'own': ")


def test_another_number_of_inputs() -> None:
    v = matrix("v", B, D)
    both = Equation(S, tanh(x * W + v * W + S_prev * U), "state")
    assert refusal((x, v), (W, U), both) == "a kernel takes one input x, not 2"
    alone = Equation(S, tanh(S_prev * U), "state")
    assert refusal((), (U,), alone) == "a kernel takes one input x, not 0"


@pytest.mark.parametrize("letter", [K, O], ids=str)
def test_a_size_that_a_kernel_cannot_know(letter: Any) -> None:
    down, up, Q = matrix("Wd", D, letter), matrix("Wu", letter, H), matrix("Q", B, letter)
    known = "a kernel knows the sizes B, D and H alone, and 1 as the rows of a vector"
    equations = (Equation(Q, x * down, "projection"), Equation(S, tanh(Q * up + S_prev), "state"))
    assert refusal((x,), (down, up), *equations) == f"weight Wd is (D, {letter}); {known}"
    formulas = Cell("own", "a cell", "a test", (x,), (down, up), {S: S_prev}, equations)
    assert len(gc.derive(formulas).gradients) == 2


def test_a_gate_of_one_number() -> None:
    column, gate = matrix("Wg", D, 1), matrix("G", B, 1)
    equations = (Equation(gate, x * column, "gate"), Equation(S, gate * b + S_prev, "state"))
    assert refusal((x,), (column, b), *equations).startswith("weight Wg is (D, 1); a kernel knows ")


def test_a_state_of_the_size_of_the_input() -> None:
    C, C_prev, V = matrix("C", B, D), matrix("C_prev", B, D), matrix("V1", D, D)
    other = Equation(C, tanh(C_prev * V + x), "other state")
    state = Equation(S, tanh(C * W + S_prev * U), "state")
    assert refusal((x,), (V, W, U), other, state, states={S: S_prev, C: C_prev}) == (
        "state C is (B, D); a kernel's is (B, H)"
    )


def test_a_size_of_the_input_that_the_input_does_not_have() -> None:
    given, down = matrix("x", B, H), matrix("V1", H, D)
    state = Equation(S, tanh(given * down * W + S_prev), "state")
    assert refusal((given,), (down, W), state) == (
        "weight V1 is (H, D), but input x is (B, H); a kernel takes the size D from its input"
    )


def test_no_weight_that_tells_the_hidden_size() -> None:
    down, Q = matrix("V1", H, D), matrix("Q", B, D)
    output = Equation(Q, hadamard(S_prev * down, x), "output")
    state = Equation(S, tanh(S_prev), "state")
    assert refusal((x,), (down,), output, state, output=Q) == (
        "no weight is (..., H), and a kernel takes the size H from one"
    )


@pytest.mark.parametrize("name", gc.cells)
def test_the_cells_of_the_package_are_fit(name: str) -> None:
    assert gc.generate(gc.cells[name], readout="linear")


def test_samples_keep_apart() -> None:
    """That is asked of every declaration."""
    mixing = matrix("x", B, B)
    state = Equation(S, mixing * S_prev + ones(B, 1) * b, "state")
    with pytest.raises(gc.CellError, match=r"x is \(B, B\); a sample has nothing to do with the "):
        Cell("own", "a cell", "a test", (mixing,), (b,), {S: S_prev}, (state,))
