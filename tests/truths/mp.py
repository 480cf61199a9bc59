"""Real numbers of 50 digits as elements of NumPy object arrays.

A generated kernel is dtype-neutral, so the lines that run on float64 also run on arrays of `Real`,
where an agreement of 40 digits leaves no room for a missing term, however small.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from fractions import Fraction
from random import Random
from typing import Any, Protocol

import mpmath
import numpy as np
import numpy.typing as npt

#: A context of its own, so that nobody's `mpmath.mp.dps` changes the precision under a test.
CONTEXT = mpmath.MPContext()
CONTEXT.dps = 50

#: Random points are multiples of 2**-165 in [-1, 1): full 50-digit numbers, and 50 digits hold
#: each of them exactly, so that every truth starts from the same numbers.
POINT_BITS = 165

#: An object array, which NumPy cannot type by its elements.
Array = npt.NDArray[Any]


class Rational(Protocol):
    """What knows its exact value: int, float, Fraction and every real NumPy scalar."""

    def as_integer_ratio(self) -> tuple[int, int]: ...


def _method(function: Callable[..., Any]) -> Callable[[Real], Real]:
    return lambda self: Real._of(function(self.value))


def _operator(operation: Callable[[Any, Any], Any]) -> Callable[[Real, object], Real]:
    def method(self: Real, other: object) -> Any:
        right = Real._value_of(other)
        return NotImplemented if right is NotImplemented else Real._of(operation(self.value, right))

    return method


def _reflected(operation: Callable[[Any, Any], Any]) -> Callable[[Real, object], Real]:
    return _operator(lambda right, left: operation(left, right))


def _comparison(operation: Callable[[Any, Any], bool]) -> Callable[[Real, object], bool]:
    def method(self: Real, other: object) -> bool:
        right = Real._value_of(other)
        return NotImplemented if right is NotImplemented else operation(self.value, right)

    return method


class Real:
    """A real number of 50 digits.

    Made from any number that knows its exact ratio, floats included. Arithmetic accepts another
    `Real` and Python integers alone: a float that meets an element inside a kernel is a constant
    made in the wrong dtype, and raises TypeError. There is no `__float__` either, so a float64
    buffer cannot swallow the digits unseen.
    """

    __slots__ = ("value",)

    def __init__(self, number: Rational) -> None:
        self.value: Any = CONTEXT.fdiv(*number.as_integer_ratio())

    @classmethod
    def _of(cls, value: Any) -> Real:
        real = cls.__new__(cls)
        real.value = value
        return real

    @staticmethod
    def _value_of(other: object) -> Any:
        if isinstance(other, Real):
            return other.value
        return other if isinstance(other, int) else NotImplemented

    def __repr__(self) -> str:
        return str(CONTEXT.nstr(self.value, CONTEXT.dps))

    __add__, __radd__ = _operator(operator.add), _reflected(operator.add)
    __sub__, __rsub__ = _operator(operator.sub), _reflected(operator.sub)
    __mul__, __rmul__ = _operator(operator.mul), _reflected(operator.mul)
    __truediv__, __rtruediv__ = _operator(operator.truediv), _reflected(operator.truediv)
    __pow__ = _operator(operator.pow)
    __pos__, __neg__, __abs__ = _method(operator.pos), _method(operator.neg), _method(operator.abs)

    __lt__, __le__ = _comparison(operator.lt), _comparison(operator.le)
    __gt__, __ge__ = _comparison(operator.gt), _comparison(operator.ge)
    __eq__, __ne__ = _comparison(operator.eq), _comparison(operator.ne)

    # NumPy's ufuncs call the element's method of the same name.
    exp, expm1 = _method(CONTEXT.exp), _method(CONTEXT.expm1)
    log, log1p = _method(CONTEXT.log), _method(CONTEXT.log1p)
    tanh, sqrt = _method(CONTEXT.tanh), _method(CONTEXT.sqrt)


def points(random: Random, *shape: int) -> Array:
    """Random Fractions of full 50-digit length in [-1, 1)."""
    scale = 2**POINT_BITS
    flat = [Fraction(random.randrange(-scale, scale), scale) for _ in range(math.prod(shape))]
    return np.array(flat, dtype=object).reshape(shape)


def reals(array: object) -> Array:
    """The same numbers as an object array of `Real`."""
    return np.asarray(np.frompyfunc(Real, 1, 1)(np.asarray(array, dtype=object)))


def digits(actual: object, expected: object) -> float:
    """To how many digits `Real`s agree with mpmath numbers, relative to the largest expected one.

    Takes single numbers, (nested) lists and arrays; `actual` must hold nothing but finite `Real`s,
    in the shape of `expected`, which must not be zero throughout.
    """
    left, right = np.asarray(actual, dtype=object), np.asarray(expected, dtype=object)
    assert left.shape == right.shape, f"shape {left.shape}, expected {right.shape}"
    assert {type(element) for element in left.flat} == {Real}
    assert all(CONTEXT.isfinite(real.value) for real in left.flat)  # a maximum may overlook a NaN
    # Another context's numbers come in unrounded, and a subtraction rounds only its result.
    numbers = [CONTEXT.convert(number) for number in right.flat]
    scale = max(abs(number) for number in numbers)
    assert scale > 0
    pairs = zip(left.flat, numbers, strict=True)
    error = max(abs(real.value - number) for real, number in pairs) / scale
    return float(-CONTEXT.log10(error)) if error else float("inf")
