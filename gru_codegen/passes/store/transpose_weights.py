"""Hoisting of transposes: weights that a time loop reads transposed are copied before it."""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.ir import (
    Block,
    Call,
    Expr,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    behind_fixed,
    rewrite,
    shape_of,
    with_values,
)
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["transpose_weights"]


def transpose_weights(program: Program) -> Program:
    """Copy the transpose of weights for the products of time loops.

    BLAS takes a transposed view as it is, but for few rows it multiplies more slowly with one.
    """
    names_in_use = names_in(program)

    def change(phase: Phase) -> tuple[Block, ...]:
        copies: dict[Expr, Statement] = {}

        def rule(expression: Expr) -> Expr | None:
            if not _is_transposed_weight(expression):
                return None
            if expression not in copies:
                copies[expression] = _copy(expression, names_in_use)
            return copies[expression].target

        def with_copies(block: Block) -> Block:
            if isinstance(block, Statement):
                return block
            return replace(block, body=with_values(block.body, lambda value: rewrite(value, rule)))

        blocks = tuple(map(with_copies, phase.blocks))
        return behind_fixed(blocks, copies.values())

    return program.with_blocks(change)


def _is_transposed_weight(expression: Expr) -> bool:
    if not (isinstance(expression, Call) and expression.operation == "transpose"):
        return False
    (weight,) = expression.args
    return isinstance(weight, Ref) and weight.var.is_fixed


def _copy(value: Expr, names_in_use: set[str]) -> Statement:
    assert isinstance(value, Call)
    (weight,) = value.args
    assert isinstance(weight, Ref)
    stem = f"turned_{weight.var.name}"
    name = fresh(stem, names_in_use)
    meaning = "weights, made ready"
    target = Ref(Var(name, shape_of(value), "work", meaning=meaning))
    return Statement(target, value)
