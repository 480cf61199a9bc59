"""Workspaces of a module, filled with what no call may read."""

from __future__ import annotations

from typing import Any

from gru_codegen.prove.field import Field
from gru_codegen.prove.points import Point
from gru_codegen.verify.entry_points import size_keyword, untold, usual_input, usual_state
from gru_codegen.verify.ownership import arrays_in, owner

__all__ = ["spoil", "workspace_for"]


def workspace_for(module: Any, point: Point) -> Any:
    """A workspace of `module` for the sizes of `point`, whatever the number of steps.

    That which it makes for weights, if it does, has to be for the same sizes.
    """
    numbers = point.sizes
    shapes = module.SHAPES
    inputs = numbers.get("D") or numbers.get(shapes[usual_input(module)][-1], 1)
    states = numbers.get("H") or numbers.get(shapes[usual_state(module)][-1], 1)
    others = {
        size_keyword(letter): numbers[letter] for letter in module.SIZES if letter not in "BDH"
    }
    right = module.Workspace(numbers["B"], inputs, states, dtype=object, **others)
    if not hasattr(module.Workspace, "of"):
        return right
    told = {"input_size": inputs, "hidden_size": states, **others}
    keywords = {name: told[name] for name in untold(module)}
    params = module.Params(**{w.name: point.weights[w.name] for w in point.cell.weights})
    made = module.Workspace.of(params, numbers["B"], **keywords)
    if (made.sizes, made.dtype, type(made.dtype)) != (right.sizes, right.dtype, type(right.dtype)):
        found, due = ((each.sizes, each.dtype) for each in (made, right))
        raise ValueError(f"Workspace.of makes one for {found}, not for {due}")
    return made


def spoil(held: Any, field: Field) -> None:
    """Fill every array that `held` has, and all that it is a view of, with what may not be read.

    Constants have no dimension or are read-only. A mask becomes one of padding.
    """
    for array in {id(each): each for each in map(owner, arrays_in(held))}.values():
        if array.ndim and array.flags.writeable and array.dtype.kind in "Ob":
            array[...] = True if array.dtype.kind == "b" else field.unread()
