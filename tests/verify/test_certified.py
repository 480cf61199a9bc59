"""Bounds that are theorems: balls, and what they say of kernels."""

from __future__ import annotations

import operator
from collections.abc import Callable
from fractions import Fraction
from types import ModuleType
from typing import Any

import flint
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import gru_codegen as gc
from gru_codegen.modules import load_source
from gru_codegen.verify import balls, certified, verify
from gru_codegen.verify.balls import Ball, UndecidedError
from gru_codegen.verify.configuration import Problem, Sizes, small
from tests.cells.sample import SAMPLE

finite = st.floats(-1e3, 1e3)


def kernel_of(cell: str = "gru", loss: str = "l2", **choices: Any) -> ModuleType:
    return load_source(gc.generate(gc.cells[cell], loss=gc.losses[loss], **choices), cell)


# --- balls ----------------------------------------------------------------------------------------


@given(finite, finite, st.sampled_from([operator.add, operator.sub, operator.mul]))
def test_arithmetic_holds_the_exact_result(
    a: float, b: float, operation: Callable[[Any, Any], Any]
) -> None:
    exact = operation(Fraction(a), Fraction(b))
    ball = operation(Ball(a), Ball(b)).value
    assert ball.contains(flint.arb(flint.fmpq(exact.numerator, exact.denominator)))


def test_what_is_rounded_is_held_and_not_exact() -> None:
    third = Ball(1.0) / 3
    assert not third.value.is_exact()
    assert (3 * third.value).contains(flint.arb(1))
    assert Ball(1.0).tanh().value.contains(flint.arb(1).tanh())


def test_comparisons_that_are_decided_and_one_that_is_not() -> None:
    third = Ball(1.0) / 3
    assert third < 1
    assert not third > 1
    assert Ball(0.0) >= 0
    assert Ball(2.0) == 2
    assert Ball(2.0) != 3
    for compare in (operator.lt, operator.le, operator.gt, operator.ge, operator.eq, operator.ne):
        with pytest.raises(UndecidedError):
            compare(3 * third, 1)


@pytest.mark.parametrize("number", [0.1, 1 / 3, np.float64(0.1), "1", None])
def test_a_constant_that_was_rounded_is_no_operand(number: object) -> None:
    with pytest.raises(TypeError):
        Ball(1.0) + number


@pytest.mark.parametrize("number", [1, 0.5, -1.5, np.int64(2), True])
def test_what_integers_make_is_one(number: Any) -> None:
    assert Ball(1.0) + number - number == 1


# --- kernels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("loss", gc.losses)
@pytest.mark.parametrize(
    "choices", [{"style": "textbook"}, {}, {"layout": "folded", "unroll": 2}], ids=str
)
def test_bounds_of_every_loss(loss: str, choices: dict[str, Any]) -> None:
    kernel = kernel_of(loss=loss, **choices)
    rows = [claim.check() for claim in certified.claims([Problem(kernel, small(kernel)[0], 0)])]
    assert [row.weight for row in rows] == ["loss", *kernel.Params._fields]
    for row in rows:
        assert row.passed, row
        assert 0 < row.worst_error < 1e-14


@pytest.mark.parametrize("cell", SAMPLE)
def test_bounds_of_every_cell(cell: str) -> None:
    kernel = kernel_of(cell)
    rows = [claim.check() for claim in certified.claims([Problem(kernel, small(kernel)[0], 0)])]
    assert all(row.passed for row in rows), rows


def test_the_error_is_within_the_bound() -> None:
    """A gradient that is off by what is known: no bound is below that, nor far above."""
    kernel = kernel_of(unroll=2)
    problem = Problem(kernel, small(kernel)[0], 0)
    exact = certified.exact(problem)["dWz"]
    nearest = np.array([float(ball.value) for ball in exact.flat]).reshape(exact.shape)
    scale = np.abs(nearest).max()
    for off in (1e-3, 1e-9, 1e-14):
        moved = nearest.copy()
        moved[0, 1] += off * scale
        found = certified.bound("dWz", moved, exact)
        assert off * (1 - 1e-2) <= found.error <= off * (1 + 1e-1) + 2e-16
        assert found.where.startswith("dWz[0, 1] is ")
    assert certified.bound("dWz", nearest, exact).error < 2e-16


@pytest.mark.parametrize("number", [1.0, 0.1, 1e-30, 3.0])
def test_bounds_are_rounded_outwards(number: float) -> None:
    """A float next to the number may be on its wrong side."""
    assert certified._above(number) > number
    balls = np.array([Ball(number), Ball(0.0)], dtype=object)
    assert 0 < certified._scale(balls) < number


def test_more_bits_where_they_are_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Bits are doubled until the balls are small, and no more often than is allowed."""
    problem = Problem(kernel_of(), Sizes(9, 2, 3, 4), 1)
    monkeypatch.setattr(certified, "BITS", 16)
    found = certified.exact(problem)
    assert all(map(certified._is_small, found.values()))
    monkeypatch.setattr(certified, "MOST_BITS", 64)
    certified.exact.cache_clear()
    with pytest.raises(ArithmeticError, match=r"^the balls stay large, with 64 bits$"):
        certified.exact(problem)


def test_a_float64_error_is_found() -> None:
    kernel = kernel_of(unroll=2)
    right = kernel.loss_and_gradients

    def off(*arguments: Any, **keywords: Any) -> Any:
        result = right(*arguments, **keywords)
        if result.gradients.Wr.dtype == object:
            return result
        moved = result.gradients.Wr * (1 + 1e-11)
        return result._replace(gradients=result.gradients._replace(Wr=moved))

    kernel.loss_and_gradients = off  # type: ignore[attr-defined]
    report = verify(kernel, certify=True)
    failed = [row for row in report.failures if row.method == certified.METHOD]
    assert [row.weight for row in failed] == ["Wr"]
    assert "is proved" in failed[0].detail


def test_the_report_has_a_row_for_each_gradient() -> None:
    kernel = kernel_of(unroll=1)
    plain, certain = verify(kernel), verify(kernel, certify=True)
    assert certain
    rows = certain.checks[len(plain.checks) :]
    assert [row.weight for row in rows] == ["loss", *kernel.Params._fields]
    assert {row.method for row in rows} == {"interval arithmetic"}


def test_without_python_flint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(certified, "flint", None)
    kernel = kernel_of(unroll=1)
    assert verify(kernel)
    with pytest.raises(gc.VerificationError, match=r"pip install 'gru-codegen\[certify\]'$"):
        verify(kernel, certify=True)


def test_labels_and_lengths_stay_integers() -> None:
    labels = np.array([[1, 2]])
    assert balls.balls(labels) is not labels
    assert balls.balls((labels,))[0].dtype == labels.dtype
