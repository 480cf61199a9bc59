"""A copy that is handed out takes the place of what it is a copy of."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    Block,
    Expr,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    distinct_bodies,
    reads,
    rewrite,
)

__all__ = ["coalesce"]


def coalesce(program: Program) -> Program:
    """Where a step ends with ``dO = E``, compute dO in the first place, and no E.

    Only if E is a variable of that step alone: nothing hands it out, and it has no boundary.
    """
    handed_out = {var for results in program.entries.values() for var in results}
    uses = Counter(var for statement in program.statements() for var in _variables(statement))
    names: dict[Var, Var] = {}
    for phase in program.phases:
        for body in distinct_bodies(phase.blocks):
            for original, copy in _copies(body, uses):
                if original not in handed_out and original not in names:
                    names[original] = copy

    def renamed(expression: Expr) -> Expr | None:
        if isinstance(expression, Ref) and expression.var in names:
            return replace(expression, var=names[expression.var])
        return None

    def change(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        changed: list[Block] = []
        for block in blocks:
            if not isinstance(block, Statement):
                changed.append(replace(block, body=change(block.body)))
                continue
            target = block.target
            target = replace(target, var=names.get(target.var, target.var))
            block = replace(block, target=target, value=rewrite(block.value, renamed))
            if block.value != target:
                changed.append(block)
        return tuple(changed)

    return program.with_blocks(lambda phase: change(phase.blocks))


def _copies(body: tuple[Statement, ...], uses: Counter[Var]) -> Iterator[tuple[Var, Var]]:
    """The variables of `body` alone that it copies, with their copies."""
    for statement in body:
        target, value = statement.target, statement.value
        if statement.given or not (isinstance(value, Ref) and value.when == target.when == Now()):
            continue
        original = value.var
        here = [place for place, s in enumerate(body) if original in _variables(s)]
        changed = [place for place, s in enumerate(body) if s.target == target and s != statement]
        computed = original.role in ("value", "adjoint") and original.boundary is None
        if computed and uses[original] == len(here) and here[-1] < min(changed, default=len(body)):
            yield original, target.var


def _variables(statement: Statement) -> set[Var]:
    return {ref.var for ref in (*reads(statement.value), statement.target)}
