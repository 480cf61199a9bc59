"""States as arguments: the initial ones, and the adjoints of the last ones."""

from __future__ import annotations

from typing import Any

from gru_codegen.runtime.arrays import _cast, _check_shape
from gru_codegen.runtime.kernel import SHAPES, STATES, Array, State


def _start(place: Array, name: str, letters: tuple[str, ...], value: Any) -> None:
    """Write an initial state, zeros if it is None, where the first step reads it."""
    if value is None:
        place[...] = 0
    else:
        state = _cast(name, value, place.dtype)
        _check_shape(name, state, letters, place.shape)
        place[...] = state


def _start_all(places: tuple[Array, ...], name: str, value: Any) -> None:
    """Write the fields of a State likewise, each in its place."""
    if value is not None and set(getattr(value, "_fields", ())) != set(State._fields):
        fields = ", ".join(State._fields)
        raise TypeError(
            f"{name}: expected a State with the fields {fields}; got {type(value).__name__}: "
            f"write State({fields})"
        )
    for place, state in zip(places, STATES):
        given = None if value is None else getattr(value, state)
        _start(place, f"{name}.{state}", SHAPES[f"s0.{state}"], given)
