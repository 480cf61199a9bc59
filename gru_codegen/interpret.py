"""Run a Program on NumPy arrays: slow, obvious, and the reference for every pass."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.ir import (
    OPERATIONS,
    Block,
    Call,
    Every,
    Expr,
    Option,
    Program,
    Ref,
    Statement,
    Step,
    Var,
    evaluated,
    unpacked,
)

__all__ = ["Machine", "interpret"]

Array = NDArray[Any]


def interpret(
    program: Program,
    arrays: Mapping[str, Array],
    steps: int,
    given: Collection[Option] = (),
    *,
    phases: Collection[str] | None = None,
    kept: Collection[str] | None = None,
) -> dict[str, Any]:
    """The value of every variable by name; a timed one is a list over the steps.

    Of variables that share storage, as `Program.overwrites` says, each has what was written last.

    arrays: inputs and targets as (T, B, n), initial states as (B, H), weights by name; for a
        pullback the seeds too.
    given: the options that `arrays` has the arguments of: "lengths" (ended), "loss weights" (V),
        "pullback".
    phases: those to run; None is all of them. Seeds that are given come where a phase is left out,
        since what was there before may be kept in the same storage.
    kept: the timed variables that are stored for all steps, the others having one place that each
        step writes over; None is all of them.
    """
    return Machine(program, arrays, steps, given, kept).run_phases(phases)


#: The roles whose arrays have every size in full; weights of a loss may be one column.
_SIZED = ("input", "initial", "last", "target", "weight")


class Machine:
    """Runs the statements of a program; `read` and `write` decide where values are kept."""

    def __init__(
        self,
        program: Program,
        arrays: Mapping[str, Array],
        steps: int,
        given: Collection[Option],
        kept: Collection[str] | None = None,
    ) -> None:
        self.program = program
        self.steps = program.steps if program.steps is not None else steps
        self.given = given
        self.kept = kept
        self.sizes = {"1": 1}
        variables = program.variables()  # what unrolling has removed has no storage
        for name, var in variables.items():
            if name in arrays and var.role in _SIZED:
                numbers = np.shape(arrays[name])[-len(var.shape) :]
                self.sizes.update(zip(var.shape, numbers, strict=True))
        self.overwrites = {
            new: old
            for new, old in program.overwrites.items()
            if new in variables and old in variables
        }
        self.arrays = arrays
        self.values: dict[str, Any] = dict(arrays)
        for name, var in variables.items():
            if program.targets_in_seed and var.role == "target" and name in arrays:
                self.overwrites[name] = program.seeds[0].name
                self.give(name)
        self.started: set[str] = set()

    def run_phases(self, phases: Collection[str] | None = None) -> dict[str, Any]:
        """Run the phases that are named, or all, and return every value by name."""
        for phase in self.program.phases:
            if phases is None or phase.name in phases:
                for block in phase.blocks:
                    self.run(block, None)
            else:
                for seed in self.program.seeds:
                    if seed.name in self.arrays:
                        self.give(seed.name)
        return self.results()

    def give(self, name: str) -> None:
        # A list of its own, since the steps may write over it.
        self.values[self.storage(name)] = list(self.arrays[name])

    def results(self) -> dict[str, Any]:
        stored = {name: self.storage(name) for name in self.overwrites}
        shared = {name: self.values[at] for name, at in stored.items() if at in self.values}
        return {**self.values, **shared}

    def run(self, block: Block, t: int | None) -> None:
        if isinstance(block, Statement):
            if set(block.given) <= set(self.given):
                self.assign(block, t)
            return
        if isinstance(block, Step):
            order: list[int] = [block.index]
        else:
            order = list(range(self.steps))[:: 1 if block.direction == "forward" else -1]
        for now in order:
            for inner in block.body:
                self.run(inner, now)

    def assign(self, statement: Statement, t: int | None) -> None:
        value = self.value(statement.value, t)
        name = statement.target.var.name
        value = self.filled(statement.target.var, value)
        if statement.accumulate:
            value = self.values[name] + value if name in self.started else value
        self.started.add(name)
        self.write(statement.target, value, t)

    def filled(self, var: Var, value: Any) -> Any:
        """`value`, or the matrix that a number, one column or one row, stands for."""
        if not var.shape or var.parts:
            return value
        if not np.ndim(value):
            return np.full([self.size(letter) for letter in var.shape], value)
        if var.role == "fixed":
            return np.broadcast_to(value, [self.size(letter) for letter in var.shape])
        if len(var.shape) < 2 or np.shape(value)[-1] > 1:
            return value
        return np.broadcast_to(value, (*np.shape(value)[:-1], self.size(var.shape[-1])))

    def write(self, target: Ref, value: Any, t: int | None) -> None:
        if target.var.parts:
            self.unpack(target, value, t)
            return
        name = self.storage(target.var.name)
        if target.when is None:
            self.values[name] = value
        elif isinstance(target.when, Every):
            same_for_every_step = np.ndim(value) == len(target.var.shape)
            self.values[name] = [value] * self.steps if same_for_every_step else list(value)
        else:
            assert t is not None  # as validate() has checked
            if self.kept is not None and name not in self.kept:
                self.values[name] = [value] * self.steps
            else:
                self.values.setdefault(name, [None] * self.steps)[t] = value

    def unpack(self, target: Ref, value: Any, t: int | None) -> None:
        """Give each part of a pack its share of `value`."""
        widths = [self.size(part.var.shape[-1]) for part in target.var.parts[0]]
        heights = [self.size(("1", *row[0].var.shape)[-2]) for row in target.var.parts]
        parts = list(unpacked(target))
        bands = np.split(value, np.cumsum(heights)[:-1], axis=-2) if len(heights) > 1 else [value]
        for band in bands:
            for block in np.split(band, np.cumsum(widths)[:-1], axis=-1):
                part = parts.pop(0)
                vector = len(part.var.shape) == 1
                self.write(part, block[0] if vector and np.ndim(block) == 2 else block, t)

    def size(self, written: str) -> int:
        """The number that a size such as ``D+H`` stands for."""
        return sum(self.sizes[name] for name in written.split("+"))

    def storage(self, name: str) -> str:
        """The variable in whose storage `name` is kept."""
        while name in self.overwrites:
            name = self.overwrites[name]
        return name

    def value(self, expression: Expr, t: int | None) -> Any:
        if not isinstance(expression, Call):
            return evaluated(expression, lambda ref: self.read(ref, t))
        args = [self.value(argument, t) for argument in expression.args]
        found = OPERATIONS[expression.operation].value(*args)
        if expression.operation == "rows" and "B" in self.sizes:  # a sum over rows needs them all
            return np.broadcast_to(found, (self.sizes["B"], found.shape[-1]))
        return found

    def read(self, ref: Ref, t: int | None) -> Any:
        if ref.var.role == "loss weights" and "loss weights" not in self.given:
            return 1
        if ref.var.role == "lengths" and "lengths" not in self.given:
            return False
        if ref.var.role == "size":
            return self.size(ref.var.adjoint_of)
        if ref.var.parts:
            return self.packed(ref, t)
        if ref.when is None:
            return self.values[self.storage(ref.var.name)]
        offset = ref.when.offset
        if isinstance(ref.when, Every):
            return np.stack([self.at(ref, i + offset) for i in range(self.steps)])
        assert t is not None  # as validate() has checked
        return self.at(ref, t + offset)

    def packed(self, ref: Ref, t: int | None) -> Any:
        """The parts of a pack, side by side and one below the other."""
        parts = list(unpacked(ref))
        rows = []
        for row in ref.var.parts:
            values = [np.asarray(self.value(parts.pop(0), t)) for _ in row]
            batch = max((value.shape[:-1] for value in values), key=len)
            values = [np.broadcast_to(value, (*batch, value.shape[-1])) for value in values]
            rows.append(np.concatenate(values, axis=-1))
        return np.concatenate(list(map(np.atleast_2d, rows)), -2) if len(rows) > 1 else rows[0]

    def at(self, ref: Ref, index: int) -> Any:
        if 0 <= index < self.steps:
            return self.values[self.storage(ref.var.name)][index]
        assert ref.var.boundary is not None  # as validate() has checked
        return self.filled(ref.var, self.value(ref.var.boundary, index))
