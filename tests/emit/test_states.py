"""Several states: they come in the order in which the cell declares them."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix
from gru_codegen.functions import tanh

x, W, Wrec = matrix("x", B, D), matrix("W", D, H), matrix("Wrec", H, H)
BEFORE = {matrix(name, B, H): matrix(f"{name}_prev", B, H) for name in ("P", "Q", "S")}
P, Q, S = BEFORE
P_prev, Q_prev, S_prev = BEFORE.values()


@pytest.mark.parametrize(("style", "unroll"), [("fast", None), ("textbook", 2)])
@pytest.mark.parametrize("order", [*permutations((P, Q, S))], ids=str)
def test_states_come_as_declared(order: tuple[Any, ...], style: Any, unroll: int | None) -> None:
    cell = Cell(
        name="three",
        title="cell with three states",
        source="a test",
        inputs=(x,),
        weights=(W, Wrec),
        states={state: BEFORE[state] for state in order},
        equations=(
            Equation(S, tanh(hadamard(Q_prev, S_prev) + x * W), "state"),
            Equation(P, hadamard(S, P_prev) + Q_prev, "memory"),
            Equation(Q, tanh(P * Wrec), "trace"),
        ),
    )
    kernel = gc.load(cell, style=style, unroll=unroll)
    names = tuple(state.name for state in order)
    assert names == kernel.STATES
    assert kernel.State._fields == names
    report = pipeline.check(kernel, cell)
    assert report, str(report)
