"""Soundness of a plan: no value is read where another one lies by then."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from itertools import combinations

from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    OPERATIONS,
    SELECTIONS,
    Block,
    Call,
    Every,
    Now,
    Option,
    Phase,
    Program,
    Ref,
    Statement,
    Step,
    Var,
    reads,
    statements,
    unpacked,
    writes,
)
from gru_codegen.plan.arrays import Place, Plan

__all__ = ["overwritten_safely", "validate"]

#: Where one matrix lies: its array, the element along time, and its number in the array.
_Cell = tuple[str, int, int]
#: A value: the variable's name, and its step if it is timed.
_Value = tuple[str, int | None]
#: So many steps show what a step does to the one before it and to the one after it.
_STEPS = 3
#: So many steps of an unrolled program are run, half of them its first ones, half its last.
_MOST_STEPS = 8


def validate(plan: Plan) -> Plan:
    """Return `plan` if it is sound.

    Every variable lies within its array and has the shape of its part, the parts of a pack side by
    side, and every view within the steps of its array. A run over a few steps, with each set of
    options, shows that each value is still there when it is read or handed out, what lies beyond
    the steps too, and that no operation loses an operand while it writes its result.

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
        _check_parts(plan, view.var)
    shortened = replace(plan, program=_shortened(plan.program))
    for options in _option_sets(plan):
        _Run(shortened, options).run()
        if "pullback" in options:
            _Run(shortened, options, all_phases=True).run()
    return plan


def _check_parts(plan: Plan, pack: Var) -> None:
    """Check that the parts of `pack`, if it is one, lie side by side, each at its step."""
    for number, part in enumerate(pack.parts[0] if pack.parts else ()):
        whole, place = plan.place(pack), plan.places.get(part.var.name)
        first = whole.first - (part.when.offset if part.when is not None else 0)
        start = whole.start + number
        if place != Place(whole.array, first, start, start + 1):
            raise ProgramError(f"{part} of {pack.name} is not beside its neighbours: {place}")


def _shortened(program: Program) -> Program:
    """An unrolled program without the steps in its middle, if they do what those beside them do."""
    surplus, half = (program.steps or 0) - _MOST_STEPS, _MOST_STEPS // 2
    if surplus <= 0:
        return program
    alike = True

    def change(phase: Phase) -> Iterator[Block]:
        nonlocal alike
        known: Block | None = None
        for block in phase.blocks:
            if not isinstance(block, Step) or block.index < half:
                known = block
                yield block
            elif block.index >= half + surplus:
                known = block
                yield replace(block, index=block.index - surplus)
            else:
                alike = alike and isinstance(known, Step) and block.body == known.body

    shortened = replace(program.with_blocks(change), steps=_MOST_STEPS)
    return shortened if alike else program


def _option_sets(plan: Plan) -> Iterator[tuple[Option, ...]]:
    """Every set of options that statements are for, each with and without a pullback."""
    given = {option for s in plan.program.statements() for option in s.given}
    options: list[Option] = sorted({*given, "pullback"})
    for number in range(len(options) + 1):
        yield from combinations(options, number)


