"""Matrices are stored with a sample per column: neighbours then lie one behind the other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import OPERATIONS, Block, Call, Every, Program, Ref, Statement, Var
from gru_codegen.passes.neighbours import runs

__all__ = ["transpose"]


def transpose(program: Program) -> Program:
    """Store what has a row per sample as (n, B), which changes no value.

    Input and targets stay as they are given. Where all steps of one meet a part of a pack, neither
    lies in memory as the result does, and the loop over both is slow: the part is copied to where
    the result goes, and computed with there.
    """
    parts = {ref.var for run in runs(program) for ref in run}

    def change(block: Block) -> Iterator[Block]:
        part = _met(block, parts, program) if isinstance(block, Statement) else None
        if part is None:
            yield block
            return
        assert isinstance(block, Statement)
        assert isinstance(block.value, Call)
        args = tuple(
            block.target if argument == part else argument for argument in block.value.args
        )
        yield replace(block, value=part)
        yield replace(block, value=replace(block.value, args=args))

    changed = program.with_blocks(lambda phase: tuple(b for a in phase.blocks for b in change(a)))
    return replace(changed, layout="columns")


def _met(statement: Statement, parts: set[Var], program: Program) -> Ref | None:
    """The part of a pack that meets what is given in `statement`, if a copy of it helps."""
    target, value = statement.target, statement.value
    if not (isinstance(value, Call) and isinstance(target.when, Every)):
        return None
    if target.var in parts or target.var.name in program.overwrites or statement.accumulate:
        return None
    operands = [argument for argument in value.args if isinstance(argument, Ref)]
    given = [ref for ref in operands if ref.var.role in ("input", "target")]
    met = [ref for ref in operands if ref.var in parts]
    alone = OPERATIONS[value.operation].elementwise and len(operands) == len(value.args) == 2
    return met[0] if alone and len(given) == len(met) == 1 else None
