"""Products of inputs leave the time loop, and so do sums over time: one GEMM over T*B rows each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

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
    """Take the products of inputs out of `loop`, with the biases that are added to them."""
    computed = {statement.target.var for statement in statements(loop.body)}
    hoisted: dict[Expr, Statement] = {}

    def is_given(expression: Expr) -> bool:
        return not any(ref.var in computed for ref in reads(expression))

    def rule(expression: Expr) -> Expr | None:
        addends = list(_addends(expression))
        given = [addend for addend in addends if is_given(addend)]
        if not any(_is_product_over_time(addend) for addend in given):
            return None
        total = _sum(given)
        if total not in hoisted:
            hoisted[total] = _hoisted(total, given)
        here = replace(hoisted[total].target, when=Now())
        others = [rewrite(addend, rule) for addend in addends if addend not in given]
        return _sum([here, *others])

    body: list[Block] = []
    for block in loop.body:
        if isinstance(block, Statement) and not block.accumulate:
            block = replace(block, value=rewrite(block.value, rule))
        body.append(block)
    return list(hoisted.values()), tuple(body)


def _addends(expression: Expr) -> Iterator[Expr]:
    if isinstance(expression, Call) and expression.operation == "add":
        for argument in expression.args:
            yield from _addends(argument)
    else:
        yield expression


def _sum(addends: list[Expr]) -> Expr:
    return reduce(lambda left, right: Call("add", (left, right)), addends)


def _is_product_over_time(expression: Expr) -> bool:
    product = isinstance(expression, Call) and expression.operation == "matmul"
    return product and any(ref.var.timed for ref in reads(expression))


def _hoisted(total: Expr, addends: list[Expr]) -> Statement:
    factors = next(list(reads(addend)) for addend in addends if _is_product_over_time(addend))
    name = "".join(ref.var.name for ref in factors)
    written = " + ".join(
        " ".join(f"{r.var.name}_t" if r.var.timed else r.var.name for r in reads(addend))
        for addend in addends
    )
    meaning = "what the inputs contribute"
    var = Var(name, shape_of(total), "value", True, meaning=meaning)
    return Statement(Ref(var, Every()), _over_time(total), Origin(f"{name}_t = {written}", meaning))


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
