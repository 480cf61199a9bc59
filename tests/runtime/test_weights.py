"""Weights as arguments."""

from __future__ import annotations

from collections import namedtuple
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from gru_codegen.runtime.kernel import Params
from gru_codegen.runtime.weights import _by_name, _check_fit, _checked, _size

D, H = 2, 5


@pytest.fixture
def params() -> Params:
    return Params(np.ones((D, H)), np.ones((H, H)), np.ones(H))


def test_right_weights_are_taken_as_they_are(params: Params) -> None:
    assert _checked(params) is params


def test_any_tuple_with_the_fields_in_any_order(params: Params) -> None:
    other: Any = namedtuple("other", ["b", "W", "Wrec"])
    found = _checked(other(params.b, params.W, params.Wrec))
    assert type(found) is Params
    assert all(one is another for one, another in zip(found, params, strict=True))


@pytest.mark.parametrize(("given", "got"), [((1, 2, 3), "tuple"), (None, "NoneType")])
def test_what_has_no_fields(given: Any, got: str) -> None:
    expected = f"^params: expected a NamedTuple with the fields W, Wrec, b; got {got}$"
    with pytest.raises(TypeError, match=expected):
        _by_name(given)


def test_lists_become_arrays(params: Params) -> None:
    ones: Any = [1.0] * H
    found = _checked(params._replace(b=ones))
    assert type(found.b) is np.ndarray


def test_bytes_come_in_the_order_of_the_machine(params: Params) -> None:
    swapped = params.W.dtype.newbyteorder()
    found = _checked(Params(*(weight.astype(swapped) for weight in params)))
    assert all(weight.dtype.isnative for weight in found)
    assert found.W.tolist() == params.W.tolist()


def test_the_one_that_differs_in_dtype_is_named(params: Params) -> None:
    mixed = params._replace(W=params.W.astype(np.float32))
    with pytest.raises(TypeError, match=r"^params.W: all weights must have one dtype; got float32"):
        _checked(mixed)


def test_integers_are_no_weights() -> None:
    with pytest.raises(
        TypeError, match=r"^params: the weights must be floating, complex or object"
    ):
        _checked(Params(*(np.ones(2, int) for _ in Params._fields)))


def test_fractions_are(params: Params) -> None:
    exact = Params(*(np.full(weight.shape, Fraction(1, 3)) for weight in params))
    assert _checked(exact) is exact


def test_a_size_that_a_weight_lacks_fits_nothing(params: Params) -> None:
    assert [_size(params.W, 0), _size(params.W, 1), _size(params.b, 1)] == [D, H, -1]


def test_the_majority_says_which_weight_is_wrong(params: Params) -> None:
    _check_fit(params)
    wrong = params._replace(W=np.ones((D, H + 1)))
    with pytest.raises(ValueError, match=r"^params.W: expected shape \(D, H\) = \(2, 5\), got"):
        _check_fit(wrong)
    wrong = params._replace(b=np.ones((1, H)))
    with pytest.raises(
        ValueError, match=r"^params.b: expected shape \(H,\) = \(5,\), got \(1, 5\)"
    ):
        _check_fit(wrong)


def test_weights_that_agree_are_right_and_the_input_is_not(params: Params) -> None:
    x = np.zeros((3, 4, D))
    _check_fit(params, x=x)
    with pytest.raises(ValueError, match=r"^x: expected shape \(T, B, D\) = \(3, 4, 2\), got"):
        _check_fit(params, x=np.zeros((3, 4, D + 1)))
