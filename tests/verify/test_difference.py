from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.testing import assert_equal

from gru_codegen.verify.difference import (
    FLOOR,
    Difference,
    difference,
    error_of,
    verdict,
    worst,
)


class Pair(NamedTuple):
    left: Any
    right: Any


def test_equal_arrays_differ_by_zero() -> None:
    array = np.array([[1.0, -2.0]])
    assert difference("a", array, array.copy()).error == 0


@pytest.mark.parametrize(("actual", "expected"), [([1, 2, 5], [1, 2, 4]), ([1, 2, 4], [1, 2, 5])])
def test_the_larger_side_sets_the_scale(actual: list[float], expected: list[float]) -> None:
    found = difference("a", np.array(actual), np.array(expected))
    assert found == Difference(1 / 5, f"a[2] is {actual[2]}, expected {expected[2]}")


def test_relative_to_the_largest_entry_and_not_to_each() -> None:
    assert difference("a", np.array([8.0, 1e-9]), np.array([8.0, 2e-9])).error == 1e-9 / 8


def test_a_zero_gradient_is_wrong_unless_both_are_zero() -> None:
    zero, gradient = np.zeros(2), np.array([0.0, 0.25])
    assert difference("a", zero, gradient) == Difference(1, "a[1] is 0, expected 0.25")
    assert difference("a", gradient, zero) == Difference(1, "a[1] is 0.25, expected 0")
    assert difference("a", zero, zero).error == 0


def test_the_floor_takes_round_off_for_zero_and_nothing_larger() -> None:
    assert difference("a", np.array([0.0]), np.array([1e-17])).error == pytest.approx(1e-17 / FLOOR)
    assert difference("a", np.array([0.0]), np.array([FLOOR])).error == 1


def test_nan_anywhere_is_nan() -> None:
    found = difference("a", np.array([1.0, math.nan]), np.array([9.0, 1.0]))
    assert math.isnan(found.error)
    assert found.where == "a[1] is nan, expected 1"
    assert math.isnan(difference("a", np.array([1.0]), np.array([math.nan])).error)


def test_nan_by_both_ways_is_undefined_and_no_agreement() -> None:
    found = difference("a", np.array([math.nan]), np.array([math.nan]))
    assert math.isnan(found.error)
    assert found.where == "a[0] is undefined here: it is nan by both ways"


def test_results_that_need_not_be_defined_may_be_alike_undefined() -> None:
    nan, inf = math.nan, math.inf
    one = np.array([1.0, nan, inf])
    assert difference("a", one, one.copy(), defined=False).error == 0
    for other in ([1.0, 2.0, inf], [1.0, nan, -inf], [nan, nan, inf], [2.0, nan, inf]):
        with np.errstate(invalid="ignore"):
            assert difference("a", one, np.array(other), defined=False).error != 0


def test_infinity_is_never_close() -> None:
    with np.errstate(invalid="ignore"):
        assert math.isnan(difference("a", np.array([1.0, math.inf]), np.array([1.0, 1.0])).error)
        assert math.isnan(difference("a", np.array([math.inf]), np.array([math.inf])).error)


def test_another_shape_is_infinitely_far() -> None:
    found = difference("a", np.zeros((2, 1)), np.zeros((1, 2)))
    assert found == Difference(math.inf, "a has shape (2, 1), expected (1, 2)")


def test_numbers() -> None:
    assert difference("loss", 2.0, 4.0) == Difference(0.5, "loss is 2, expected 4")


def test_nothing_is_as_much_as_nothing() -> None:
    nothing = np.zeros((0, 2))
    for one, other in ((nothing, nothing.copy()), ((), ())):
        assert difference("a", one, other) == Difference(0, "")
    assert difference("a", nothing, nothing.T).error == math.inf


def test_tuples_are_compared_field_by_field() -> None:
    one = Pair(1.0, (np.zeros(2), np.zeros(2)))
    other = Pair(1.0, (np.zeros(2), np.array([0.0, 4.0])))
    assert difference("p", other, one) == Difference(1, "p.right.1[1] is 4, expected 0")
    assert difference("p", Pair(1.0, ()), one).error == math.inf
    assert difference("p", 1.0, one).error == math.inf


def test_the_worst_is_nan_before_infinity_before_numbers() -> None:
    one, infinite, nan = Difference(1, "a"), Difference(math.inf, "b"), Difference(math.nan, "c")
    assert worst([one, infinite]) is infinite
    assert worst([infinite, nan, one]) is nan
    assert worst([nan, infinite]) is nan


def test_what_is_above_its_doubt_is_worse_than_what_is_not() -> None:
    doubtful, plain = Difference(1e-3, "a", doubt=1e-2), Difference(1e-6, "b")
    assert worst([doubtful, plain]) is plain
    assert worst([doubtful, Difference(0, "c")]) is doubtful
    assert worst([Difference(1e-3, "a", doubt=1e-4), plain]).where == "a"


def test_verdict() -> None:
    assert verdict(True, "no") == Difference(0, "", doubt=0)
    assert verdict(False, "no") == Difference(math.inf, "no")


@pytest.mark.parametrize(
    "actual",
    [
        1.5,
        np.array([1.0, 2.5]),
        np.array([np.nan, 2.0]),
        np.empty((0, 3)),
        (np.ones(2), (np.array([0.0, 3.0]), None), 4.0),
        (np.ones(2), (np.array([np.nan, 3.0]), None), 4.0),
        (),
    ],
    ids=str,
)
def test_the_error_alone_is_that_of_the_difference(actual: Any) -> None:
    expected = _plus_one(actual)
    assert_equal(error_of(actual, expected), difference("", actual, expected).error)


def _plus_one(value: Any) -> Any:
    if isinstance(value, tuple):
        return tuple(map(_plus_one, value))
    return None if value is None else value + 1
