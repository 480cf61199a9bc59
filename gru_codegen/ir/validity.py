"""Validation: the conditions on a sound program, checked after every pass."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from gru_codegen.errors import ProgramError
from gru_codegen.ir.expressions import (
    GIVEN,
    Call,
    Every,
    Expr,
    Now,
    Ref,
    Shape,
    Var,
    is_within,
    reads,
    refs,
    unpacked,
)
from gru_codegen.ir.lifetimes import before_the_pullback, runs_of_blocks
from gru_codegen.ir.operations import fills, joined, letters, shape_of
from gru_codegen.ir.program import Block, Loop, Option, Program, Statement, Step, statements, writes

__all__ = ["validate"]

#: The options without which a statement is not run.
_Condition = frozenset[Option]


def validate(program: Program) -> Program:
    """Return `program` if it is sound.

    Shapes fit. What is read is computed before, on no further condition, or is a boundary beyond
    the first or last step. A loop that sums a variable up is the first to write it. A variable is
    in one run of neighbours alone.

    Raises
    ------
    ProgramError: names the phase and the statement.
    """
    validator = _Validator(program.steps)
    alone, over = _phases_of_the_pullback(program), before_the_pullback(program)
    for phase in program.phases:
        for statement in statements(phase.blocks):
            if phase.name in over and "pullback" in statement.given:
                raise ProgramError(f"phase {phase.name}: {statement}: there is no pullback yet")
        implied: _Condition = frozenset({"pullback"} if phase.name in alone else ())
        validator.where, validator.implied = f"phase {phase.name}", implied
        for run in runs_of_blocks(phase.blocks):
            validator.run(run)
    for entry, results in program.entries.items():
        for var in results:
            if var.name not in validator.names:
                raise ProgramError(f"entry {entry}: nothing computes {var.name}")
    _check_gradients(program, validator.names)
    _check_runs(program)
    _check_overwrites(program, validator.names)
    _check_by_row(program, validator.names)
    return program


def _phases_of_the_pullback(program: Program) -> set[str]:
    """The phases that are run for a pullback alone: others need neither them nor later ones."""
    if "pullback" not in program.entries:
        return set()
    others = {v for e, results in program.entries.items() if e != "pullback" for v in results}
    alone: set[str] = set()
    for phase in reversed(program.phases):
        written = {ref.var for s in statements(phase.blocks) for ref in writes(s)}
        if written & others:
            break
        alone.add(phase.name)
    return alone


class _At(NamedTuple):
    """A place in the program; its text, for an error alone, takes longer than the checks."""

    where: str
    statement: Statement

    def __str__(self) -> str:
        return f"{self.where}: {self.statement}"


@dataclass
class _Validator:
    """Checks the statements of a program one by one.

    known: for each variable that has been computed the conditions on which it was, each enough.
    """

    steps: int | None
    where: str = ""
    implied: _Condition = frozenset()
    names: dict[str, Var] = field(default_factory=dict)
    known: dict[str, list[_Condition]] = field(default_factory=dict)

    def run(self, blocks: list[Block]) -> None:
        """Statements, a loop, or the steps of an unrolled one."""
        first = blocks[0]
        if isinstance(first, Statement):
            for block in blocks:
                assert isinstance(block, Statement)  # blocks of one kind
                self.statement(block, self.known, None)
            return
        inside = _Inside(_backwards(blocks))
        for statement in statements(tuple(blocks)):
            for ref in writes(statement):
                if statement.accumulate and ref.var.name in self.known:
                    raise ProgramError(
                        f"{self.where}: {statement}: {ref} has a value already, and a loop sums up "
                        "from zero"
                    )
                conditions = inside.written.setdefault(ref.var.name, [])
                conditions.append(self._condition(statement))
        checked: set[int] = set()
        before = dict(self.known)
        for block in blocks:
            assert not isinstance(block, Statement)  # blocks of one kind
            inside.index = block.index if isinstance(block, Step) else None
            if id(block.body) not in checked:  # steps that share a body are checked once
                checked.add(id(block.body))
                known_in_step = dict(before)
                for statement in statements(block.body):
                    self.statement(statement, known_in_step, inside)
        for name, conditions in inside.written.items():
            self.known[name] = [*self.known.get(name, []), *conditions]

    def statement(
        self, statement: Statement, known: dict[str, list[_Condition]], inside: _Inside | None
    ) -> None:
        at = _At(self.where, statement)
        condition = self._condition(statement)
        packs = [ref for ref in (*refs(statement.value), statement.target) if ref.var.parts]
        for pack in packs:
            _check_pack(pack.var, at)
        for ref in (*packs, *reads(statement.value), *writes(statement)):
            self.reference(ref, at, inside is not None)
        for ref in reads(statement.value):
            conditions = self._conditions(ref, known, inside)
            if not conditions:
                raise ProgramError(f"{at}: {ref} is read before it is computed")
            if not any(enough <= condition for enough in conditions):
                on = " or ".join(" and ".join(sorted(enough)) for enough in conditions)
                raise ProgramError(f"{at}: {ref} is there only if {on}")
            self.boundary(ref, at)
        self.target(statement, at)
        for ref in writes(statement):
            name = ref.var.name
            known[name] = [*known.get(name, []), condition]

    def boundary(self, ref: Ref, at: _At) -> None:
        """Check that the boundary of `ref` is computed before the steps, even if there are none."""
        if ref.var.boundary is None or ref.when is None or not ref.when.offset:
            return
        for part in reads(ref.var.boundary):
            beyond = f"{ref} is {part} beyond the steps"
            if part.var.role not in GIVEN and part.var.name not in self.known:
                raise ProgramError(f"{at}: {beyond}, which is not computed")
            if part.var.timed and part.var.boundary is None:
                raise ProgramError(f"{at}: {beyond}, and {part.var.name} has no boundary")

    def _condition(self, statement: Statement) -> _Condition:
        return self.implied | frozenset(statement.given)

    def reference(self, ref: Ref, at: _At, within_step: bool) -> None:
        var = ref.var
        if self.names.setdefault(var.name, var) != var:
            raise ProgramError(f"{at}: there are two different variables called {var.name}")
        if var.timed != (ref.when is not None):
            raise ProgramError(f"{at}: {ref} must{'' if var.timed else ' not'} have a step")
        if var.timed and isinstance(ref.when, Now) != within_step:
            side = "inside" if isinstance(ref.when, Now) else "outside"
            raise ProgramError(f"{at}: {ref} belongs {side} a time step")
        if var.boundary is not None:
            shape = shape_of(var.boundary)
            if shape not in (var.shape, ()):
                raise ProgramError(
                    f"{at}: {var.name} is {letters(var.shape)}, its boundary {letters(shape)}"
                )
        elif ref.when is not None and ref.when.offset and not var.parts:
            end = "last" if ref.when.offset > 0 else "first"
            raise ProgramError(f"{at}: {ref} has no value beyond the {end} step, no boundary")

    def target(self, statement: Statement, at: _At) -> None:
        for ref in writes(statement):
            if ref.var.role in GIVEN:
                raise ProgramError(f"{at}: {ref.var.name} is given, nothing may change it")
            if statement.accumulate and ref.when is not None:
                raise ProgramError(f"{at}: {ref} is of one step, which sums nothing up")
            if ref.when is not None and ref.when.offset and not statement.target.var.parts:
                raise ProgramError(f"{at}: a step computes its own values, not {ref}")
        value, target = shape_of(statement.value), shape_of(statement.target)
        if not fills(value, target):
            raise ProgramError(f"{at}: the value is {letters(value)}, the target {letters(target)}")

    def _conditions(
        self, ref: Ref, known: dict[str, list[_Condition]], inside: _Inside | None
    ) -> list[_Condition]:
        """The conditions on which `ref` has been computed, each enough; none if it has not."""
        name = ref.var.name
        if ref.var.role in GIVEN:
            return [frozenset()]
        if isinstance(ref.when, Now) and ref.when.offset and inside is not None:
            if inside.is_beyond(ref.when.offset, self.steps):
                return [frozenset()]  # the boundary
            if name in inside.written and name not in self.known:
                before = ref.when.offset * inside.backwards > 0
                return inside.written[name] if before else []
            return self.known.get(name, [])
        return known.get(name, [])


@dataclass
class _Inside:
    """A loop, or the steps of one that is unrolled.

    backwards: the sign of the offsets of earlier steps, 0 if there is one step alone.
    written: for each variable that any of its steps computes the conditions on which one does.
    index: of the step, if it is known.
    """

    backwards: int
    written: dict[str, list[_Condition]] = field(default_factory=dict)
    index: int | None = None

    def is_beyond(self, offset: int, steps: int | None) -> bool:
        """Return whether the step at `offset` from this one is known not to exist."""
        if self.index is None or steps is None:
            return False
        return not 0 <= self.index + offset < steps


def _backwards(blocks: list[Block]) -> int:
    first = blocks[0]
    if isinstance(first, Loop):
        return -1 if first.direction == "forward" else 1
    indices = [block.index for block in blocks if isinstance(block, Step)]
    return 0 if len(indices) == 1 else (-1 if indices[0] < indices[1] else 1)


def _check_gradients(program: Program, names: dict[str, Var]) -> None:
    """Each that is handed out is of one weight; all have the shapes of theirs, no two the same."""
    weights = {weight.name: weight for weight in program.weights}
    handed_out = {var for results in program.entries.values() for var in results}
    gradients = [var for var in names.values() if var.role == "gradient" and not var.parts]
    for var in gradients:
        weight = weights.get(var.adjoint_of)
        if weight is None and var in handed_out:
            raise ProgramError(f"{var.name} is a gradient of no weight")
        weight = weight or names.get(var.adjoint_of, var)  # a part of one may have no variable
        if weight.shape != var.shape:
            raise ProgramError(
                f"{var.name} is {letters(var.shape)}, the weight {weight.name} "
                f"{letters(weight.shape)}"
            )
    for name in _repeated(var.adjoint_of for var in gradients):
        raise ProgramError(f"there are two gradients of {name}")


# --- packs ---------------------------------------------------------------------------------------


def _check_pack(pack: Var, at: _At) -> None:
    """Its parts are elementary and have one step or none; their shapes make up its own."""
    flat_parts = [part for row in pack.parts for part in row]
    for part in flat_parts:
        if part.var.parts:
            raise ProgramError(f"{at}: the part {part} of {pack.name} is a pack itself")
        if isinstance(part.when, Every) or (part.when is not None) != pack.timed:
            step = "one step" if pack.timed else "no step"
            raise ProgramError(f"{at}: the part {part} of {pack.name} must have {step}")
    widths = [joined(part.var.shape[-1] for part in row) for row in pack.parts]
    heights = [{("1", *part.var.shape)[-2] for part in row} for row in pack.parts]
    shapes = " and ".join(letters(part.var.shape) for part in flat_parts)
    if len(set(widths)) > 1 or any(len(height) > 1 for height in heights):
        raise ProgramError(f"{at}: the parts of {pack.name}, {shapes}, are no rows of one matrix")
    height = joined(next(iter(height)) for height in heights)
    fits: tuple[Shape, ...] = ((height, widths[0]), (widths[0],) if height == "1" else ())
    if pack.shape not in fits:
        raise ProgramError(f"{at}: {pack.name} is {letters(pack.shape)}, its parts {shapes}")


def _check_runs(program: Program) -> None:
    """Each variable is stored in one place: in one run of neighbours, once."""
    longest: list[tuple[Ref, ...]] = []
    places: dict[str, tuple[Ref, ...]] = {}
    for run in sorted(dict.fromkeys(_runs(program)), key=len, reverse=True):
        if any(is_within(run, other) for other in longest):
            continue
        for ref in run:
            name = ref.var.name
            if name in places:
                both = " and ".join(f"[{' '.join(map(str, r))}]" for r in (places[name], run))
                raise ProgramError(f"{name} has two places among neighbours: {both}")
            places[name] = run
        longest.append(run)


def _runs(program: Program) -> Iterator[tuple[Ref, ...]]:
    for ref in program.references():
        if len(ref.var.parts) == 1:
            yield ref.var.parts[0]
        elif ref.var.parts:
            yield unpacked(ref)


def _check_overwrites(program: Program, names: dict[str, Var]) -> None:
    for new, old in program.overwrites.items():
        both_exist = new in names and old in names  # dead code may have been eliminated since
        if both_exist and _place(names[new]) != _place(names[old]):
            raise ProgramError(
                f"{new} overwrites {old}: their storage differs, "
                f"{letters(names[new].shape)} and {letters(names[old].shape)}"
            )
        chain = {new}
        while old in program.overwrites:
            chain.add(old)
            old = program.overwrites[old]
            if old in chain:
                raise ProgramError(f"{new} overwrites itself")
    for var in names.values():
        held = program.targets_in_seed and var.role == "target"
        if held and _place(var) not in map(_place, program.seeds[:1]):
            raise ProgramError(f"there is no adjoint of outputs whose storage {var.name} fits")
    for name in _repeated(program.overwrites.values()):
        raise ProgramError(f"{name} is overwritten by two variables")


def _check_by_row(program: Program, names: dict[str, Var]) -> None:
    """Check that variables stored by row beside others are copied and summed over, no more."""
    if not program.by_row:
        return
    shared = {*program.overwrites, *program.overwrites.values()}
    for name in sorted(program.by_row & names.keys()):
        is_scratch = names[name].role == "work" and names[name].timed and name not in shared
        if not is_scratch or program.orientation == "rows":
            raise ProgramError(f"{name} cannot be stored by row beside others that are not")
    for statement in program.statements():
        target, value = statement.target, statement.value
        copied = isinstance(value, Ref) and isinstance(target.when, Every) and not target.var.parts
        touched = list(_read_apart(value))
        if not copied:
            touched += writes(statement)
        for ref in touched:
            if ref.var.name in program.by_row:
                raise ProgramError(
                    f"{statement}: {ref.var.name} is stored by row, for sums over all rows alone"
                )


def _read_apart(expression: Expr) -> Iterator[Ref]:
    """References that `expression` reads, but for whole operands of sums over all rows."""
    match expression:
        case Call("contract", (Ref(left, Every()), Ref(right, Every()))):
            yield from (ref for ref in reads(expression) if ref.var not in (left, right))
        case Call(_, args):
            for argument in args:
                yield from _read_apart(argument)
        case _:
            yield from reads(expression)


def _place(var: Var) -> tuple[Shape, bool]:
    return var.shape, var.timed


def _repeated(names: Iterable[str]) -> Iterator[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            yield name
        seen.add(name)
