"""Storage reuse by liveness: a variable is written over one that is dead.

Expects three-address code, whose statements say which operations are elementwise. Leaves
`Program.overwrites`; the statements stay as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import count

from gru_codegen.ir import (
    OPERATIONS,
    SELECTIONS,
    Call,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    kept_for_every_step,
    reads,
    statements,
    writes,
)
from gru_codegen.passes.pack.neighbours import runs

__all__ = ["is_in_place", "reuse_storage"]


def reuse_storage(program: Program) -> Program:
    """Decide which of the variables that are kept for every step overwrite which others.

    Each step writes a matrix over one of the same step whose live range has ended, or ends with
    this statement if its operation is elementwise. Neighbours stay neighbours: they overwrite a run
    of as many or, alone, any other. A carry of which a step makes a copy is kept where the copy is.
    """
    kept = kept_for_every_step(program)
    lives = _lives(program)
    handed_out = {var.name for results in program.entries.values() for var in results}
    seeded = {seed.name for seed in program.seeds}

    def is_free(var: Var) -> bool:
        computed = var.role in ("value", "adjoint") and var.boundary is None
        return computed and var.name in kept and var.name in lives

    neighbours = [tuple(ref.var for ref in run) for run in runs(program)]
    within = {var for run in neighbours for var in run}
    units = [run for run in neighbours if all(map(is_free, run))]
    units += [(var,) for var in program.variables().values() if is_free(var) and var not in within]
    units = [u for u in units if not {var.name for var in u} & (handed_out - seeded)]
    units.sort(key=lambda unit: min(lives[var.name].first_write for var in unit))
    overwrites: dict[str, str] = {}
    replaced: set[str] = set()
    for unit in units:
        for overwritten in _candidates(unit, program, neighbours, is_free):
            names = [var.name for var in overwritten]
            if set(names) & (replaced | (handed_out - seeded)) or set(unit) & set(overwritten):
                continue
            pairs = list(zip(unit, overwritten, strict=True))
            if all(
                new.shape == old.shape and lives[new.name].can_overwrite(lives[old.name])
                for new, old in pairs
            ):
                overwrites |= {new.name: old.name for new, old in pairs}
                replaced |= set(names)
                break
    for phase in program.phases:
        for block in phase.blocks:
            if not isinstance(block, Statement):
                overwrites |= dict(_over_copies(list(statements(block.body)), kept))
    return replace(program, overwrites=overwrites)


def _over_copies(body: list[Statement], kept: set[str]) -> Iterator[tuple[str, str]]:
    """The carries that can be kept where a step copies them, each with that copy, by name.

    The copy is dead when the carry is computed, and so is the carry once it has been copied.
    """
    uses: dict[Var, list[int]] = {}
    for index, statement in enumerate(body):
        for ref in (*reads(statement.value), *writes(statement)):
            uses.setdefault(ref.var, []).append(index)
    for index, statement in enumerate(body):
        copy, value = statement.target, statement.value
        if statement.given or not isinstance(value, Ref) or copy.when != Now():
            continue
        carry, parts = value.var, value.var.parts or copy.var.parts
        if value.when in (None, Now()) or carry.shape != copy.var.shape or parts:
            continue
        if {carry.name, copy.var.name} & kept:
            continue
        other_uses = [use for use in uses[carry] if use != index]
        if not other_uses or carry not in {ref.var for ref in writes(body[other_uses[0]])}:
            continue
        if uses[copy.var][0] == index and uses[copy.var][-1] < other_uses[0]:
            yield carry.name, copy.var.name


def _candidates(
    unit: tuple[Var, ...],
    program: Program,
    neighbours: list[tuple[Var, ...]],
    is_free: Callable[[Var], bool],
) -> Iterator[tuple[Var, ...]]:
    if len(unit) == 1:
        yield from ((var,) for var in program.variables().values() if is_free(var))
    else:
        yield from (run for run in neighbours if len(run) == len(unit) and all(map(is_free, run)))


#: The position of a statement: its block, counted through all phases, and its index in that.
_Position = tuple[int, int]


@dataclass
class _Life:
    """Live range of a variable: its first and last write, and its reads."""

    first_write: _Position
    last_write: _Position
    reads: list[tuple[_Position, bool]]

    def can_overwrite(self, other: _Life) -> bool:
        """Return whether `other` is dead, step by step, at the first write of this one.

        A variable without a boundary is read at its own step alone.
        """
        write = self.first_write
        if other.last_write >= write:
            return False
        for position, elementwise in other.reads:
            if position > write or (position == write and not elementwise):
                return False
        return True


def _lives(program: Program) -> dict[str, _Life]:
    """The lives of all variables; the phase that computes the seeds ends with handing them out."""
    lives: dict[str, _Life] = {}
    numbers = count()
    for phase in program.phases:
        start = next(numbers)
        for block in phase.blocks:
            block_number = next(numbers)
            inside = [block] if isinstance(block, Statement) else list(statements(block.body))
            for number, statement in enumerate(inside):
                position = (block_number, number)
                for ref in reads(statement.value):
                    if ref.var.name in lives:
                        lives[ref.var.name].reads.append((position, is_in_place(statement)))
                for ref in writes(statement):
                    life = lives.setdefault(ref.var.name, _Life(position, position, []))
                    life.last_write = position
        seeds = [lives[seed.name] for seed in program.seeds if seed.name in lives]
        for seed in (each for each in seeds if each.first_write[0] > start):
            seed.reads.append(((next(numbers), 0), False))
    return lives


def is_in_place(statement: Statement) -> bool:
    """Return whether each entry is read before it is written; a selection writes one first."""
    value = statement.value
    if isinstance(value, Call):
        simple = not any(isinstance(a, Call) and a.operation == "transpose" for a in value.args)
        in_place = OPERATIONS[value.operation].elementwise and value.operation not in SELECTIONS
        return in_place and simple
    return True
