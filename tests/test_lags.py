"""Delays: the states that they add, in Python and in files alike, and what is no delay."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, lag, matrix
from gru_codegen.cells.gru import GRU
from gru_codegen.errors import CellError
from gru_codegen.functions import tanh
from gru_codegen.lags import MOST_STEPS
from tests.parse.files import fault, load

x, S, S_prev, A = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H), matrix("A", B, H)
W, V, U, Q = matrix("W", D, H), matrix("Vx", D, H), matrix("U", H, H), matrix("Q", H, H)


def declared(**changes: Any) -> Cell:
    equations = (
        Equation(A, tanh(x * W + lag(x, 2) * V), "gate"),
        Equation(S, hadamard(A, lag(A, 1)) + S_prev * U + lag(S, 3) * Q, "state"),
    )
    given: dict[str, Any] = {"states": {S: S_prev}, "equations": equations, **changes}
    return Cell("delays", "delays", "none", (x,), (W, V, U, Q), **given)


FILE = """
name = "delays"
source = "none"
states = ["S"]
weights = { W = "(D, H)", Vx = "(D, H)", U = "(H, H)", Q = "(H, H)" }
equations = '''
A = tanh(x @ W + lag(x, 2) @ Vx)             # gate
S = A * lag(A, 1) + lag(S, 1) @ U + lag(S, 3) @ Q
'''
"""
MEANT = """\
A_t      = tanh(x_t W + x_lag1_{t-1} Vx)
S_t      = S_{t-1} U + A_t o A_{t-1} + S_lag2_{t-1} Q
x_lag0_t = x_t
x_lag1_t = x_lag0_{t-1}
S_lag1_t = S_{t-1}
S_lag2_t = S_lag1_{t-1}"""


def test_a_file_and_python_mean_the_same(tmp_path: Path) -> None:
    read, made = load(tmp_path, FILE), declared()
    assert str(read) == str(made) == MEANT
    assert list(read.states) == list(made.states)
    assert read.equations == made.equations


def test_a_delay_of_one_step_of_a_state_is_its_previous_value() -> None:
    plain = declared()
    read = [e.expression.xreplace({S_prev: lag(S, 1)}) for e in plain.equations[:2]]
    equations = (Equation(A, read[0], "gate"), Equation(S, read[1], "state"))
    same = replace(plain, equations=(*equations, *plain.equations[2:]))
    assert str(same) == str(plain)


def test_states_of_delays_have_the_range_of_what_is_delayed() -> None:
    cell = declared(checks={x: (0.5, 1), S: (0, 2)})
    ranges = {symbol.name: ends for symbol, ends in cell.checks.items()}
    assert ranges == {
        **dict.fromkeys(["x", "x_lag0", "x_lag1"], (0.5, 1)),
        **dict.fromkeys(["S", "S_lag1", "S_lag2"], (0, 2)),
    }


def test_a_cell_may_have_no_state_but_those_of_delays() -> None:
    equations = (Equation(S, tanh(x * W + lag(S, 1) * U), "state"),)
    cell = Cell("rnn", "rnn", "none", (x,), (W, U), {}, equations)
    assert dict(cell.states) == {S: S_prev}
    assert cell.output == S


def test_what_is_no_delay_in_python() -> None:
    cases: list[tuple[Any, Any, str]] = [
        (tanh(x), 1, "it takes a symbol"),
        (S, 0, f"a whole number of steps from 1 to {MOST_STEPS}"),
        (S, MOST_STEPS + 1, f"a whole number of steps from 1 to {MOST_STEPS}"),
        (S, 1.0, "a whole number of steps"),
    ]
    for symbol, steps, message in cases:
        with pytest.raises(CellError, match=re.escape(message)):
            lag(symbol, steps)
    equation = Equation(S, tanh(x * W + lag(W, 1)), "state")
    with pytest.raises(CellError, match=r"^cell 'gru': lag\(W, ...\) delays what is neither"):
        replace(GRU, equations=(equation,))


def test_a_name_that_delays_need_is_taken() -> None:
    taken = Equation(matrix("S_lag1", B, H), S_prev, "taken")
    with pytest.raises(CellError, match="S_lag1 is declared twice"):
        declared(equations=(taken, *declared().equations[:1], Equation(S, lag(S, 2), "state")))


def test_delays_of_a_cell_take_so_many_states_and_no_more() -> None:
    symbols = [matrix(f"A{n}", B, H) for n in range(5)]
    equations = [Equation(A, lag(A, MOST_STEPS), "value") for A in symbols]
    with pytest.raises(CellError, match="its delays take more than 64 states"):
        Cell("many", "many", "none", (x,), (W,), {S: S_prev}, (Equation(S, x * W, "s"), *equations))


TWO = "lag(A, 1)"
FAULTS = {
    "no number": ("lag(A, A)", "a delay is a whole number of steps from 1 to 16, not A", "A"),
    "too few": ("lag(A, 0)", "a delay is a whole number of steps from 1 to 16, not 0", "0"),
    "too many": ("lag(A, 17)", "a delay is a whole number of steps from 1 to 16, not 17", "17"),
    "half": ("lag(A, 1/2)", "a delay is a whole number of steps from 1 to 16, not 1/2", "1/2"),
    "one argument": (
        "lag(A)",
        "lag(A) is no delay; it is of a name and a number of steps, as lag(S, 2)",
        "lag(A)",
    ),
    "of a sum": (
        "lag(A + A, 1)",
        "lag(A + A, 1) is no delay; it is of a name and a number of steps, as lag(S, 2)",
        "lag(A + A, 1)",
    ),
    "of a weight": (
        "lag(U, 1)",
        "U is a weight; a delay is of what changes from step to step",
        "U",
    ),
    "previous": ("lag(S_prev, 2)", "S_prev is S one step earlier; write lag(S, 3)", "S_prev"),
    "unknown": ("lag(Aa, 1)", "there is no name Aa; did you mean A?", "Aa"),
    "twice previous": (
        "S_prev_prev",
        "there is no name S_prev_prev; S 2 steps earlier is lag(S, 2)",
        "S_prev_prev",
    ),
    "of the input": (
        "x_prev @ W",
        "there is no name x_prev; x one step earlier is lag(x, 1)",
        "x_prev",
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_delay_in_a_file(name: str, tmp_path: Path) -> None:
    wrong, message, marked = FAULTS[name]
    found = fault(tmp_path, FILE.replace(TWO, wrong))
    assert found.message.startswith(message)
    assert (found.marked, found.place[:2]) == (marked, "8:")


LATER = FILE.replace("A = tanh(", "Q2 = lag(A, 1)\nA = tanh(").replace("S = A", "S = Q2 + A")
NAMED = FILE.replace("Vx", "x_lag1")


def test_a_matrix_that_is_computed_later_is_declared_as_a_state(tmp_path: Path) -> None:
    found = fault(tmp_path, LATER)
    assert found.marked == "A"
    assert found.message == (
        "A is computed only in line 8; move its equation up, or declare its shape, as "
        'states = { A = "(B, H)" }'
    )
    assert load(tmp_path, LATER.replace('["S"]', '["S", "A"]'))


def test_names_that_delays_of_a_file_need(tmp_path: Path) -> None:
    found = fault(tmp_path, NAMED)
    assert found.message == "lag(x, 2) needs the name x_lag1, which is a weight already"
    assert found.marked == "x"
    found = fault(tmp_path, FILE.replace("S = A *", "A_prev = A\nS = A_prev * A *"))
    assert found.message == "lag(A, 1) needs the name A_prev, which is a left side already"
    found = fault(tmp_path, FILE.replace("S = A", "x_lag0 = A\nS = x_lag0 + A"))
    assert found.message == "x_lag0 is what lag(x, ...) needs already"