class _Run:
    """A run of the program that tracks which value lies where, and computes none.

    all_phases: whether the loss computes the seeds of a pullback, as for all gradients in one call.
    """

    def __init__(
        self, plan: Plan, options: Collection[Option], *, all_phases: bool = False
    ) -> None:
        self.plan, self.all_phases = plan, all_phases
        self.program = plan.program
        self.options = set(options)
        self.steps = _STEPS if self.program.steps is None else self.program.steps
        self.held: dict[_Cell, set[_Value]] = {}
        self.handed_out = self._handed_out()

    def run(self) -> None:
        """Run the phases of a loss or, with that option, those of a pullback, which has seeds."""
        pullback = "pullback" in self.options
        if self.program.targets_in_seed:
            for var in self.program.variables().values():
                if var.role == "target":
                    self._hold(Ref(var, Every()), None)
        for phase in self.program.phases:
            if pullback and phase.name == "loss" and not self.all_phases:
                for seed in self.program.seeds:
                    self._hold(Ref(seed, Every()), None)
                continue
            if pullback or phase.name != "inputs":
                for block in phase.blocks:
                    self._block(block, None)
            for entry, ref in self.handed_out.get(phase.name, ()):
                self._check_there(f"entry {entry}", ref, 0)

    def _handed_out(self) -> dict[str, list[tuple[str, Ref]]]:
        """By phase, the results of the entry points of which it is the last that they need."""
        pullback = "pullback" in self.options
        loss = ("loss",) if self.all_phases or not pullback else ()
        entries = ("forward", *loss, "pullback" if pullback else "gradients")
        handed_out: dict[str, list[tuple[str, Ref]]] = {}
        for entry in entries:
            results = self.program.entries.get(entry, ())
            refs = [Ref(var, Every() if var.timed else None) for var in results]
            if entry == "pullback":
                refs += [Ref(var, Now()) for var in self.program.carries]  # of the first step
            needed = {ref.var.name for ref in refs}
            for phase in reversed(self.program.phases):
                written = {ref.var.name for s in statements(phase.blocks) for ref in writes(s)}
                if needed & written:
                    handed_out.setdefault(phase.name, []).extend((entry, ref) for ref in refs)
                    break
        return handed_out

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
        for ref in reads(statement.value):
            self._check_there(statement, ref, t)
        if self.plan.copies_onto_itself(statement):
            self._hold(statement.target, t, beside=True)
            return
        self._check_overlap(statement, t)
        self._hold(statement.target, t)

    def _check_there(self, where: object, ref: Ref, t: int | None) -> None:
        """Raise an error if the place of `ref` holds another value; `where` says what reads it."""
        for cell, value in self._cells(ref, t):
            name, step = value
            if step is not None and not 0 <= step < self.steps:
                self.held.setdefault(cell, {value})  # written before the steps
            held = self.held.get(cell, ())
            if value not in held:
                others = ", ".join(sorted(other for other, _ in held))
                raise ProgramError(
                    f"{where}: {name} of step {step} is not there any more; "
                    f"its place holds {others or 'nothing yet'}"
                )

    def _check_overlap(self, statement: Statement, t: int | None) -> None:
        """Raise an error if an operand is lost while the result is written."""
        if not self.plan.in_place or not isinstance(statement.value, Call):
            return
        targets = [[cell for cell, _ in self._cells(ref, t)] for ref in writes(statement)]
        written = {cell for cells in targets for cell in cells}
        for ref in reads(statement.value):
            cells = [cell for cell, _ in self._cells(ref, t)]
            if written.isdisjoint(cells):
                continue
            if cells not in targets or ref not in overwritten_safely(statement.value):
                raise ProgramError(f"{statement}: the result is written over {ref}")

    def _hold(self, target: Ref, t: int | None, *, beside: bool = False) -> None:
        for ref in unpacked(target):
            for cell, value in self._cells(ref, t):
                self.held[cell] = {value, *(self.held.get(cell, ()) if beside else ())}

    def _cells(self, ref: Ref, t: int | None) -> Iterator[tuple[_Cell, _Value]]:
        """The matrices that `ref` means, and where they lie.

        Those beyond the steps are among them if the array has an element for them.
        """
        place = self._place(ref.var)
        if place is None:
            return
        if ref.when is None:
            yield (place.array.name, 0, place.start), (ref.var.name, None)
            return
        of_all = isinstance(ref.when, Every)
        for step in range(self.steps) if of_all else [t or 0]:
            index = step + ref.when.offset
            if 0 <= index < self.steps or place.array.extra is not None:
                along = 0 if place.array.extra is None else place.first + index
                yield (place.array.name, along, place.start), (ref.var.name, index)

    def _place(self, var: Var) -> Place | None:
        """The place of `var`; targets may have that of the first seed."""
        if var.role == "target" and self.program.targets_in_seed:
            return self.plan.places.get(self.program.seeds[0].name)
        return self.plan.places.get(var.name)


def overwritten_safely(value: Call) -> Iterator[Ref]:
    """The operands that may lie where the result goes: each entry is read before it is written.

    A selection writes its last operand first, and then the other over it.
    """
    if not OPERATIONS[value.operation].elementwise:
        return
    operands = value.args[-1:] if value.operation in SELECTIONS else value.args
    for operand in operands:
        if isinstance(operand, Call):
            yield from overwritten_safely(operand)
        elif isinstance(operand, Ref):
            yield from reads(operand)
