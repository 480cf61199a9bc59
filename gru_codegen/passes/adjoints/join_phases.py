"""Join phases: forward, loss and backward become one, for the gradients alone.

Expects time loops, as the textbook program has them. Leaves one phase, the backward loop its last
block; what only the loss or a pullback needs is gone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import Phase, Program, Statement
from gru_codegen.passes.simplify.dead_code import eliminate_dead_code

__all__ = ["join_phases"]

#: The phases that gradients take, in the order in which they are run.
_PHASES = ("forward", "loss", "backward")


def join_phases(program: Program) -> Program:
    """Join the phases that the gradients of `program` take, and drop what only others need."""
    states = [var for var in program.entries["gradients"] if var.role == "value"]
    gradients = [var for var in program.entries["gradients"] if var.role == "gradient"]
    blocks = tuple(b for phase in program.phases if phase.name in _PHASES for b in phase.blocks)
    joined = replace(
        program,
        phases=(Phase("gradients", blocks),),
        entries={"gradients": (*states, *gradients)},
    )
    return eliminate_dead_code(joined.with_statements(_without_pullback))


def _without_pullback(statement: Statement) -> Iterator[Statement]:
    if "pullback" not in statement.given:
        yield statement
