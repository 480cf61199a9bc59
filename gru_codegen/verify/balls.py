"""Balls: real numbers with proven bounds, as elements of NumPy object arrays.

A ball is a midpoint and a radius, and holds the exact result of every operation on what its
operands hold (Johansson, "Arb: Efficient Arbitrary-Precision Midpoint-Radius Interval Arithmetic",
IEEE Transactions on Computers, 2017). The lines of a kernel run on arrays of them as they are.
"""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

try:
    import flint
except ImportError:  # of the extra `certify`
    flint = None  # type: ignore[assignment]

__all__ = ["FUNCTIONS", "Array", "Ball", "UndecidedError", "ball", "balls", "flint"]

Array = NDArray[Any]
#: No quotient of small integers that float64 rounds is a multiple of 1 / FINEST.
FINEST = 2**16


class UndecidedError(ArithmeticError):
    """A comparison of balls that overlap: more digits may decide it."""


def _method(name: str) -> Callable[[Ball], Ball]:
    return lambda self: Ball(getattr(self.value, name)())


def _operator(
    operation: Callable[[Any, Any], Any], *, turned: bool = False
) -> Callable[[Ball, object], Ball]:
    def method(self: Ball, other: object) -> Any:
        value = Ball.value_of(other)
        if value is NotImplemented:
            return value
        return Ball(operation(value, self.value) if turned else operation(self.value, value))

    return method


def _comparison(
    holds: Callable[[Any, Any], bool], fails: Callable[[Any, Any], bool]
) -> Callable[[Ball, object], bool]:
    def method(self: Ball, other: object) -> bool:
        value = Ball.value_of(other)
        if value is NotImplemented:
            return value  # type: ignore[no-any-return]
        if holds(self.value, value):
            return True
        if fails(self.value, value):
            return False
        raise UndecidedError(f"is {self} smaller or larger than {value}?")

    return method


class Ball:
    """A ball around a real number; one made of a float holds that float and nothing else.

    Arithmetic takes another ball, integers, and halves of them as integers make them in Python. Any
    other float that meets a ball in a kernel is a constant that was rounded, and raises TypeError.
    """

    __slots__ = ("value",)
    __hash__ = None  # type: ignore[assignment]  # equality may be undecided

    def __init__(self, value: Any) -> None:
        self.value = value if isinstance(value, flint.arb) else flint.arb(value)

    @staticmethod
    def value_of(other: object) -> Any:
        """The number to compute with, NotImplemented if there is none."""
        if isinstance(other, Ball):
            return other.value
        if isinstance(other, float) and (other * FINEST).is_integer():
            return flint.arb(other)
        return int(other) if isinstance(other, (int, np.integer, np.bool_)) else NotImplemented

    def __repr__(self) -> str:
        return str(self.value)

    __add__, __radd__ = _operator(operator.add), _operator(operator.add, turned=True)
    __sub__, __rsub__ = _operator(operator.sub), _operator(operator.sub, turned=True)
    __mul__, __rmul__ = _operator(operator.mul), _operator(operator.mul, turned=True)
    __truediv__ = _operator(operator.truediv)
    __rtruediv__ = _operator(operator.truediv, turned=True)
    __pow__ = _operator(operator.pow)
    __pos__, __neg__, __abs__ = _method("__pos__"), _method("__neg__"), _method("__abs__")

    __lt__, __ge__ = (
        _comparison(*o) for o in ((operator.lt, operator.ge), (operator.ge, operator.lt))
    )
    __gt__, __le__ = (
        _comparison(*o) for o in ((operator.gt, operator.le), (operator.le, operator.gt))
    )
    __eq__, __ne__ = (
        _comparison(*o) for o in ((operator.eq, operator.ne), (operator.ne, operator.eq))
    )

    # NumPy's ufuncs call the element's method of the same name.
    exp, expm1, log, log1p = map(_method, ("exp", "expm1", "log", "log1p"))
    tanh, sqrt, sin, cos, arctan = map(_method, ("tanh", "sqrt", "sin", "cos", "atan"))


#: NumPy's functions of one argument that balls have.
FUNCTIONS = ("exp", "expm1", "log", "log1p", "tanh", "sqrt", "sin", "cos", "arctan")


def ball(entry: Any) -> Ball:
    """A number as a ball."""
    return entry if isinstance(entry, Ball) else Ball(entry)


def balls(value: Any) -> Any:
    """An array of floats, or a tuple of them, as balls; labels and lengths stay integers."""
    if isinstance(value, tuple):
        entries = [balls(entry) for entry in value]
        return type(value)(*entries) if hasattr(value, "_fields") else tuple(entries)
    array = np.asarray(value)
    if array.dtype.kind != "f":
        return array.copy()
    return np.asarray(np.frompyfunc(lambda entry: Ball(float(entry)), 1, 1)(array), dtype=object)
