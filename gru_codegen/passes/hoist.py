"""Products of inputs leave the time loop, and so do sums over time: one GEMM over T*B rows each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gru_codegen.ir import (
    Block,
    Call,
    Every,
    Expr,
    Loop,
    Now,
    Origin,
    Program,
    Ref,
    Statement,
    Var,
    reads,
    rewrite,
    shape_of,
    statements,
)

__all__ = ["hoist"]


def hoist(program: Program) -> Program:
    """Move before a loop the matrix products that no step has to wait for, and behind it the
    statements that no step waits for; both then run over all steps at once.
    """
    return program.with_blocks(
        lambda phase: tuple(part for block in phase.blocks for part in _hoist(block))
    )


def _hoist(block: Block) -> Iterator[Block]:
    if not isinstance(block, Loop):
        yield block
        return
    before, body = _products_before(block)
    body, after = _statements_after(body)
    yield from before
    if body:
        yield replace(block, body=body)
    yield from after


def _products_before(loop: Loop) -> tuple[list[Statement], tuple[Block, ...]]:
    computed = {statement.target.var for statement in statements(loop.body)}
    hoisted: dict[Expr, Statement] = {}

    def rule(expression: Expr, origin: Origin) -> Expr | None:
        if not (isinstance(expression, Call) and expression.operation == "matmul"):
            return None
        if any(ref.var in computed for ref in reads(expression)):
            return None
        if not any(ref.var.timed for ref in reads(expression)):
            return None
        if expression not in hoisted:
            name = "".join(ref.var.name for ref in reads(expression))
            factors = " ".join(
                f"{ref.var.name}_t" if ref.var.timed else ref.var.name for ref in reads(expression)
            )
            meaning = f"share of the inputs in the {origin.meaning}"
            var = Var(name, shape_of(expression), "value", True, meaning=meaning)
            hoisted[expression] = Statement(
                Ref(var, Every()), _over_time(expression), Origin(f"{name}_t = {factors}", meaning)
            )
        return replace(hoisted[expression].target, when=Now())

    body: list[Block] = []
    for block in loop.body:
        if isinstance(block, Statement) and not block.accumulate:
            origin = block.origin
            block = replace(block, value=rewrite(block.value, lambda e, o=origin: rule(e, o)))  # type: ignore[misc]  # a default argument binds early
        body.append(block)
    return list(hoisted.values()), tuple(body)


def _statements_after(body: tuple[Block, ...]) -> tuple[tuple[Block, ...], list[Statement]]:
    """Split off the statements that nothing left in the loop reads."""
    kept, after = list(body), []
    for block in reversed(body):
        if not isinstance(block, Statement):
            continue
        others = [s for s in statements(tuple(kept)) if s is not block]
        own = [ref for ref in reads(block.value) if ref.var == block.target.var]
        read = {ref.var for statement in others for ref in reads(statement.value)}
        if block.target.var in read or own:
            continue
        kept.remove(block)
        target = replace(block.target, when=Every()) if block.target.var.timed else block.target
        after.append(replace(block, target=target, value=_over_time(block.value), accumulate=False))
    return tuple(kept), list(reversed(after))


def _over_time(expression: Expr) -> Expr:
    """The same expression for all steps at once; contract and inner then sum over them."""

    def rule(part: Expr) -> Expr | None:
        if isinstance(part, Ref) and isinstance(part.when, Now):
            return replace(part, when=Every(part.when.offset))
        return None

    return rewrite(expression, rule)
