"""Equations outside the time loop, of weights alone: derived once, and summed up over the steps."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import gru_codegen as gc
from gru_codegen.audit.model import Model
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.errors import CellError
from gru_codegen.functions import exp, softplus, tanh
from gru_codegen.grade.symbols import symbols_of
from gru_codegen.parse import load_cell

x, S, S_PREV = matrix("x", B, D), matrix("S", B, H), matrix("S_prev", B, H)
W, U, V = matrix("W", D, H), matrix("U", H, H), matrix("Ue", H, H)
a, lam, C = matrix("a", 1, H), matrix("lam", 1, H), matrix("C", H, H)
OF_WEIGHTS = Path(__file__).parents[1] / "verify" / "cells" / "of_weights.toml"


def cell(*equations: Equation, **given: Any) -> Cell:
    return Cell(
        name="made",
        title="made of weights",
        source="here",
        inputs=(x,),
        weights=(W, U, a),
        states={S: S_PREV},
        equations=equations,
        **given,
    )


MADE = cell(
    Equation(lam, exp(-a), "decay"),
    Equation(V, hadamard(ones(H, 1) * lam, U), "weights"),
    Equation(S, x * W + S_PREV * V + S_PREV * U + tanh(S_PREV) * softplus(U), "state"),
)


def section(text: str, heading: str) -> list[str]:
    lines = text.partition(f"{heading}\n\n")[2].partition("\n\n")[0].splitlines()
    return [" ".join(line.partition("   read by")[0].split()) for line in lines]


def test_their_adjoints_are_sums_over_time_and_go_on_once() -> None:
    text = str(gc.derive(MADE))
    assert section(text, "Adjoints outside the time loop") == [
        "dS_weights = sum_t S_part_t^T dS_t",
        "dUe = sum_t S_{t-1}^T dS_t",
        "dUe_weights = dUe o U",
        "dlam = ones^T dUe_weights",
        "dalam = dlam o lam",
    ]
    assert section(text, "Gradients") == [
        "dW = sum_t x_t^T dS_t",
        "dU = dS_weights o sigmoid(U) + dUe o Ue_weights + sum_t S_{t-1}^T dS_t",
        "da = -dalam",
    ]


def test_they_stand_before_and_behind_the_steps_that_are_written_out() -> None:
    unrolled = gc.derive(MADE).unroll(2)
    assert [str(target) for target, _ in unrolled.before] == [
        "lam",
        "Ue_weights",
        "Ue",
        "S_weights",
    ]
    assert [str(target) for target, _ in unrolled.behind] == [
        *("dS_weights", "dUe", "dUe_weights", "dlam", "dalam")
    ]
    assert "dUe = S_0^T dS_1 + S_1^T dS_2" in " ".join(str(unrolled).split())


def test_constants_alone_get_no_adjoint() -> None:
    fixed = cell(
        Equation(V, tanh(C), "constants"),
        Equation(S, x * W + S_PREV * V * U + ones(B, 1) * a, "state"),
        constants={C: None},
    )
    assert gc.derive(fixed).outside == ()


def test_its_program_computes_them_once() -> None:
    program = gc.program(MADE, after="lower")
    forward, _, backward, _ = program.phases
    *before, loop = forward.blocks
    assert [str(each) for each in before] == [
        "lam = exp(-a)",
        "Ue_weights = row(lam)",
        "Ue = row(lam) * U",
        "S_weights = softplus(U)",
    ]
    assert "S[t-1] @ Ue" in str(loop)
    loop, *behind = backward.blocks
    assert "dUe += contract(S[t-1], dS[t])" in str(loop)
    assert [str(each) for each in behind] == [
        "dUe_weights = dUe * U",
        "dlam = column_sum(dUe_weights)",
        "dalam = dlam * lam",
        "dU += dS_weights * sigmoid(U) + dUe * Ue_weights",
        "da = -dalam",
    ]


@pytest.mark.parametrize("layout", ["textbook", "rows", "columns", "folded"])
def test_no_pass_moves_them_into_the_steps_or_puts_what_reads_them_before(layout: str) -> None:
    choices: dict[str, Any] = {"style" if layout == "textbook" else "layout": layout}
    forward = gc.program(MADE, **choices).phases[0]
    loops = [str(block) for block in forward.blocks if "for every" in str(block)]
    assert loops
    assert not any("softplus" in loop or "exp" in loop for loop in loops)


@pytest.mark.parametrize("use", ["grade", "audit"])
def test_readers_of_steps_alone_refuse_them(use: str) -> None:
    reader: Callable[[gc.Derivation], object] = symbols_of if use == "grade" else Model
    with pytest.raises(CellError, match=f"^cell 'made': {use} is of the equations of time steps"):
        reader(gc.derive(MADE))


def test_what_knows_steps_alone_refuses_them() -> None:
    said = (
        "credit is of the equations of time steps alone, and lam is computed once, of weights alone"
    )
    with pytest.raises(CellError, match=f"^cell 'made': {said}$"):
        gc.generate(MADE, extras=["credit"])


@pytest.mark.parametrize(
    ("equation", "message"),
    [
        (
            Equation(V, S_PREV.T * S_PREV, "of steps"),
            "equation Ue: Ue is (H, H); what changes from step to step has one row per sample",
        ),
        (Equation(V, C * U, "of none"), "equation Ue: C is not declared; declared are"),
        (
            Equation(V, hadamard(lam, U), "of one row"),
            "equation Ue: lam is (1, H), U is (H, H); the terms of a sum and the factors",
        ),
        (
            Equation(matrix("Ue", H, D), U * U.T, "wrong"),
            "equation Ue: the right-hand side is (H, H), Ue is (H, D)",
        ),
    ],
)
def test_what_no_such_equation_can_be(equation: Equation, message: str) -> None:
    first = Equation(lam, exp(-a), "decay")
    with pytest.raises(CellError) as raised:
        cell(first, equation, Equation(S, x * W + S_PREV * U + ones(B, 1) * a, "state"))
    assert str(raised.value).removeprefix("cell 'made', ").startswith(message)


def test_the_output_has_one_row_per_sample() -> None:
    with pytest.raises(CellError, match=r"lam is \(1, H\); what changes from step to step has one"):
        cell(Equation(lam, exp(-a), "decay"), Equation(S, x * W + S_PREV * U, "state"), output=lam)


def test_a_trace_has_the_matrices_of_steps() -> None:
    kernel = gc.load(MADE, extras=["trace"])
    assert kernel.Trace._fields == ("S_part", "S")


def test_the_lesson_tells_them_apart_from_the_steps() -> None:
    text = gc.inspect(MADE, unroll=2, spec="made.toml")
    once = text.partition("Once, before all time steps, of weights alone:")[2]
    assert once.split()[:3] == ["lam", "=", "exp(-a)"]
    assert "What is computed of weights alone has no time step." in text
    assert "grade --template" not in text


def test_every_form_of_them_is_derived_and_proved() -> None:
    derivation = gc.derive(load_cell(str(OF_WEIGHTS)))
    assert len(derivation.outside) > 30
    assert all(term.rules for each in derivation.sums for term in each.terms)
