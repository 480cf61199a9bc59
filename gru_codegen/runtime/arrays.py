"""Arguments as arrays: what they are cast to, which shape they have to have."""

from __future__ import annotations

from typing import Any

import numpy as np

from gru_codegen.runtime.kernel import SHAPES, UNROLL, Array, Inputs, Outputs


def _array(name: str, value: Any) -> Array:
    if value is None:
        raise TypeError(f"{name}: it is missing; expected an array, got None")
    return np.asarray(value)


def _cast(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    array = _array(name, value)
    if array.dtype == dtype:
        return array
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{name}: {array.dtype} does not cast to {dtype}, the dtype of the weights")
    return array.astype(dtype)


def _check_shape(name: str, array: Array, letters: tuple[str, ...], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        written = f"({', '.join(letters)}{',' * (len(letters) == 1)})"
        raise ValueError(f"{name}: expected shape {written} = {shape}, got {array.shape}")


def _cast_input(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """An input of all time steps, in the dtype of the weights."""
    array = _cast(name, value, dtype)
    if array.ndim != 3:
        letters = ", ".join(SHAPES[name])
        raise ValueError(f"{name}: expected shape ({letters}), got {array.shape}")
    if UNROLL is not None and len(array) != UNROLL:
        steps, *others = array.shape
        raise ValueError(
            f"{name}: expected shape ({', '.join(SHAPES[name])}) = {(UNROLL, *others)}, got "
            f"{array.shape}: this kernel is unrolled to T = {UNROLL}; generate one with --unroll "
            f"{f'{steps} or --unroll ' * bool(steps)}any"
        )
    return array


def _cast_inputs(x: Any, dtype: np.dtype[Any]) -> Inputs:
    """Several inputs likewise, by their names."""
    if set(getattr(x, "_fields", ())) != set(Inputs._fields):
        raise TypeError(
            f"x: expected Inputs with the fields {', '.join(Inputs._fields)}; "
            f"got {', '.join(getattr(x, '_fields', ())) or type(x).__name__}"
        )
    return Inputs(*[_cast_input(f"x.{n}", getattr(x, n), dtype) for n in Inputs._fields])


def _like_outputs(name: str, value: Any, outputs: Array) -> Array:
    """An argument with the shape and the dtype of the outputs (T, B, n)."""
    array = _cast(name, value, outputs.dtype)
    _check_shape(name, array, SHAPES["outputs"], outputs.shape)
    return array


def _like(name: str, value: Any, letters: tuple[str, ...], array: Array) -> Array:
    """An argument with the shape, which has these letters, and the dtype of an array."""
    given = _cast(name, value, array.dtype)
    _check_shape(name, given, letters, array.shape)
    return given


def _like_all_outputs(value: Any, outputs: Outputs) -> Outputs:
    """The adjoints of several outputs, by their names or as a tuple in their order."""
    if type(value) is tuple and len(value) == len(outputs):
        value = Outputs(*value)
    if set(getattr(value, "_fields", ())) != set(Outputs._fields):
        raise TypeError(
            f"d_outputs: expected Outputs with the fields {', '.join(Outputs._fields)}; "
            f"got {', '.join(getattr(value, '_fields', ())) or type(value).__name__}"
        )
    found = []
    for name in Outputs._fields:
        letters, output = SHAPES[f"outputs.{name}"], getattr(outputs, name)
        found.append(_like(f"d_outputs.{name}", getattr(value, name), letters, output))
    return Outputs(*found)


def _zeroed(array: Array, where: Array, room: Array | None = None) -> Array:
    """A copy, in `room` if given, with zeros `where` nothing may be read."""
    if room is None:
        room = np.empty(array.shape, array.dtype)
    np.copyto(room, array)
    np.copyto(room, 0, where=where)
    return room
