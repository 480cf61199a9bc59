"""Tiling: products take few rows at a time, for which BLAS has kernels without copies.

Expects products of the layout `rows`. Leaves the number of rows to the kernel, which knows the
sizes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

from gru_codegen.ir import (
    STORED,
    Block,
    Call,
    Every,
    Phase,
    Program,
    Ref,
    Statement,
    made_for_a_pullback,
    unpacked,
    with_statements,
)

__all__ = ["block_products"]


def block_products(program: Program) -> Program:
    """Mark products by weights to go through their rows in blocks of rows.

    Excepted are products by weights that are transposed on the way, since BLAS has no fast kernel
    of few rows for them, and products whose arrays a pullback makes, since their blocks would be
    made in every call.
    """
    of_pullback = made_for_a_pullback(program)

    def changed(phase: Phase) -> tuple[Block, ...]:
        def change(statement: Statement) -> Iterator[Statement]:
            value = statement.value
            if _takes_blocks(statement, phase, of_pullback) and isinstance(value, Call):
                statement = replace(statement, value=replace(value, operation="matmul_in_blocks"))
            yield statement

        return with_statements(phase.blocks, change)

    return program.with_blocks(changed)


def _takes_blocks(statement: Statement, phase: Phase, of_pullback: Collection[str]) -> bool:
    match statement:
        case Statement(target, Call("matmul", (Ref() as left, Ref()))):
            pass
        case _:
            return False
    if isinstance(target.when, Every):
        return not any(part.var.name in of_pullback for r in (left, target) for part in unpacked(r))
    stored = all(ref.var.role in STORED and ref.var.shape[0] == "B" for ref in (left, target))
    return stored and phase.name != "inputs"
