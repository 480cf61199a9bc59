"""Soundness of a plan: no value is read where another one lies by then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from itertools import combinations

from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    OPERATIONS,
    Block,
    Call,
    Every,
    Option,
    Ref,
    Statement,
    Step,
    reads,
    unpacked,
    writes,
)
from gru_codegen.plan.arrays import Plan

__all__ = ["overwritten_safely", "validate"]

#: Where one matrix lies: its array, the element along time, and its number in the array.
_Cell = tuple[str, int, int]
#: A value: the variable's name, and its step if it is timed.
_Value = tuple[str, int | None]
#: So many steps show what a step does to the one before it and to the one after it.
_STEPS = 3
#: An unrolled program of more steps has the places of its loop, which this many show.
_MOST_STEPS = 8


def validate(plan: Plan) -> Plan:
    """Return `plan` if it is sound.

    Every variable lies within its array and has the shape of its part, and every view within the
    steps of its array. A run over a few steps, with each set of options, shows that each value is
    still there when it is read, and that no operation loses an operand while it writes its result.

    Raises
    ------
    ProgramError: the plan is not sound; it names the variable or the statement.
    """
    for name, place in plan.places.items():
        within = 0 <= place.start < place.stop <= len(place.array.shapes)
        if place.array not in plan.arrays or not within:
            raise ProgramError(f"{name} lies outside of every array: {place}")
    for var in plan.program.variables().values():
        if var.name in plan.places:
            shapes = plan.places[var.name].array.shapes[plan.places[var.name].start :]
            if shapes[0] != var.shape:
                raise ProgramError(f"{var.name} is {var.shape}, but its place is for {shapes[0]}")
    for view in plan.views:
        extra = view.place.array.extra
        if extra is not None and not 0 <= view.place.first <= extra:
            raise ProgramError(f"{view.var.name} is read beyond the steps of {view.place.array}")
    if (plan.program.steps or 0) <= _MOST_STEPS:
        for options in _option_sets(plan):
            _Run(plan, options).run()
    return plan


def _option_sets(plan: Plan) -> Iterator[tuple[Option, ...]]:
    """Every set of options that statements are for, each with and without a pullback."""
    given = {option for s in plan.program.statements() for option in s.given}
    options: list[Option] = sorted({*given, "pullback"})
    for number in range(len(options) + 1):
        yield from combinations(options, number)


class _Run:
    """A run of the program that tracks which value lies where, and computes none."""

    def __init__(self, plan: Plan, options: Collection[Option]) -> None:
        self.plan = plan
        self.program = plan.program
        self.options = set(options)
        self.steps = _STEPS if self.program.steps is None else self.program.steps
        self.held: dict[_Cell, set[_Value]] = {}

    def run(self) -> None:
        """Run the phases of a loss or, with that option, those of a pullback, which has a seed."""
        seed, pullback = self.program.seed, "pullback" in self.options
        for phase in self.program.phases:
            if pullback and phase.name == "loss":
                if seed is not None and seed.name in self.plan.places:
                    self._hold(Ref(seed, Every()), None)
            elif pullback or phase.name != "inputs":
                for block in phase.blocks:
                    self._block(block, None)

    def _block(self, block: Block, t: int | None) -> None:
        if isinstance(block, Statement):
            if set(block.given) <= self.options:
                self._statement(block, t)
            return
        if isinstance(block, Step):
            order = [block.index]
        else:
            order = list(range(self.steps))[:: 1 if block.direction == "forward" else -1]
        for step in order:
            for inner in block.body:
                self._block(inner, step)

    def _statement(self, statement: Statement, t: int | None) -> None:
        operands = [ref for ref in reads(statement.value) if ref.var.name in self.plan.places]
        for ref in operands:
            for cell, value in self._cells(ref, t):
                if value not in self.held.get(cell, ()):
                    name, step = value
                    others = ", ".join(sorted(held for held, _ in self.held.get(cell, ())))
                    raise ProgramError(
                        f"{statement}: {name} of step {step} is not there any more; "
                        f"its place holds {others or 'nothing yet'}"
                    )
        if self.plan.copies_onto_itself(statement):
            self._hold(statement.target, t, beside=True)
            return
        self._check_overlap(statement, t)
        self._hold(statement.target, t)

    def _check_overlap(self, statement: Statement, t: int | None) -> None:
        """Raise an error if an operand is lost while the result is written."""
        if not self.plan.in_place or not isinstance(statement.value, Call):
            return
        safe = set(overwritten_safely(statement.value))
        targets = {cell for ref in writes(statement) for cell, _ in self._cells(ref, t)}
        for ref in reads(statement.value):
            if ref not in safe and targets & {cell for cell, _ in self._cells(ref, t)}:
                raise ProgramError(f"{statement}: the result is written over {ref}")

    def _hold(self, target: Ref, t: int | None, *, beside: bool = False) -> None:
        for ref in unpacked(target):
            for cell, value in self._cells(ref, t):
                self.held[cell] = {value, *(self.held.get(cell, ()) if beside else ())}

    def _cells(self, ref: Ref, t: int | None) -> Iterator[tuple[_Cell, _Value]]:
        """The matrices that `ref` means, within the steps that there are, and where they lie."""
        place = self.plan.places.get(ref.var.name)
        if place is None:
            return
        if ref.when is None:
            yield (place.array.name, 0, place.start), (ref.var.name, None)
            return
        of_all = isinstance(ref.when, Every)
        for step in range(self.steps) if of_all else [t or 0]:
            index = step + ref.when.offset
            if 0 <= index < self.steps:
                along = 0 if place.array.extra is None else place.first + index
                yield (place.array.name, along, place.start), (ref.var.name, index)


def overwritten_safely(value: Call) -> Iterator[Ref]:
    """The operands that may lie where the result goes: each entry is read before it is written.

    A selection writes its last operand first, and then the other over it.
    """
    if not OPERATIONS[value.operation].elementwise:
        return
    operands = value.args[-1:] if value.operation == "select" else value.args
    for operand in operands:
        if isinstance(operand, Call):
            yield from overwritten_safely(operand)
        elif isinstance(operand, Ref):
            yield from reads(operand)
