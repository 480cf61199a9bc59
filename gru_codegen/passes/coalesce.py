"""A copy that is handed out takes the place of what it is a copy of."""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.ir import Block, Expr, Now, Program, Ref, Statement, Var, rewrite

__all__ = ["coalesce"]


def coalesce(program: Program) -> Program:
    """Where a step ends with ``dO = E``, compute dO in the first place, and no E.

    Only if E is a variable of that step alone: nothing hands it out, and it has no boundary.
    """
    handed_out = {var for results in program.entries.values() for var in results}
    names: dict[Var, Var] = {}
    for statement in program.statements():
        value, target = statement.value, statement.target
        if not (isinstance(value, Ref) and value.when == target.when == Now()):
            continue
        original = value.var
        computed = original.role in ("value", "adjoint") and original.boundary is None
        if computed and original not in handed_out and original not in names:
            names[original] = target.var

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
