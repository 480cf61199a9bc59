"""A central difference knows how good it is, and is not believed where it is not."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from gru_codegen.verify import _judged, finite_differences, verify
from gru_codegen.verify.finite_differences import METHOD, STEP, TRUST, Estimate, derivative
from gru_codegen.verify.report import Check
from tests.verify.faults import edited


def steep(x: float) -> float:
    return math.log((0.05 + x) ** 2 + 1e-3)


FUNCTIONS: list[tuple[Callable[[float], float], float]] = [
    (lambda x: math.sin(1 + x), math.cos(1)),
    (lambda x: math.exp(3 * x), 3),
    (lambda x: math.tanh(20 * x + 0.3), 20 / math.cosh(0.3) ** 2),
    (lambda x: 1e6 + 1e-3 * math.sin(x), 1e-3),
    (lambda x: 1 / (0.03 + x), -1 / 0.03**2),
    (steep, 0.1 / (0.05**2 + 1e-3)),
    (lambda x: x**3, 0),
]


@pytest.mark.parametrize(("function", "expected"), FUNCTIONS)
def test_the_error_is_no_larger_than_it_says(
    function: Callable[[float], float], expected: float
) -> None:
    found = derivative(function)
    assert abs(found.value - expected) <= TRUST * found.error
    assert found.error <= 1e-7 * max(1, abs(expected))


@pytest.mark.parametrize(("function", "expected"), FUNCTIONS[:3])
def test_smooth_losses_are_known_to_ten_digits(
    function: Callable[[float], float], expected: float
) -> None:
    assert abs(derivative(function).value / expected - 1) < 1e-10


def test_the_error_is_the_distance_from_the_worse_of_two_estimates(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those of x^3 are the squares of the two steps."""
    monkeypatch.setattr(finite_differences, "STEPS", 2)
    found = derivative(lambda x: x**3)
    assert found.value == pytest.approx(0, abs=1e-15)
    assert found.error == pytest.approx(STEP**2)


def test_steps_outside_the_domain_are_left_out() -> None:
    near = STEP / 10
    with np.errstate(invalid="ignore"):
        found = derivative(lambda x: float(np.log(near + x)))
    assert found.value == pytest.approx(1 / near, rel=1e-6)


def test_nowhere_defined() -> None:
    found = derivative(lambda x: math.nan)
    assert math.isnan(found.value)
    assert found.error == math.inf


def row(method: str, error: float, weight: str = "W") -> Check:
    return Check(weight, method, None, error, 1e-7)


def test_only_a_difference_that_the_complex_step_contradicts_is_excused() -> None:
    off, right, wrong = row(METHOD, 1.0), row("complex step", 0.0), row("complex step", 1.0)
    other = row("complex step", 0.0, "U")
    assert _judged([off, right]) == (replace(off, inaccurate=True), right)
    for checks in ([off, wrong], [off, other], [off, right, row("float32", 1.0)], [off]):
        assert _judged(checks) == tuple(checks)


def test_differences_that_alone_are_off_refuse_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at a corner of the loss, which lies nearer than the smallest step."""

    def off(function: Callable[[float], float]) -> Estimate:
        return Estimate(derivative(function).value + 1, 1e-12)

    monkeypatch.setattr(finite_differences, "derivative", off)
    report = verify(edited(unroll=2))
    assert report, str(report)
    inaccurate = [check for check in report.checks if check.inaccurate]
    assert [check.method for check in inaccurate] == [METHOD] * 6
    assert report.verdict.endswith("; 6 inaccurate here")
    assert "  Wz, central difference: at T=2" in str(report)
    forgotten = edited(("carry = dS * (1 - Z) +", "carry = dS +"), unroll=2)
    methods = {check.method for check in verify(forgotten).failures}
    assert methods == {METHOD, "complex step", "random direction"}
