from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any

import numpy as np
import pytest

from tests.truths.mp import CONTEXT, Real, digits, points, reals


def test_floats_come_in_exactly() -> None:
    assert Real(0.1) == Real(Fraction(0.1))
    assert Real(0.1) != Real(Fraction(1, 10))
    assert Real(np.float32(0.1)) == Real(float(np.float32(0.1)))


@pytest.mark.parametrize(
    "operation",
    [
        lambda a: 0.5 * a,
        lambda a: a - 0.5,
        lambda a: a < 0.5,
        lambda a: np.multiply(0.5, [a]),
        lambda a: np.multiply([a, a], 2, out=np.empty(2)),
        lambda a: float(a),
    ],
)
def test_a_float_never_meets_an_element(operation: Callable[[Any], object]) -> None:
    with pytest.raises(TypeError):
        operation(Real(1))


def test_arithmetic_carries_fifty_digits() -> None:
    third = Real(1) / 3
    assert repr(third) == "0." + "3" * 50
    assert repr(1 - third * 2) == "0." + "3" * 50
    assert repr((2 / third + 1) ** 2 - -third) == "49." + "3" * 48
    assert [third < 1, third >= 1, abs(-third) == third, +third <= third] == [
        True,
        False,
        True,
        True,
    ]


def test_ufuncs_call_the_element() -> None:
    a = reals([Fraction(1, 3), -2])
    assert digits(np.tanh(a), [CONTEXT.tanh(v.value) for v in a]) == float("inf")
    assert digits(np.log1p(np.expm1(np.exp(a))), [CONTEXT.exp(v.value) for v in a]) > 48
    assert digits(np.log(np.sqrt(a * a) + 0), [CONTEXT.log(abs(v.value)) for v in a]) > 48
    assert repr(np.maximum(a, 0)[1]) == "0"
    assert digits(np.stack([a, a]) @ a, [CONTEXT.mpf(37) / 9] * 2) > 48


def test_points_are_exact_in_fifty_digits() -> None:
    drawn = points(Random(1), 3, 4)
    assert drawn.shape == (3, 4)
    assert len(set(drawn.flat)) == 12
    assert all(-1 <= p < 1 and p.denominator > 2**150 for p in drawn.flat)
    for point, real in zip(drawn.flat, reals(drawn).flat, strict=True):
        mantissa, exponent = real.value.man_exp
        assert mantissa * Fraction(2) ** exponent == abs(point)


def test_digits() -> None:
    one, third = CONTEXT.mpf(1), CONTEXT.mpf(1) / 3
    assert digits(Real(1), one) == float("inf")
    assert 39.9 < digits(Real(1) + Real(Fraction(1, 10**40)), one) < 40.1
    # relative to the largest entry
    assert 39.9 < digits([Real(0), Real(100)], [one * 10**-38, one * 100]) < 40.1
    nan = Real(0)
    nan.value = CONTEXT.nan
    for actual, expected in [
        ([Real(1)], one),
        ([Real(1), Real(1)], [one]),
        ([Real(1), 1], [one, one]),
        ([0.3], [third]),
        (Real(0), one * 0),
        ([Real(1), nan], [one, one]),
    ]:
        with pytest.raises(AssertionError):
            digits(actual, expected)
