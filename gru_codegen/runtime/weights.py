"""Weights as arguments: one dtype, the declared order, shapes that fit each other."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_codegen.runtime.arrays import _check_shape
from gru_codegen.runtime.kernel import SHAPES, Array, Params


def _checked(params: Any) -> Params:
    """The weights as arrays of one dtype and in the declared order, whatever tuple they come in."""
    weights: Params = params if type(params) is Params else _by_name(params)
    dtype: Any = getattr(weights[0], "dtype", None)
    for weight in weights:
        if type(weight) is not np.ndarray or weight.dtype != dtype:
            return _alike(weights)
    return weights if dtype.isnative and dtype.kind in "fcO" else _alike(weights)


def _alike(weights: Params) -> Params:
    """The weights as arrays of one dtype and in this machine's byte order."""
    weights = Params(*map(_native, weights))
    dtypes = [weight.dtype for weight in weights]
    dtype = max(dtypes, key=dtypes.count)
    for name, weight in weights._asdict().items():
        if weight.dtype != dtype:
            other = Params._fields[dtypes.index(dtype)]
            raise TypeError(
                f"params.{name}: all weights must have one dtype; got {weight.dtype}, but {dtype} "
                f"for {other}"
            )
    if dtype.kind not in "fcO":
        raise TypeError(
            f"params: the weights must be floating, complex or object; got {dtype}: cast them first"
        )
    return weights


def _by_name(params: Any) -> Params:
    """The weights of any NamedTuple with these fields, in any order."""
    fields = getattr(params, "_fields", ())
    if set(fields) != set(Params._fields):
        remedy = ": write Params(**params)" if isinstance(params, dict) else ""
        raise TypeError(
            f"params: expected a NamedTuple with the fields {', '.join(Params._fields)}; "
            f"got {', '.join(fields) or type(params).__name__}{remedy}"
        )
    return Params(*[getattr(params, name) for name in Params._fields])


def _native(value: Any) -> Array:
    """An array in this machine's byte order."""
    array = np.asarray(value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _size(weight: Array, axis: int) -> int:
    """A size as `weight` tells it; -1, which fits nothing, if it lacks the axis."""
    return weight.shape[axis] if axis < weight.ndim else -1


def _check_fit(params: Params, **inputs: Array) -> None:
    """Raise an error about the first whose shape is not what the majority makes of it."""
    numbers: dict[str, list[int]] = {}
    for name, weight in params._asdict().items():
        letters = SHAPES[f"params.{name}"]
        if len(letters) == weight.ndim:  # each weight has one vote on each of its sizes
            for letter, number in dict.fromkeys(zip(letters, weight.shape)):
                numbers.setdefault(letter, []).append(number)
    for name, array in inputs.items():
        numbers.setdefault(SHAPES[name][-1], []).append(array.shape[-1])
    numbers["1"] = [1]  # whatever arrays have where one column is declared
    agreed = {letter: max(votes, key=votes.count) for letter, votes in numbers.items()}
    for name, weight in params._asdict().items():
        letters = SHAPES[f"params.{name}"]
        expected = tuple(agreed.get(letter, 0) for letter in letters)
        _check_shape(f"params.{name}", weight, letters, expected)
    for name, array in inputs.items():
        letters, first = SHAPES[name], next(iter(inputs.values()))
        _check_shape(name, array, letters, (*first.shape[:-1], agreed[letters[-1]]))
