"""Liveness beyond a step, and the runs of blocks that it is defined over."""

from __future__ import annotations

from collections.abc import Iterator

from gru_codegen.ir.expressions import Every, Now, Ref, Var, reads, unpacked
from gru_codegen.ir.program import (
    Block,
    Loop,
    Program,
    Statement,
    Step,
    distinct_bodies,
    statements,
    writes,
)

__all__ = [
    "before_the_pullback",
    "kept_for_every_step",
    "made_for_a_pullback",
    "runs_of_blocks",
]


def kept_for_every_step(program: Program) -> set[str]:
    """The names of the timed variables that need storage for all steps.

    Those read outside the loop that computes them, at every step at once, or by an entry point,
    and those whose value at another step is read after the step has overwritten it.
    """
    names_kept = {var.name for results in program.entries.values() for var in results if var.timed}
    written: dict[str, str] = {}
    for phase in program.phases:
        for run in map(tuple, runs_of_blocks(phase.blocks)):
            own = {target.var.name for s in statements(run) for target in writes(s)}
            for body in distinct_bodies(run):
                names_kept.update(_kept_by(body, own))
            read = {ref.var.name for s in statements(run) for ref in reads(s.value)}
            names_kept |= {name for name in read if written.get(name, phase.name) != phase.name}
        for body in distinct_bodies(phase.blocks):
            for target in (ref for statement in body for ref in writes(statement)):
                written.setdefault(target.var.name, phase.name)
    for pack in {ref.var for ref in program.references()}:  # neighbours are kept together
        names = {ref.var.name for ref in unpacked(Ref(pack))}
        names_kept |= names if pack.parts and names & names_kept else set()
    return names_kept & {var.name for var in program.variables().values() if var.timed}


def _kept_by(body: tuple[Statement, ...], own: set[str]) -> Iterator[str]:
    """Names of the variables that `body` reads or writes at steps other than its own.

    own: the variables that the loop computes, of which `body` is a step.
    """
    overwritten: set[str] = set()
    for statement in body:
        for ref in reads(statement.value):
            name, when = ref.var.name, ref.when
            # What this loop computes is there until the step overwrites it, this step's afterwards.
            passing = isinstance(when, Now) and bool(when.offset) != (name in overwritten)
            if when is not None and not (passing and name in own):
                yield name
        for target in writes(statement):
            if isinstance(target.when, Every):
                yield target.var.name
            overwritten.add(target.var.name)


def runs_of_blocks(blocks: tuple[Block, ...]) -> Iterator[list[Block]]:
    """Blocks in runs: statements, a loop, or the steps of one that is unrolled."""
    run: list[Block] = []
    indices: set[int] = set()
    for block in blocks:
        again = isinstance(block, Step) and block.index in indices  # another loop's
        if run and (type(block) is not type(run[0]) or isinstance(block, Loop) or again):
            yield run
            run, indices = [], set()
        run.append(block)
        if isinstance(block, Step):
            indices.add(block.index)
    if run:
        yield run


def made_for_a_pullback(program: Program) -> dict[str, Var]:
    """Variables for the gradient of the input alone, by name.

    A pullback makes their arrays itself.
    """
    elsewhere = {name for p in program.phases if p.name != "inputs" for name in p.variables()}
    return {
        name: var
        for phase in program.phases
        if phase.name == "inputs"
        for name, var in phase.variables().items()
        if var.role in ("adjoint", "work") and name not in elsewhere
    }


def before_the_pullback(program: Program) -> set[str]:
    """The names of the phases that are run before there is a pullback: to that of the seeds."""
    names: list[str] = []
    for phase in program.phases:
        names.append(phase.name)
        if {*program.seeds} & {ref.var for s in statements(phase.blocks) for ref in writes(s)}:
            return set(names)
    return set()
