"""Dual numbers: values of declared equations, and their slopes by the declared derivatives.

They are the real and imaginary parts of complex numbers, whose products are taken apart. So no
slope is scaled by a step, and none is lost where a value is the least number that there is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gru_codegen.evaluate import Domain
from gru_codegen.functions import ElementwiseFunction
from gru_codegen.ir import evaluated
from gru_codegen.ir.elementwise import a, value

__all__ = ["DUAL"]


def _dual(values: Any, slopes: Any) -> Any:
    """Values and slopes as complex numbers."""
    found = np.empty(np.shape(values), complex)
    found.real, found.imag = values, slopes
    return found


def _product(multiply: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
    """The product of dual numbers, of which the values are what `multiply` makes of values."""

    def product(left: Any, right: Any) -> Any:
        slopes = multiply(left.real, right.imag) + multiply(left.imag, right.real)
        return _dual(multiply(left.real, right.real), slopes)

    return product


def _slid(function: type[ElementwiseFunction], array: Any) -> Any:
    """A function of dual numbers, whose slopes are those of its derivative as declared."""
    record = function.record
    at = record.on_array(array.real)
    derivative = evaluated(record.derivative, {a: array.real, value: at}.__getitem__)
    return _dual(at, array.imag * derivative)


#: Dual numbers: a comparison is decided by values alone.
DUAL = Domain(
    _slid,
    1,
    _product(np.matmul),
    lambda holds, *sides: np.where(holds.real > 0, *sides),
    multiply=_product(np.multiply),
)
