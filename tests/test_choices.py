"""Comparisons and choices: their meaning in files and in Python, and what they refuse."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sympy import Rational

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones, where
from gru_codegen.certificate.declaration import cell_of, data_of
from gru_codegen.errors import CellError
from gru_codegen.functions import FUNCTIONS, log, positive, sqrt, step, tanh
from gru_codegen.notation import Where
from gru_codegen.parse import load_cell
from gru_codegen.passes import LAYOUTS
from tests.parse.files import fault, load

x, S, S_prev, A = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H), matrix("A", B, H)
W, b = matrix("W", D, H), ones(B, 1) * matrix("b", 1, H)
ONE = ones(B, H)

FILE = """
name = "choices"
source = "none"
states = ["S"]
weights = { W = "(D, H)", b = "(H,)" }
equations = '''
A = x @ W                                   # potential
S = where(A > S_prev, log(A - S_prev), b) + (A >= b) / 2 + where(A < b, 0, S_prev * (A <= S_prev))
'''
"""


def test_a_file_and_python_mean_the_same(tmp_path: Path) -> None:
    kept = hadamard(S_prev, step(S_prev - A))
    value = where(positive(A - S_prev), log(A - S_prev), b) + step(A - b) / 2
    value = value + where(positive(b - A), 0 * ONE, kept)
    equations = (Equation(A, x * W, "potential"), Equation(S, value, "state"))
    cell = Cell("choices", "choices", "none", (x,), (W, b.args[1]), {S: S_prev}, equations)
    read = load(tmp_path, FILE)
    assert str(read) == str(cell)
    assert read.equations == cell.equations


def test_functions_get_arguments_at_which_they_are_finite() -> None:
    above = positive(A)
    guarded = where(A, log(A) + tanh(A), hadamard(A, sqrt(2 * A)))
    assert guarded == Where(
        above,
        log(Where(above, A, ONE)) + tanh(A),
        hadamard(A, sqrt(Where(above, ONE, 2 * A))),
    )
    assert where(above, where(above, A, S), S_prev) == Where(above, A, S_prev)
    assert where(above, A, where(above, A, S)) == Where(above, A, S)


def test_a_certificate_has_them(tmp_path: Path) -> None:
    cell = load(tmp_path, FILE)
    assert cell_of(data_of(cell)).equations == cell.equations


NEAR_POLES = """
name = "near-poles"
source = "none"
states = ["S"]
inputs = { x = "(B, H)" }
weights = { m = "(H,)" }
equations = '''
S = m * where(x > 0, log(x) + x ** 0.5 + 1 / x, where(x < 0, exp(-1000 * x) * 0.1, S_prev)) / 9
'''
"""


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("style", ["textbook", *LAYOUTS])
def test_nothing_that_is_not_chosen_reaches_a_gradient(style: str, tmp_path: Path) -> None:
    file = tmp_path / "cell.toml"
    file.write_text(NEAR_POLES)
    manner: dict[str, Any] = {"style": style} if style == "textbook" else {"layout": style}
    kernel = gc.load(load_cell(str(file)), **manner)
    arrays = np.array([0.0, 4.0, -1e-3, 900.0]), np.full((2, 1, 4), 3.0)
    x = np.array([[[0.0, 2.0, -1e-3, 800.0]], [[-1e-9, 0.0, 5.0, 0.0]]])
    outputs, _, pullback = kernel.vjp(kernel.Params(arrays[0]), x)
    params, d_x, d_s0 = pullback(arrays[1])
    for found in (outputs, *params, d_x, d_s0):
        assert np.isfinite(found).all()


def test_comparisons_with_nan_do_not_hold() -> None:
    for name in ("positive", "step"):
        record = FUNCTIONS[name].record
        assert record.on_array(np.array([np.nan]))[0] == 0


FAULTS = {
    "a number": ("where(1, A, b)", "1 is a number; a condition is of each entry", "1"),
    "the same": ("where(A > b, A, A)", "where(A > b, A, A) is the same either way; write A", ""),
    "two of three": ("where(A > b, A)", "where takes three arguments, not 2", ""),
    "shapes": (
        "where(x > 0, A, b)",
        "x > 0 is (B, D), A is (B, H); a condition and what it chooses must have one shape",
        "",
    ),
    "three in a row": (
        "(b < A < 1) * A",
        "b < A < 1 compares more than two; both of two conditions are a product, as "
        "(A > B) * (B > C)",
        "b < A < 1",
    ),
    "numbers": ("A * (1 < 2)", "1 < 2 is of two numbers; write its value", "1 < 2"),
    "equals": ("A * (A < A)", "A < A compares equals; write 1 or 0", "A < A"),
    "a difference": (
        "A * (A < A + 1/3)",
        "A and A + 1/3 differ by a number alone; write what A < A + 1/3 always is",
        "A < A + 1/3",
    ),
    "the larger": (
        "maximum(A, A - 1/3)",
        "A and A - 1/3 differ by a number alone; write what maximum(A, A - 1/3) always is",
        "",
    ),
    "a sum": ("tanh(A + 1/3 - A)", "A + 1/3 - A is always 1/3; write that", "A + 1/3 - A"),
    "equality": ("A == b", "== is not known here; equations take names", "=="),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_no_choice(name: str, tmp_path: Path) -> None:
    wrong, message, marked = FAULTS[name]
    lines = FILE.replace("S = where", f"S = S_prev * b + {wrong} + where")
    found = fault(tmp_path, lines)
    assert found.message.startswith(message)
    assert found.marked == (marked or wrong)
    assert found.place.startswith("8:")


def test_what_is_no_choice_in_python() -> None:
    for condition, message in ((A, "chooses by what is no comparison"), (positive(x), "(B, D)")):
        equation = Equation(S, Where(condition, A, S_prev), "state")
        with pytest.raises(CellError, match=message.replace("(", r"\(").replace(")", r"\)")):
            Cell("c", "c", "none", (x,), (W,), {S: S_prev}, (Equation(A, x * W, "a"), equation))


def test_functions_of_numbers_alone_in_python() -> None:
    """In place nothing could be written to, and the sign of 1/3 was an element of the field."""
    value = hadamard(positive(Rational(1, 3) * ONE), S_prev)
    equations = (Equation(A, x * W, "a"), Equation(S, A + value, "state"))
    with pytest.raises(CellError, match=r"equation S: positive\(1/3\) is of numbers alone"):
        Cell("c", "c", "none", (x,), (W,), {S: S_prev}, equations)


def test_a_fraction_is_chosen_exactly() -> None:
    value = where(A, Rational(1, 3) * ONE, S_prev)
    cell = Cell(
        "thirds", "thirds", "none", (x,), (W,), {S: S_prev},
        (Equation(A, x * W, "gate"), Equation(S, value, "state")),
    )  # fmt: skip
    kernel = gc.load(cell, style="textbook")
    found, _ = kernel.forward(kernel.Params(np.ones((1, 1))), np.array([[[1.0]], [[-1.0]]]))
    assert found.ravel().tolist() == [1 / 3, 1 / 3]
