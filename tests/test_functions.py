from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
import sympy as sp
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.cell import Cell
from gru_codegen.equations import B, D, Equation, H, matrix, ones
from gru_codegen.evaluate import evaluate
from gru_codegen.functions import FUNCTIONS, sigmoid, tanh
from gru_codegen.ir import ELEMENTWISE

Array = NDArray[Any]

Z = matrix("Z", B, H)
a = sp.Symbol("a")


def test_a_function_of_a_matrix_applies_to_every_entry() -> None:
    values = np.array([[-2.0, 0.0, 1.5]])
    assert sigmoid(Z).shape == (B, H)
    assert evaluate(sigmoid(Z), {Z: values}) == pytest.approx(1 / (1 + np.exp(-values)), rel=1e-15)
    assert evaluate(tanh(Z), {Z: values}) == pytest.approx(np.tanh(values), rel=1e-15)


def test_a_function_of_a_number_stays_as_it_is_written() -> None:
    assert sigmoid(a).args == (a,)
    assert sigmoid(sp.Integer(0)) != sp.Rational(1, 2)
    assert not sigmoid(a).rewrite(sp.exp).has(sp.exp)


def test_equal_calls_are_equal() -> None:
    assert tanh(Z) == tanh(Z)
    assert hash(tanh(Z)) == hash(tanh(Z))
    assert tanh(Z) != sigmoid(Z)
    assert tanh(Z) != tanh(2 * Z)


def test_the_bound_variable_is_no_dummy() -> None:
    """SymPy's own is one, numbered at random: texts would differ from process to process."""
    assert "Dummy" in sp.srepr(Z.applyfunc(tanh))
    assert "Dummy" not in sp.srepr(tanh(sigmoid(Z)))


def test_derivatives_are_polynomials_in_the_function_itself() -> None:
    assert sp.diff(sigmoid(a), a) == sigmoid(a) * (1 - sigmoid(a))
    assert sp.diff(tanh(a), a) == 1 - tanh(a) ** 2
    inner = sigmoid(3 * a)
    chain = (1 - tanh(inner) ** 2) * inner * (1 - inner) * 3
    assert sp.expand(sp.diff(tanh(inner), a) - chain) == 0


def numeric(name: str) -> Callable[[Array], Array]:
    return lambda points: np.asarray(evaluate(FUNCTIONS[name](Z), {Z: points}))


def derivative(name: str) -> Callable[[Array], Array]:
    known = {n: numeric(n) for n in FUNCTIONS}
    taken = sp.lambdify(a, sp.diff(FUNCTIONS[name](a), a), known)
    return lambda points: taken(points) + 0 * points


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_derivative_is_that_of_the_numeric_function(name: str) -> None:
    """Wherever the record does not say that it jumps, is infinite or is not defined."""
    record, step = ELEMENTWISE[name], 1e-5
    points = np.arange(-3, 4.01, 1 / 64)[None]  # whole numbers among them
    points = points[:, points[0] > (-np.inf if record.above is None else record.above)]
    for bad in (*record.poles, *record.kinks):
        points = points[:, abs(points[0] - float(bad)) > (0.1 if bad in record.poles else step)]
    difference = (numeric(name)(points + step) - numeric(name)(points - step)) / (2 * step)
    assert derivative(name)(points) == pytest.approx(difference, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_both_are_finite_at_the_safe_argument_and_not_at_a_pole(name: str) -> None:
    record = ELEMENTWISE[name]

    def finite(argument: Fraction) -> bool:
        at = np.array([[float(argument)]])
        with np.errstate(divide="ignore", invalid="ignore"):
            found = [numeric(name)(at), derivative(name)(at)]
        return bool(np.isfinite(found).all())

    assert finite(record.safe)
    assert not any(map(finite, record.poles))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_kink_is_one(name: str) -> None:
    """The function or its derivative has not one limit there, but two."""
    for kink in ELEMENTWISE[name].kinks:
        sides = np.array([[float(kink) - 1e-9, float(kink) + 1e-9]])
        values = np.array([numeric(name)(sides), derivative(name)(sides)])
        assert np.ptp(values, axis=-1).max() > 0.1


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_can_be_derived_in_an_equation(name: str) -> None:
    x, S_prev, S = matrix("x", B, D), matrix("S_prev", B, H), matrix("S", B, H)
    W, b = matrix("W", D, H), matrix("b", 1, H)
    state = Equation(S, FUNCTIONS[name](x * W + ones(B, 1) * b) + S_prev, "state")
    cell = Cell("own", "a cell", "a test", (x,), (W, b), {S: S_prev}, (state,))
    assert [str(g.target) for g in gc.derive(cell).gradients] == ["dW", "db"]
