"""Cells that are sound, and of which no kernel can be made."""

from __future__ import annotations

from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix, ones, size
from gru_codegen.functions import tanh
from tests.cells.sample import SAMPLE

K = size("K")
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


def test_no_input() -> None:
    alone = Equation(S, tanh(S_prev * U), "state")
    assert refusal((), (U,), alone) == (
        "it has no input, so no call could tell the number of time steps"
    )


def test_several_inputs_of_sizes_that_no_weight_has() -> None:
    v, u, narrow = matrix("v", B, K), matrix("u", B, K), matrix("A", K, H)
    state = Equation(S, tanh(v * narrow + S_prev), "state")
    assert refusal((v,), (narrow,), state) == (
        "v is (B, K), and no size is called D; call K that, the input size"
    )
    both = Equation(S, tanh(x * W + v * narrow + S_prev), "state")
    assert gc.generate(Cell("own", "a cell", "a test", (v, x), (W, narrow), {S: S_prev}, (both,)))
    cell = Cell(
        "own",
        "a cell",
        "a test",
        (v, u, x),
        (W, narrow),
        {S: S_prev},
        (Equation(S, tanh(x * W + (v + u) * narrow + S_prev), "state"),),
    )
    assert gc.generate(cell, style="textbook")


def test_a_size_called_as_the_number_of_steps() -> None:
    steps = size("T")
    down, up, Q = matrix("Wd", D, steps), matrix("Wu", steps, H), matrix("Q", B, steps)
    equations = (Equation(Q, x * down, "projection"), Equation(S, tanh(Q * up + S_prev), "state"))
    assert refusal((x,), (down, up), *equations) == (
        "T is the number of time steps; call the size something else"
    )


def test_an_input_size_of_another_name() -> None:
    given, weight = matrix("x", B, K), matrix("W", K, H)
    state = Equation(S, tanh(given * weight + S_prev), "state")
    assert refusal((given,), (weight,), state) == (
        "x is (B, K), and no size is called D; call K that, the input size"
    )


def test_a_size_of_another_name_beside_one_column() -> None:
    """What has one column tells nothing; the other one has to be called as usual."""
    r, given, weight = matrix("r", B, 1), matrix("x", B, K), matrix("W", K, H)
    state = Equation(S, tanh(given * weight + r * ones(1, H) + S_prev), "state")
    assert refusal((r, given), (weight,), state) == (
        "x is (B, K), and no size is called D; call K that, the input size"
    )


def test_a_size_that_no_array_tells() -> None:
    C, C_prev = matrix("C", B, K), matrix("C_prev", B, K)
    equations = (Equation(C, tanh(C_prev), "other state"), STATE)
    assert refusal((x,), (W, U), *equations, states={S: S_prev, C: C_prev}) == (
        "no input and no weight has the size K, so no call could tell it"
    )


def test_a_size_whose_parameter_an_adjoint_has() -> None:
    A, a_size = size("DA"), matrix("a_size", B, H)
    wide = matrix("V1", A, H), matrix("V2", D, A)
    equations = (
        Equation(a_size, x * wide[1] * wide[0], "value"),
        Equation(S, tanh(a_size + S_prev * U), "state"),
    )
    assert refusal((x,), (U, *wide), *equations) == (
        "the size DA and the adjoint of a_size would both be called da_size; rename one"
    )


@pytest.mark.parametrize("name", SAMPLE)
def test_the_cells_of_the_package_are_fit(name: str) -> None:
    assert gc.generate(gc.cells[name], readout="linear")


def test_samples_keep_apart() -> None:
    """That is asked of every declaration."""
    mixing = matrix("x", B, B)
    state = Equation(S, mixing * S_prev + ones(B, 1) * b, "state")
    with pytest.raises(gc.CellError, match=r"x is \(B, B\); a sample has nothing to do with the "):
        Cell("own", "a cell", "a test", (mixing,), (b,), {S: S_prev}, (state,))
