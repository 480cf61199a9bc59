"""Fractions anywhere in a cell: kernels compute with them exactly, whatever the dtype."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from math import prod
from typing import Any

import numpy as np
import pytest
from sympy import Rational

import gru_codegen as gc
from gru_codegen import pipeline
from gru_codegen.cell import B, Cell, D, Equation, H, hadamard, matrix, ones
from gru_codegen.functions import tanh
from tests.shares import in_turn

x, S_prev = matrix("x", B, D), matrix("S_prev", B, H)
W, Wrec = matrix("W", D, H), matrix("Wrec", H, H)
Z, C, S = (matrix(name, B, H) for name in ("Z", "C", "S"))
ONE = ones(B, H)

#: The state, by how it is written.
STATES = {
    "1/2 ((1 - Z) o C)": Rational(1, 2) * hadamard(ONE - Z, C),
    "((1 - Z) / 2) o C": hadamard((ONE - Z) / 2, C),
    "(1/2 - Z) o C": hadamard(ONE / 2 - Z, C),
    "1/2 o Z o C": hadamard(ONE / 2, Z, C),
    "Z o C + 1/2": hadamard(Z, C) + ONE / 2,
    "(2/3 - Z / 2) o C - 3/4": hadamard(Rational(2, 3) * ONE - Z / 2, C) - Rational(3, 4) * ONE,
    "-1/3 (1/2 - Z) o (C + 1/3)": -hadamard(ONE / 2 - Z, C + ONE / 3) / 3,
    "(1/2 - Z / 3) Wrec + C": (ONE / 2 - Z / 3) * Wrec + C,
}
FORMS = [("fast", None), ("textbook", 3)]


def cell(state: Any, gate: Callable[[Any], Any] = tanh) -> Cell:
    """A cell with this state and, if it is not told otherwise, values that stay in bounds."""
    return Cell(
        name="fractions",
        title="cell with fractions",
        source="a test",
        inputs=(x,),
        weights=(W, Wrec),
        states={S: S_prev},
        equations=(
            Equation(Z, gate(x * W + S_prev * Wrec), "gate"),
            Equation(C, gate(hadamard(Z, S_prev) / 3 + ONE / 5), "candidate"),
            Equation(S, state, "state"),
        ),
    )


@pytest.mark.parametrize(("name", "form"), in_turn(STATES, FORMS), ids=str)
def test_a_cell_with_fractions_is_right(name: str, form: tuple[Any, int | None]) -> None:
    declared, (style, unroll) = cell(STATES[name]), form
    kernel = gc.load(declared, style=style, unroll=unroll)
    report = pipeline.check(kernel, declared)
    assert report, str(report)


@pytest.mark.parametrize(("style", "unroll"), FORMS)
@pytest.mark.parametrize("name", STATES)
def test_exact_elements_stay_exact(name: str, style: Any, unroll: int | None) -> None:
    polynomial = cell(STATES[name], gate=lambda a: a)  # which fractions can be put through
    kernel = gc.load(polynomial, style=style, unroll=unroll)

    def exact(*shape: int) -> Any:
        entries = [Fraction(3 * k % 7 - 3, k % 5 + 1) for k in range(prod(shape))]
        return np.array(entries, dtype=object).reshape(shape)

    T, rows, inputs, hidden = 3, 2, 3, 4
    params = kernel.Params(exact(inputs, hidden), exact(hidden, hidden))
    x, y, s0 = exact(T, rows, inputs), exact(T, rows, hidden), exact(rows, hidden)
    loss, gradients, state = kernel.loss_and_gradients(params, x, y, s0)
    for array in (loss, *gradients, state):
        assert {type(entry) for entry in np.ravel(array)} == {Fraction}
    # A quotient of differences of a polynomial is its slope, but for a relative error of h^2.
    h = Fraction(1, 10**30)
    for name, gradient in gradients._asdict().items():
        ahead, behind = (
            kernel.loss(params._replace(**{name: moved(getattr(params, name), by)}), x, y, s0)
            for by in (h, -h)
        )
        assert abs((ahead - behind) / (2 * h) - gradient[0, 1]) < h * (1 + abs(gradient[0, 1]))


def moved(weight: Any, by: Fraction) -> Any:
    other = weight.copy()
    other[0, 1] += by
    return other


def test_a_fraction_alone_is_written_as_one() -> None:
    source = gc.generate(cell(STATES["Z o C + 1/2"]))
    assert "S_t = 1/2 + Z_t o C_t\n" in source
