"""Workspaces of a module, filled with what no call may read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from gru_codegen.prove.field import Field
from gru_codegen.prove.points import Point
from gru_codegen.verify.entry_points import size_keyword

__all__ = ["spoil", "workspace_for"]


def workspace_for(module: Any, point: Point) -> Any:
    """A workspace of `module` for the sizes of `point`, whatever the number of steps."""
    numbers = point.sizes
    inputs = numbers.get("D", point.inputs[0].shape[-1])
    states = numbers.get("H", next(iter(point.states.values())).shape[-1])
    others = {
        size_keyword(letter): numbers[letter] for letter in module.SIZES if letter not in "BDH"
    }
    return module.Workspace(numbers["B"], inputs, states, dtype=object, **others)


def spoil(held: Any, field: Field) -> None:
    """Fill every array that `held` has, and all that it is a view of, with what may not be read.

    Constants have no dimension or are read-only. A mask becomes one of samples that have ended.
    """
    owners = (each.base if isinstance(each.base, np.ndarray) else each for each in _arrays(held))
    for array in {id(owner): owner for owner in owners}.values():
        if array.ndim and array.flags.writeable and array.dtype.kind in "Ob":
            array[...] = True if array.dtype.kind == "b" else field.unread()


def _arrays(held: Any) -> Iterator[Any]:
    """Every array that `held` has, views of one among them."""
    if isinstance(held, np.ndarray):
        yield held
    elif isinstance(held, (dict, list, tuple)):
        for entry in held.values() if isinstance(held, dict) else held:
            yield from _arrays(entry)
    elif hasattr(held, "__dict__") and not isinstance(held, type):
        yield from _arrays(vars(held))
