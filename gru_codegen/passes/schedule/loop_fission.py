"""Loop fission: independent statements leave the time loop, then one GEMM has all their rows.

Expects one loop a phase, of plain statements. Leaves before it statements and products that read
nothing of the loop, behind it sums over time and statements whose results the loop does not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import reduce

from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Every,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Shape,
    Statement,
    Var,
    fills,
    parts,
    reads,
    rewrite,
    shape_of,
    statements,
    writes,
)
from gru_codegen.passes.support.algebra import added_up
from gru_codegen.passes.support.naming import fresh, names_in, product_name

__all__ = ["fission_before", "fission_loops", "fission_statements"]


def fission_loops(program: Program) -> Program:
    """Split loops into parts before them, the recurrence, and parts behind them.

    Whole statements move before a loop and, out of others, products of inputs together with the
    biases that are added to them. Statements that have moved run over all steps at once.
    """
    return _hoist(program, products=True)


def fission_statements(program: Program) -> Program:
    """Move whole statements alone: products stay beside those that recur."""
    return _hoist(program, products=False)


def fission_before(program: Program) -> Program:
    """Move before loops what needs none of them, but carries; sums over time stay, step by step."""
    names_in_use, carries = names_in(program), frozenset(program.carries)

    def split(loop: Loop) -> Iterator[Block]:
        before, body = _statements_before(loop, carries)
        products, body = _products_before(body, names_in_use)
        yield from (*before, *products)
        if body:
            yield replace(loop, body=body)

    return program.with_loops(split)


def _hoist(program: Program, products: bool) -> Program:
    names_in_use = names_in(program)
    return program.with_loops(lambda loop: _hoisted_loop(loop, names_in_use, products))


def _hoisted_loop(loop: Loop, names_in_use: set[str], with_products: bool) -> Iterator[Block]:
    if _steps_are_independent(loop):
        every = list(statements(loop.body))
        at_once = [moved for s in every if (moved := _all_steps(s, loop.body))]
        if len(at_once) == len(every):
            yield from at_once
            return
    before, body = _statements_before(loop)
    body, after = _statements_after(replace(loop, body=body))
    products, body = _products_before(body, names_in_use) if with_products else ([], body)
    yield from (*before, *products)
    if body:
        yield replace(loop, body=body)
    yield from after


def _steps_are_independent(loop: Loop) -> bool:
    """Return whether no step reads a result of another."""
    written = {ref.var for statement in statements(loop.body) for ref in writes(statement)}
    return not any(
        ref.var in written and (ref.when is None or ref.when.offset)
        for statement in statements(loop.body)
        for ref in reads(statement.value)
    )


def _statements_before(
    loop: Loop, held: frozenset[Var] = frozenset()
) -> tuple[list[Statement], tuple[Block, ...]]:
    """Split off the statements that read nothing left in the loop, and write none of `held`.

    Before the loop they write all steps, so no step may read the old value of a later one.
    """
    before: list[Statement] = []
    remaining = list(loop.body)
    ahead = {r.var for s in statements(loop.body) for r in reads(s.value) if _is_ahead(r, loop)}
    for block in loop.body:
        if isinstance(block, Statement) and not block.accumulate:
            written = {ref.var for s in statements(tuple(remaining)) for ref in writes(s)}
            earlier = statements(tuple(remaining[: remaining.index(block)]))
            targets = set(writes(block))
            used = any(targets & {*writes(s), *reads(s.value)} for s in earlier) or any(
                ref.var in ahead or ref.var in held for ref in targets
            )
            at_once = _all_steps(block, loop.body)
            if at_once and not used and not any(ref.var in written for ref in reads(block.value)):
                remaining.remove(block)
                before.append(at_once)
    return before, tuple(remaining)


def _products_before(
    body: tuple[Block, ...], names_in_use: set[str]
) -> tuple[list[Statement], tuple[Block, ...]]:
    """Take the products of inputs out of `body`, with the biases that are added to them."""
    computed = {ref.var for statement in statements(body) for ref in writes(statement)}
    hoisted: dict[Expr, Statement] = {}

    def is_given(expression: Expr) -> bool:
        known = not any(ref.var in computed for ref in reads(expression))
        return known and _shape_over_time(expression) is not None

    def rule(expression: Expr) -> Expr | None:
        addends = list(added_up(expression))
        known_addends = [addend for addend in addends if is_given(addend)]
        if not any(_is_product_over_time(addend) for addend in known_addends):
            return None
        total = _sum(known_addends)
        if total not in hoisted:
            hoisted[total] = _hoisted(total, known_addends, names_in_use)
        hoisted_sum = replace(hoisted[total].target, when=Now())
        recurrent_addends = [
            rewrite(addend, rule) for addend in addends if addend not in known_addends
        ]
        return _sum([hoisted_sum, *recurrent_addends])

    changed: list[Block] = []
    for block in body:
        if isinstance(block, Statement) and not block.accumulate and not block.given:
            block = replace(block, value=rewrite(block.value, rule))
        changed.append(block)
    return list(hoisted.values()), tuple(changed)


def _sum(addends: list[Expr]) -> Expr:
    return reduce(lambda left, right: Call("add", (left, right)), addends)


def _is_product_over_time(expression: Expr) -> bool:
    product = isinstance(expression, Call) and expression.operation == "matmul"
    return product and _is_over_time(expression)


def _hoisted(total: Expr, addends: list[Expr], names_in_use: set[str]) -> Statement:
    product = next(addend for addend in addends if _is_product_over_time(addend))
    meaning = "what the inputs contribute"
    name = fresh(product_name(product), names_in_use)
    target = Ref(Var(name, shape_of(total), "value", True, meaning=meaning), Every())
    return Statement(target, _over_time(total))


def _statements_after(loop: Loop) -> tuple[tuple[Block, ...], list[Statement]]:
    """Split off the statements that nothing left in the loop reads.

    Behind the loop they read all steps as it has left them, so none that they read may be one which
    the loop was still to write.
    """
    body = loop.body
    remaining, after = list(body), []
    written = {ref.var for statement in statements(body) for ref in writes(statement)}
    for block in reversed(body):
        if not isinstance(block, Statement):
            continue
        index = next(i for i, other in enumerate(remaining) if other is block)
        other_statements = list(statements((*remaining[:index], *remaining[index + 1 :])))
        read = {
            ref.var for statement in (*other_statements, block) for ref in reads(statement.value)
        }
        targets = {ref.var for ref in writes(block)}
        later = {ref.var for s in statements(tuple(remaining[index + 1 :])) for ref in writes(s)}
        changed = targets & later or any(
            ref.var in later or (ref.var in written and _is_ahead(ref, loop))
            for ref in reads(block.value)
        )
        at_once = _all_steps(block, body)
        if targets & read or changed or at_once is None:
            continue
        del remaining[index]
        after.append(at_once)
    return tuple(remaining), list(reversed(after))


def _is_ahead(ref: Ref, loop: Loop) -> bool:
    """Return whether `ref` is of a step that `loop` comes to after the one that reads it."""
    offset = ref.when.offset if ref.when is not None else 0
    return offset > 0 if loop.direction == "forward" else offset < 0


def _all_steps(statement: Statement, body: tuple[Block, ...]) -> Statement | None:
    """The same statement of `body` for all steps at once, or None where there is none."""
    target, value = statement.target, statement.value
    written = [ref.var for other in statements(body) for ref in writes(other)]
    if any(ref.var in written and not ref.var.timed for ref in reads(value)):
        return None  # each step has its own
    if statement.accumulate:
        if not _is_sum(value) or written.count(target.var) > 1:
            return None
    else:
        target = replace(target, when=Every())
        shape = _shape_over_time(value)
        if not target.var.timed or not shape or not fills(shape, shape_of(target)):
            return None
    return replace(statement, target=target, value=_over_time(value), accumulate=False)


#: The operations that sum over rows, and so over the steps where they have the rows of all.
_SUMS = ("contract", "inner", "column_sum", "total")


def _is_sum(expression: Expr) -> bool:
    """Return whether `expression` for all steps at once is its sum over the steps."""
    if not isinstance(expression, Call):
        return False
    args = expression.args
    match expression.operation:
        case operation if operation in _SUMS:
            return all(map(_is_over_time, args))
        case "multiply":
            return isinstance(args[0], Const) and _is_sum(args[1])
        case "divide":
            return _is_sum(args[0]) and not any(ref.var.timed for ref in reads(args[1]))
        case "add" | "subtract" | "negate" | "column":
            return all(map(_is_sum, args))
    return False


def _is_over_time(expression: Expr) -> bool:
    return (_shape_over_time(expression) or ())[:1] == ("T",)


def _shape_over_time(expression: Expr) -> Shape | None:
    """The shape of `expression` for all steps at once, or None where each step needs its own."""
    calls = (part for part in parts(expression) if isinstance(part, Call))
    if any(call.operation in _SUMS for call in calls):
        return None
    try:
        return shape_of(_over_time(expression))
    except ProgramError:  # a matrix of one step beside one of all steps
        return None


def _over_time(expression: Expr) -> Expr:
    """The same expression for all steps at once; contract and inner then sum over them."""

    def rule(part: Expr) -> Expr | None:
        if isinstance(part, Ref) and isinstance(part.when, Now):
            return replace(part, when=Every(part.when.offset))
        return None

    return rewrite(expression, rule)
