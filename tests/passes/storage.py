"""A program run in the storage that a kernel gives it, where the interpreter keeps everything.

A variable has one array for all time steps if `kept_for_every_step` says so, and else a single
matrix that each step writes over. Nothing is there before it is written: an array begins as None
throughout, and so does, in every phase, what is not kept. Arithmetic on None is a TypeError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from gru_codegen.interpret import _OPERATIONS
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Program,
    Shape,
    Statement,
    Step,
    Var,
    kept_for_every_step,
    shape_of,
    statements,
)
from tests.programs import Array, arrays, called, handed_out, over_residues, sizes

__all__ = ["run_in_storage"]


def run_in_storage(
    program: Program, steps: int, optional: Sequence[str] = (), *, in_place: bool = False
) -> dict[str, Array]:
    """What `program` computes for its callers; a timed result is (T, ...).

    in_place: whether a statement writes straight into its target, as in the fast style.

    Raises
    ------
    TypeError: something is read that is not there, or not any more.
    AssertionError: a matrix product in place writes over its own operand.
    """
    kept = kept_for_every_step(program)
    program = called(program, optional)
    given = arrays(program, steps, optional)
    storage = _Storage(program, kept, given, program.steps or steps, optional, in_place)
    with over_residues():
        for phase in program.phases:
            storage.forget()
            for block in phase.blocks:
                storage.run(block, None)
    found = {var.name: storage.arrays[var.name] for var in handed_out(program)}
    return found | {f"{var.name}[0]": storage.view(var, 0) for var in program.carries}


#: What NumPy cannot compute into an array that it reads.
_PRODUCTS = ("matmul", "contract", "transpose")


class _Storage:
    def __init__(
        self,
        program: Program,
        kept: set[str],
        given: dict[str, Array],
        steps: int,
        optional: Sequence[str],
        in_place: bool,
    ) -> None:
        self.steps, self.optional, self.in_place = steps, optional, in_place
        self.arrays = given
        names = set(given)
        self.one_for_all: set[str] = set()
        self.forgotten: set[str] = set()
        for name, var in program.variables().items():
            if name not in names:
                rows = (steps,) if name in kept else ()
                self.arrays[name] = np.full(rows + self.numbers(var.shape), None, dtype=object)
                if name not in kept:
                    self.one_for_all.add(name)
                passing = var.role == "work" or (var.timed and var not in program.carries)
                if name not in kept and passing:
                    self.forgotten.add(name)

    def forget(self) -> None:
        """A phase is a function: what is not kept is not there when it begins."""
        for name in self.forgotten:
            self.arrays[name][...] = None

    # --- statements -----------------------------------------------------------------------------

    def run(self, block: Block, t: int | None) -> None:
        if isinstance(block, Statement):
            if set(block.given) <= set(self.optional):
                self.assign(block, t)
        elif isinstance(block, Step):
            for inner in block.body:
                self.run(inner, block.index)
        else:
            self.begin(block)
            for now in range(self.steps)[:: 1 if block.direction == "forward" else -1]:
                for inner in block.body:
                    self.run(inner, now)

    def begin(self, loop: Loop) -> None:
        """Before a loop its sums are zero, and what it carries in one matrix is at its boundary."""
        for statement in statements(loop.body):
            var, array = statement.target.var, self.arrays[statement.target.var.name]
            if statement.accumulate and array.flat[0] is None:
                array[...] = 0
            elif var.boundary is not None and var.name in self.one_for_all:
                array[...] = self.value(var.boundary, None)

    def assign(self, statement: Statement, t: int | None) -> None:
        target, value = statement.target, statement.value
        out = self.view(target.var, t if isinstance(target.when, Now) else None)
        if self.in_place and isinstance(value, Call) and value.operation in _PRODUCTS:
            for operand in (self.value(argument, t) for argument in value.args):
                assert not np.shares_memory(out, operand), f"{statement} writes over its operand"
        result = self.value(value, t)
        out[...] = out + result if statement.accumulate else result

    # --- values ---------------------------------------------------------------------------------

    def value(self, expression: Expr, t: int | None) -> Any:
        if isinstance(expression, Const):
            return expression.value
        if isinstance(expression, Call):
            if expression.operation == "weigh" and "loss weights" not in self.optional:
                return self.value(expression.args[1], t)
            arguments = [self.value(argument, t) for argument in expression.args]
            result = _OPERATIONS[expression.operation](*arguments)
            return np.broadcast_to(result, self.numbers(shape_of(expression)))
        match expression.when:
            case None | Every(0):
                return self.view(expression.var, None)
            case Every(offset):
                rows = [self.at(expression.var, i + offset) for i in range(self.steps)]
                return np.stack(rows)
            case Now(offset):
                assert t is not None
                return self.at(expression.var, t + offset)

    def at(self, var: Var, index: int) -> Array:
        """The matrix of one step, or of the boundary."""
        if 0 <= index < self.steps or var.name in self.one_for_all:
            return self.view(var, index)
        assert var.boundary is not None, f"{var.name} has no step {index}"
        return np.broadcast_to(self.value(var.boundary, None), self.numbers(var.shape))

    def numbers(self, shape: Shape) -> tuple[int, ...]:
        return sizes(shape, self.steps)

    def view(self, var: Var, index: int | None) -> Array:
        """Where a step of `var` is stored, or all of them: no copy."""
        array = self.arrays[var.name]
        return array if index is None or var.name in self.one_for_all else array[index]
