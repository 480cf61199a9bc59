"""Functions of whole rows: what is declared, what is refused, and that a shift has no effect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix
from gru_codegen.certificate.declaration import cell_of, data_of
from gru_codegen.derive.proof import prove_of_no_effect
from gru_codegen.equations import shape_of
from gru_codegen.errors import CellError, DerivationError
from gru_codegen.forms import added, scaled, widened
from gru_codegen.functions import exp, reciprocal, tanh
from gru_codegen.ir.reading import read_program
from gru_codegen.notation import RowFunction
from gru_codegen.parse import load_cell
from gru_codegen.rows import (
    log_softmax,
    row_max,
    row_mean,
    row_sum,
    share,
    size_of_share,
    softmax,
)

CELLS = Path(__file__).with_name("verify") / "cells"

x, S_prev, S = matrix("x", B, D), matrix("S_prev", B, H), matrix("S", B, H)
W, U = matrix("W", D, H), matrix("U", H, H)
A = x * W + S_prev * U
LARGEST = RowFunction("row_max", A)
SHIFTED = exp(added(A, scaled(-1, LARGEST)))


def cell_with(value: Any) -> Cell:
    """A cell whose state is `value`."""
    return Cell("rows", "rows", "none", (x,), (W, U), {S: S_prev}, (Equation(S, value, "state"),))


# --- what is declared -----------------------------------------------------------------------------


def test_sums_and_means_of_rows_are_columns() -> None:
    assert shape_of("here", row_sum(A)) == (B, 1)
    assert shape_of("here", row_mean(S_prev)) == (B, 1)
    assert shape_of("here", row_max(A)) == (B, 1)
    assert shape_of("here", softmax(A)) == (B, H)
    column = matrix("g", B, 1)
    assert row_sum(column) == row_mean(column) == row_max(column) == column


def test_one_over_a_size_is_no_symbol_that_a_cell_declares() -> None:
    assert size_of_share(share(H)) == H
    assert size_of_share(matrix("H", 1, 1)) is None
    assert str(cell_with(widened(row_mean(A), H))).endswith(" ones 1/H ones^T")


@pytest.mark.parametrize("name", ["softmax", "layer_norm_lstm", "largest"])
def test_a_declaration_and_a_program_come_back_whole(name: str) -> None:
    cell = load_cell(str(CELLS / f"{name}.toml"))
    again = cell_of(json.loads(json.dumps(data_of(cell))))
    assert [e.expression for e in again.equations] == [e.expression for e in cell.equations]
    program = gc.program(cell)
    assert str(read_program(str(program))) == str(program)


# --- the shift ------------------------------------------------------------------------------------


def test_nothing_is_differentiated_through_the_choice_of_the_largest() -> None:
    derivation = gc.derive(cell_with(softmax(A)))
    [shift] = [e.target for e in derivation.equations if isinstance(e.expression, RowFunction)]
    assert shift not in {adjoint.of for adjoint in derivation.adjoints}
    prove_of_no_effect(derivation.equations, shift)


@pytest.mark.parametrize(
    "value",
    [
        tanh(added(A, scaled(-1, LARGEST))),
        SHIFTED,
        hadamard(SHIFTED, widened(reciprocal(row_sum(exp(A))), H)),
        hadamard(exp(A), widened(reciprocal(row_sum(SHIFTED)), H)),
        added(softmax(A), scaled(2, LARGEST)),
    ],
    ids=["difference", "exponentials", "numerator alone", "sum alone", "beside softmax"],
)
def test_what_depends_on_the_largest_of_a_row_is_refused(value: Any) -> None:
    with pytest.raises(DerivationError) as raised:
        gc.derive(cell_with(value))
    assert str(raised.value).startswith("equation S: it depends on S_part")
    assert str(raised.value).endswith(
        ", the largest number of each row, which has no derivative here; softmax does not"
    )


@pytest.mark.parametrize(
    "rows",
    [scaled(2, S_prev), S_prev * U, hadamard(tanh(S_prev), S_prev), softmax(A), A],
    ids=["multiple", "product", "elementwise product", "softmax", "sum"],
)
@pytest.mark.parametrize("function", [softmax, log_softmax])
def test_what_a_shift_is_the_largest_of_is_computed_once(function: Any, rows: Any) -> None:
    derivation = gc.derive(cell_with(function(rows) + tanh(A)))
    assert all(adjoint.terms or adjoint.carry for adjoint in derivation.adjoints)


@pytest.mark.parametrize("style", ["fast", "textbook"])
def test_the_derivative_of_the_largest_is_shared_between_equals(style: Any) -> None:
    kernel = gc.load(cell_with(added(A, widened(row_max(S_prev), H))), style=style)
    params = kernel.Params(W=np.zeros((2, 3)), U=np.zeros((3, 3)))
    s0 = np.array([[1.0, 3, 2], [4, 5, 5], [6, 6, 6], [-3, -1, -2]])
    outputs, _, pullback = kernel.vjp(params, np.ones((1, 4, 2)), s0)
    assert outputs[0, :, 0].tolist() == [3, 5, 6, -1]
    _, _, d_s0 = pullback(np.ones((1, 4, 3)) / 3)
    shares = np.array([[0, 1, 0], [0, 1 / 2, 1 / 2], [1 / 3] * 3, [0, 1, 0]])
    np.testing.assert_allclose(d_s0, shares, rtol=1e-15)


# --- words of files -------------------------------------------------------------------------------


def written(tmp_path: Path, equation: str) -> Cell:
    file = tmp_path / "cell.toml"
    file.write_text(
        'name = "c"\nstates = ["S"]\nweights = { W = "(D, H)", a = "()", b = "(H,)" }\n'
        f'equations = """\nS = {equation} + tanh(x @ W + a * S_prev + b)\n"""\n'
    )
    return load_cell(str(file))


def test_a_row_of_a_vector_has_one_sum(tmp_path: Path) -> None:
    cell = written(tmp_path, "row_sum(b) * S_prev + row_mean(a)")
    assert gc.derive(cell).cell is cell


@pytest.mark.parametrize(
    ("equation", "place", "message"),
    [
        (
            "row_mean(2)",
            "5:14",
            "2 is a number; a function takes the entries of a matrix or of a vector",
        ),
        ("softmax(S_prev, 1)", "5:5", "softmax takes one argument, not 2"),
        ("layer_norm(S_prev, b)", "5:5", "layer_norm takes three arguments, not 2"),
        ("layer_norm(a, a, a)", "5:16", "a has one number in each row; their mean is that number"),
        ("layer_norm(b, S_prev, b)", "5:19", "S_prev is larger than b, (H,)"),
        (
            "layer_norm(S_prev, x, b)",
            "5:5",
            "S_prev is (B, H), x is (B, D); "
            "what is normalised and its gain and bias must have one shape",
        ),
        ("row_sum(2)", "5:13", "2 is a number; a function takes the entries of a matrix or of"),
        ("row_max(S_prev, x)", "5:5", "row_max takes one argument, not 2"),
    ],
)
def test_a_wrong_use_is_shown_in_its_place(
    tmp_path: Path, equation: str, place: str, message: str
) -> None:
    with pytest.raises(CellError) as raised:
        written(tmp_path, equation)
    first = str(raised.value).splitlines()[0]
    assert f":{place}: {message}" in first
