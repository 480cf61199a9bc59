"""What a derivation is lowered to, and what its statements say of the equations behind them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sympy import MatrixSymbol
from sympy.matrices.expressions.determinant import Determinant
from sympy.matrices.expressions.inverse import Inverse

import gru_codegen as gc
from gru_codegen.cell import B, Cell, D, Equation, H, matrix
from gru_codegen.errors import ProgramError
from gru_codegen.functions import tanh
from gru_codegen.ir import Program
from gru_codegen.ir.printing import printed
from gru_codegen.lower import lower
from gru_codegen.lower.expressions import Scope, lowered
from gru_codegen.lower.variables import Variables
from gru_codegen.passes import LAYOUTS
from gru_codegen.request import complete


def equations(program: Program) -> list[str]:
    return [
        program.equations[each].text
        for statement in program.statements()
        for each in statement.origin.equations
    ]


@pytest.fixture
def twice() -> Cell:
    """A cell that uses one weight in two products: its gradient is a sum of two."""
    x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
    W, Wrec = matrix("W", D, H), matrix("Wrec", H, H)
    Z, S = matrix("Z", B, H), matrix("S", B, H)
    return Cell(
        name="twice",
        title="cell that uses a weight twice",
        source="a test",
        inputs=(x,),
        weights=(W, Wrec),
        states={S: S_prev},
        equations=(
            Equation(Z, tanh(x * W + S_prev * Wrec), "gate"),
            Equation(S, tanh(Z * Wrec), "state"),
        ),
    )


def test_a_sum_over_time_of_a_sum_is_in_brackets(twice: Cell) -> None:
    found = equations(lower(gc.derive(twice)))
    assert "dW = sum_t x_t^T daZ_t" in found
    assert "dWrec = sum_t (Z_t^T daS_t + S_{t-1}^T daZ_t)" in found


def test_an_equation_of_lengths_does_not_contradict_itself() -> None:
    found = equations(lower(gc.derive(gc.GRU)))
    assert "S_t = M_t o S_{t-1} + (1 - M_t) o S'_t" in found
    assert "dS'_t = (1 - M_t) o dS_t" in found
    assert "dS_prev_t <- dS_prev_t + dS_held_t" in found


def test_a_mean_says_over_how_many_numbers() -> None:
    found = equations(lower(gc.derive(gc.GRU, gc.losses["l2-mean"])))
    assert "L = 1/(T B H) sum_t tr(E_t^T E_t)" in found
    assert "dO_t <- 1/(T B H) dO_t" in found


def test_a_mean_over_a_readout_counts_its_columns() -> None:
    cell = complete(gc.GRU, "linear")
    found = equations(lower(gc.derive(cell, gc.losses["l2-mean"])))
    assert "L = 1/(T B O) sum_t tr(E_t^T E_t)" in found


def test_the_header_has_the_loss_that_is_computed() -> None:
    source = gc.generate(gc.GRU, loss=gc.losses["l2-mean"])
    assert source.count("    = 1/(T B H) sum_t tr(E_t^T E_t) ") == 2  # docstring, EQUATIONS


def test_the_gru_is_lowered_to_what_is_written_down() -> None:
    """Statement by statement; tests/data/lowered_gru.txt is to be read beside the equations."""
    expected = Path(__file__).parent.joinpath("data", "lowered_gru.txt").read_text(encoding="utf-8")
    assert printed(lower(gc.derive(gc.GRU)), origins=False) == expected


@pytest.mark.parametrize(
    ("node", "message"),
    [
        (Inverse(MatrixSymbol("A", 3, 3)), "Inverse cannot be lowered: A**(-1); known are "),
        (Determinant(MatrixSymbol("A", 3, 3)), "Determinant cannot be lowered: Determinant(A); "),
    ],
)
def test_an_unknown_node_is_refused_by_name(node: object, message: str) -> None:
    with pytest.raises(ProgramError) as error:
        lowered(node, Scope(Variables(gc.derive(gc.GRU)), None))
    assert str(error.value).startswith(message)
    assert "MatrixSymbol, OneMatrix, ZeroMatrix, MatAdd, HadamardProduct" in str(error.value)


@pytest.mark.parametrize(
    ("loss", "known"),
    [("cross-entropy", "dO_t = dN_t = softmax(O_t) - Y_t"), ("bce", "= sigmoid(O_t) - Y_t")],
)
@pytest.mark.parametrize("form", [{"style": "textbook"}, *({"layout": name} for name in LAYOUTS)])
def test_a_kernel_says_the_adjoint_that_everyone_knows(
    loss: str, known: str, form: dict[str, Any]
) -> None:
    source = gc.generate(gc.GRU, loss=gc.losses[loss], **form)
    comments = [line.strip(" #") for line in source.splitlines() if line.lstrip().startswith("#")]
    assert known in " ".join(comments)
