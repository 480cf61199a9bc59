from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from gru_codegen.evaluate import Domain
from gru_codegen.functions import FUNCTIONS
from gru_codegen.ir import ELEMENTWISE
from gru_codegen.prove.dual import Dual, along, duals, exact
from gru_codegen.prove.field import PRIME, Field
from gru_codegen.prove.functions import derivative, value

FIELD = Field(1)


def number(name: str) -> Any:
    return FIELD.element(FIELD.random(name))


def test_the_prime_is_the_mersenne_prime_of_61_bits() -> None:
    # Lucas and Lehmer: 2^q - 1 is prime if and only if it divides s_{q-2}.
    s = 4
    for _ in range(61 - 2):
        s = (s * s - 2) % PRIME
    assert PRIME == 2**61 - 1
    assert s == 0


def test_the_laws_of_a_field_hold_beside_integers_too() -> None:
    a, b, c = map(number, "abc")
    assert (a + b) * c == a * c + b * c
    assert a - b == -(b - a)
    assert a / b * b == a
    assert 1 / b * b == 1
    assert (2 * a + 1) / 2 == a + 1 / FIELD.element(2)
    assert 3 - a == -(a - 3)
    assert a**3 == a * a * a
    assert a + np.int64(2) == a + 2 == a + 2.0
    assert 0 <= (a * b + c).n < PRIME


@pytest.mark.parametrize("operation", [lambda a: a + 0.5, lambda a: 0.1 * a, lambda a: a / 0.5])
def test_a_float_among_exact_numbers_is_refused(operation: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError, match="a float among exact numbers"):
        operation(number("a"))


def test_nothing_is_divided_by_zero() -> None:
    with pytest.raises(ZeroDivisionError, match="it divides by 0"):
        number("a") / FIELD.element(0)


def test_what_may_not_be_read_spoils_whatever_is_computed_of_it() -> None:
    unread, a = FIELD.unread(), number("a")
    for spoilt in (unread + a, a * unread, 0 * unread, a / unread, unread.tanh(), 1 - unread):
        assert spoilt != spoilt
        assert math.isnan(spoilt.n)
        assert repr(spoilt) == "(not to be read)"
    with pytest.raises(ArithmeticError, match="may not be read is compared"):
        np.maximum(np.array([unread]), np.array([a]))


def test_functions_are_random_but_functions() -> None:
    a, b = map(number, "ab")
    assert a.tanh() == (a + b - b).tanh()
    values = [each.n for each in (a.tanh(), b.tanh(), (-a).tanh(), a.exp(), (a + b).exp(), a.log())]
    assert len({*values, (-a.tanh()).n, (a.exp() * b.exp()).n}) == len(values) + 2
    assert a.tanh() != Field(2).element(a.n).tanh()
    assert a.tanh() != Field(1, point=1).element(a.n).tanh()


def test_the_order_is_one_and_has_a_fifth_of_all_numbers_or_more_on_each_side_of_0_and_1() -> None:
    numbers = FIELD.drawn("numbers", (400,))
    ranked = sorted(numbers)
    assert all(x <= y and not x > y for x, y in pairwise(ranked))
    assert FIELD.element(-1 % PRIME) < 0 < FIELD.element(1)
    shares = [
        sum(each < -1 for each in numbers),
        sum(-1 < each < 0 for each in numbers),
        sum(0 < each < 1 for each in numbers),
        sum(each > 1 for each in numbers),
    ]
    assert min(shares) > 0.15 * len(numbers)
    fractions = FIELD.fractions("fractions", (50,))
    assert all(0 <= each <= 1 for each in fractions)
    assert len({each.n for each in fractions}) == 50


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_the_derivative_of_a_function_is_that_of_its_definition(name: str) -> None:
    """Where the definition is made of others, its own dual numbers are what the record says.

    A comparison is locally constant, which a random order is not: there the record is an axiom.
    """
    record = ELEMENTWISE[name]
    a = along(number("a"), number("slope"))
    at = value(record, a.value)
    [found] = duals(FIELD).apply(FUNCTIONS[name], np.array([a], object))
    assert found.value == at == exact(FIELD).apply(FUNCTIONS[name], np.array([a.value], object))[0]
    assert found.slope == derivative(record, a.value, at) * a.slope
    if name == "sigmoid":
        tanh = (a.value / 2).tanh()
        assert found.slope == (1 - tanh * tanh) / 4 * a.slope
    if name == "reciprocal":
        assert found.slope == -a.slope / (a.value * a.value)


def test_dual_numbers_obey_the_rules_of_differentiation() -> None:
    a, b = (along(number(name), number(f"{name}'")) for name in "ab")
    assert isinstance(a, Dual)
    product = a * b
    assert product.slope == a.slope * b.value + a.value * b.slope
    assert (a - b).slope == a.slope - b.slope
    assert (3 - a / 2).slope == -a.slope / 2
    domain: Domain = duals(FIELD)
    assert (domain.one * a).slope == a.slope
