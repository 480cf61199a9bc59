"""Functions on arrays of floats, and on arrays of mpmath's numbers at 50 digits."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any

import mpmath
import numpy as np
from numpy.typing import NDArray

from gru_codegen.ir import ELEMENTWISE, Const, Elementwise, Expr, Ref

__all__ = ["DIGITS", "apply", "exact"]

DIGITS = 50
Array = NDArray[Any]

_CONTEXT = mpmath.MPContext()
_CONTEXT.dps = DIGITS


def exact(array: Array) -> Array:
    """The same numbers at 50 digits."""
    return np.asarray(np.frompyfunc(_CONTEXT.mpf, 1, 1)(array))


def apply(function: str, array: Array, records: Mapping[str, Elementwise] = ELEMENTWISE) -> Array:
    """A function of every entry of `array`, or of every row: softmax."""
    if function == "softmax":
        powers = apply("exp", array - array.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)  # type: ignore[no-any-return]
    record = records[function]
    if array.dtype != object:
        return record.on_array(array)  # type: ignore[no-any-return]
    return np.asarray(np.frompyfunc(lambda entry: _of_record(record, entry), 1, 1)(array))


def _of_record(record: Elementwise, entry: Any) -> Any:
    """The value of a function at a number, by its definition or by mpmath's own."""
    if record.definition is None:
        assert record.ufunc is not None  # a record has one of them
        return getattr(_CONTEXT, record.ufunc.__name__.replace("arc", "a"))(entry)
    values = {"a": entry}
    for part, formula in record.where:
        values[part.var.name] = _value(formula, values)
    return _value(record.definition, values)


def _value(formula: Expr, values: dict[str, Any]) -> Any:
    if isinstance(formula, Ref):
        return values[formula.var.name]
    if isinstance(formula, Const):
        return _CONTEXT.mpf(formula.value.numerator) / formula.value.denominator
    arguments = [_value(argument, values) for argument in formula.args]
    if formula.operation in ELEMENTWISE:
        return _of_record(ELEMENTWISE[formula.operation], *arguments)
    return _OPERATIONS[formula.operation](*arguments)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "subtract": operator.sub,
    "multiply": operator.mul,
    "divide": operator.truediv,
    "negate": operator.neg,
    "maximum": max,
    "minimum": min,
    "greater_equal": lambda left, right: _CONTEXT.mpf(int(left >= right)),
    "greater": lambda left, right: _CONTEXT.mpf(int(left > right)),
    "expm1": _CONTEXT.expm1,
    "log1p": _CONTEXT.log1p,
}
