"""Feature-major storage: a sample per column, so that neighbours are contiguous.

Expects three-address code with `overwrites` decided. Leaves `Program.orientation` as columns.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    OPERATIONS,
    Block,
    Call,
    Program,
    Ref,
    Statement,
    Var,
    statements,
    writes,
)
from gru_codegen.passes.pack.neighbours import runs

__all__ = ["store_feature_major"]


def store_feature_major(program: Program) -> Program:
    """Store matrices with a row per sample as (n, B), which changes no value.

    Inputs and targets stay (B, n), so that a loop over one of them and a computed matrix walks
    memory in two orders, which is slow. Of two copies of an input the second is made from the
    first. If an operation for all steps has an input and a part of a pack as operands, the part is
    copied to the target first, and the operation goes on there.
    """
    parts = {ref.var for run in runs(program) for ref in run}

    def storage(ref: Ref) -> str:
        return program.root(ref.var.name)

    def changed(blocks: tuple[Block, ...]) -> Iterator[Block]:
        copies: dict[Ref, Ref] = {}
        for block in blocks:
            written = {storage(ref) for s in statements((block,)) for ref in writes(s)}
            live_copies = {of: copy for of, copy in copies.items() if storage(copy) not in written}
            if not isinstance(block, Statement):
                yield block
            elif isinstance(block.value, Ref) and _is_given(block.value) and not block.given:
                yield replace(block, value=copies.get(block.value, block.value))
                live_copies.setdefault(block.value, block.target)
            else:
                yield from _in_one_order(block, parts, program)
            copies = live_copies

    turned = program.with_blocks(lambda phase: changed(phase.blocks))
    return replace(turned, orientation="columns")


def _is_given(ref: Ref) -> bool:
    return ref.var.role in ("input", "target")


def _in_one_order(statement: Statement, parts: set[Var], program: Program) -> Iterator[Statement]:
    part = _met(statement, parts, program)
    if part is None:
        yield statement
        return
    assert isinstance(statement.value, Call)
    operands = (statement.target if each == part else each for each in statement.value.args)
    yield replace(statement, value=part)
    yield replace(statement, value=replace(statement.value, args=tuple(operands)))


def _met(statement: Statement, parts: set[Var], program: Program) -> Ref | None:
    """Part of a pack beside an input or target in `statement`, if a copy of it helps."""
    target, value = statement.target, statement.value
    if not isinstance(value, Call) or target.var in parts or target.var.name in program.overwrites:
        return None
    operands = [argument for argument in value.args if isinstance(argument, Ref)]
    arguments = [ref for ref in operands if _is_given(ref)]
    packed = [ref for ref in operands if ref.var in parts]
    alone = OPERATIONS[value.operation].elementwise and len(operands) == len(value.args) == 2
    return packed[0] if alone and len(arguments) == len(packed) == 1 else None
