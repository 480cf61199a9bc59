"""The outputs of a module, and the targets that have the shape of the first, as code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from gru_codegen.emit.header import Heading
from gru_codegen.emit.numpy.attributes import Attributes
from gru_codegen.ir import Program, Shape
from gru_codegen.names import public
from gru_codegen.plan import Plan

__all__ = ["code_of_outputs", "code_of_targets", "given_adjoints", "shapes_of_outputs"]


@dataclass(frozen=True)
class _Output:
    """One output.

    name: that callers know. array: the code of it in the Workspace, (T, B, n). adjoint: of what a
    pullback is given for it. seed: where the Workspace keeps that; "" in a module without loss.
    """

    name: str
    array: str
    adjoint: str
    seed: str


def code_of_outputs(program: Program, attributes: Attributes) -> dict[str, Any]:
    """The outputs one by one, the code of the first, and that of all as they are handed out."""
    several = len(program.outputs) > 1
    seeds = [seed.name for seed in program.seeds] or [""] * len(program.outputs)
    found = []
    adjoints = given_adjoints(program)
    for var, seed, adjoint in zip(program.outputs, seeds, adjoints, strict=True):
        name = public(var.name)
        turned = program.orientation == "columns"
        array = attributes.form(var.name, "turned") if turned else var.name
        found.append(_Output(name, f"w.{array}", adjoint, seed))
    names = tuple(each.name for each in found)
    return {
        "each_output": found,
        "several_outputs": names if several else (),
        "outputs": found[0].array,
        "copied_outputs": "_copied(_outputs_of(w), w)"
        if several
        else f"_outputs({found[0].array}, w)",
    }


def given_adjoints(program: Program) -> list[str]:
    """The code of what a pullback is given for each output."""
    names = [f"d_outputs.{public(output.name)}" for output in program.outputs]
    return names if names[1:] else ["d_outputs"]


def shapes_of_outputs(program: Program) -> dict[str, Shape]:
    """The shape of each output by the name that errors give it."""
    several = len(program.outputs) > 1
    return {
        f"outputs.{public(var.name)}" if several else "outputs": ("T", *var.shape)
        for var in program.outputs
    }


def code_of_targets(plan: Plan, heading: Heading, outputs: str) -> dict[str, str]:
    """The targets as an argument, and the arrays for those that have to be changed first.

    outputs: the code of the outputs that have their shape.
    """
    program = plan.program
    kept = f'w.room("y", {outputs}.shape)'
    made = f"np.empty({outputs}.shape, w.dtype)"
    if program.targets_in_seed:
        name = program.seeds[0].name
        kept = f"_turned(w.{name})" if program.orientation == "columns" else f"w.{name}"
    like = f'_like_outputs("y", y, {outputs})'
    if program.outputs[1:]:
        like = f'_like("y", y, SHAPES["y"], {outputs})'
    return {
        "targets": like,
        "room_for_targets": kept,
        "room_for_labels": f'w.room("y", {outputs}.shape)' if plan.in_place else made,
    }
