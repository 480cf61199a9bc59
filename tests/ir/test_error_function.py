"""The error function: the numbers in it, its error in every dtype, its derivative by complex steps.

The rule is that of Hunter and Regan, "A note on the evaluation of the complementary error
function", Mathematics of Computation 26 (1972): with nodes at (n + 1/2) h the integral of erf is a
sum, plus a residue that is a hyperbolic tangent. What is left out is below exp(-pi^2 / h^2), which
is 7e-18 for h = 1/2.
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest

from gru_codegen.ir import ELEMENTWISE, OPERATIONS, Call, Const, parts

erf: Any = OPERATIONS["erf"].value
POINTS = np.concatenate([np.linspace(-7, 7, 40000), np.geomspace(1e-300, 1, 2001)])
RIGHT = np.vectorize(math.erf)(POINTS)


def numbers() -> list[Fraction]:
    """The weights in the formula, those of the nearest nodes first."""
    found = []
    for _, formula in ELEMENTWISE["erf"].where:
        quotients = [
            each for each in parts(formula) if isinstance(each, Call) and each.operation == "divide"
        ]
        found += [each.args[0] for each in quotients]
    return sorted((each.value for each in found if isinstance(each, Const)), reverse=True)


def test_the_weights_are_those_of_the_rule() -> None:
    with mpmath.workdps(40):
        right = [16 * mpmath.exp(-mpmath.mpf((2 * n + 1) ** 2) / 16) / mpmath.pi for n in range(11)]
        assert numbers() == [int(mpmath.nint(each * 10**17)) for each in right]


def test_the_error_in_float64_and_float32() -> None:
    found = erf(POINTS)
    assert np.abs(found - RIGHT).max() < 6e-16
    assert (np.abs(found - RIGHT) / np.abs(RIGHT)).max() < 4e-15
    single = erf(POINTS.astype(np.float32))
    assert single.dtype == np.float32
    assert np.abs(single - np.vectorize(math.erf)(POINTS.astype(np.float32))).max() < 4e-7
    assert np.abs(erf(POINTS.astype(np.longdouble)) - RIGHT).max() < 2e-16
    assert erf(np.array([40.0, -40.0, 0.0])).tolist() == [1, -1, 0]


def test_a_complex_step_gives_the_slope() -> None:
    slope = erf(POINTS + 1e-30j).imag / 1e-30
    right = 2 / np.sqrt(np.pi) * np.exp(-(POINTS**2))
    assert np.abs(slope - right).max() < 4e-15


@pytest.mark.parametrize("name", ["gauss", "normal_cdf", "normal_pdf", "gelu"])
def test_what_is_made_of_it_is_as_good(name: str) -> None:
    found, record = OPERATIONS[name].value(POINTS), ELEMENTWISE[name]
    assert np.abs(found - record.on_array(POINTS)).max() < 3e-15
