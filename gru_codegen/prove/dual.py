"""Dual numbers over the field: a value and its derivative along one direction, forward mode.

The declared equations on dual numbers give the derivative of the loss along any direction, without
a formula of the derivation. Where the direction is random that determines the gradient.
"""

from __future__ import annotations

from operator import attrgetter
from typing import Any

import numpy as np

from gru_codegen.evaluate import Domain
from gru_codegen.functions import ElementwiseFunction
from gru_codegen.ir import Elementwise
from gru_codegen.prove.field import Element, Field
from gru_codegen.prove.functions import derivative, value

__all__ = ["Dual", "along", "duals", "exact", "still"]

# Products of matrices are of integers, brought into the field once for each entry.
_numbers, _values, _slopes = (
    np.frompyfunc(attrgetter(part), 1, 1) for part in ("n", "value.n", "slope.n")
)


def exact(field: Field) -> Domain:
    """The elements of `field`, as numbers that expressions are evaluated on."""

    def apply(function: type[ElementwiseFunction], array: Any) -> Any:
        return np.frompyfunc(lambda a: _local(function.record, a)[0], 1, 1)(array)

    def matmul(left: Any, right: Any) -> Any:
        return field.elements(_numbers(left) @ _numbers(right))

    return Domain(apply, field.element(1), matmul)


def duals(field: Field) -> Domain:
    """The same of dual numbers."""

    def apply(function: type[ElementwiseFunction], array: Any) -> Any:
        def moved(entry: Dual) -> Dual:
            at, slope = _local(function.record, entry.value)
            return Dual(at, slope * entry.slope)

        return np.frompyfunc(moved, 1, 1)(array)

    def matmul(left: Any, right: Any) -> Any:
        values = _values(left), _values(right)
        slopes = _slopes(left) @ values[1] + values[0] @ _slopes(right)
        return along(field.elements(values[0] @ values[1]), field.elements(slopes))

    return Domain(apply, Dual(field.element(1), field.element(0)), matmul)


def _local(record: Elementwise, argument: Element) -> tuple[Any, Any]:
    """A function and its derivative at `argument`, which are looked up more than once."""
    known = argument.field.locals.get((record.name, argument.n))
    if known is None:
        at = value(record, argument)
        known = at, derivative(record, argument, at)
        argument.field.locals[record.name, argument.n] = known
    return known


def still(values: Any, zero: Any) -> Any:
    """Values as dual numbers that do not move."""
    return along(values, np.full(np.shape(values), zero))


def along(values: Any, slopes: Any) -> Any:
    """The dual numbers of arrays of elements and of the direction in which they move."""
    return np.frompyfunc(Dual, 2, 1)(values, slopes)


class Dual:
    """value + slope e, where e^2 = 0; both are elements."""

    __slots__ = ("slope", "value")

    def __init__(self, value: Element, slope: Any) -> None:
        self.value, self.slope = value, slope

    def __add__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            return Dual(self.value + other.value, self.slope + other.slope)
        return Dual(self.value + other, self.slope)

    __radd__ = __add__

    def __neg__(self) -> Dual:
        return Dual(-self.value, -self.slope)

    def __sub__(self, other: Any) -> Any:
        return self + -other

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Dual:
        if isinstance(other, Dual):
            slope = self.slope * other.value + self.value * other.slope
            return Dual(self.value * other.value, slope)
        return Dual(self.value * other, self.slope * other)

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Dual:
        return Dual(self.value / other, self.slope / other)  # by a number: no equation has more

    def __gt__(self, other: Any) -> bool:
        return bool(self.value > other)  # a condition is 1 or 0

    def __ge__(self, other: Dual) -> bool:
        return bool(self.value >= other.value)  # the largest of a row is looked for by value
