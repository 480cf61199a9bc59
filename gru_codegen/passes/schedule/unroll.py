"""Unrolling: loops written out for a fixed number of steps, and simplified for each index.

Expects time loops without loops in them. Leaves steps that share one body if they are equal.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction

from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    Block,
    Call,
    Const,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    Step,
    Var,
    reads,
    rewrite,
    statements,
)

__all__ = ["unroll"]


def unroll(steps: int) -> Callable[[Program], Program]:
    """The pass that writes every loop out as `steps` steps.

    Beyond the last step nothing comes back, so no zero adjoint is added there, and the first term
    of a sum over time starts it.
    """

    def unrolled(program: Program) -> Program:
        return replace(program.with_loops(lambda loop: _written_out(loop, steps)), steps=steps)

    unrolled.__name__ = "unroll"  # as a stage is called
    return unrolled


def _written_out(loop: Loop, steps: int) -> Iterator[Step]:
    body = tuple(loop.body)
    order = range(steps) if loop.direction == "forward" else reversed(range(steps))
    offsets = [ref.when.offset for s in statements(body) for ref in reads(s.value) if ref.when]
    reach = max(map(abs, offsets), default=0)
    within = range(reach, steps - reach)  # the steps that read nothing beyond the first and last
    inner: tuple[Block, ...] | None = None
    for number, t in enumerate(order):
        if number == 0 or t not in within:
            yield Step(t, _specialised(body, t, steps, starts=number == 0))
        else:
            inner = inner or _specialised(body, t, steps, starts=False)
            yield Step(t, inner)


def _specialised(body: tuple[Block, ...], t: int, steps: int, starts: bool) -> tuple[Block, ...]:
    """`body` at step `t`: the very same object where nothing differs from other steps."""
    special: list[Block] = []
    begun = set() if starts else {s.target for s in body if isinstance(s, Statement)}
    for statement in body:
        if not isinstance(statement, Statement):
            raise ProgramError("a loop within a time loop cannot be unrolled")
        starting = statement.accumulate and statement.target not in begun and not statement.given
        begun.add(statement.target)
        if starting:
            statement = replace(statement, accumulate=False)
        inside, beyond = _split(statement.value, t, steps)
        if statement.accumulate or not beyond:
            special.append(statement)
            continue
        value = Const(Fraction(0)) if inside is None else inside
        if value != statement.target:  # what is left of a sum in place may be the target itself
            special.append(replace(statement, value=value))
        for last in beyond:
            total = Call("add", (statement.target, last))
            given = (*statement.given, "pullback")
            special.append(replace(statement, value=total, given=given))
    same = len(special) == len(body) and all(a is b for a, b in zip(special, body, strict=True))
    return body if same else tuple(special)


def _is_beyond(boundary: Expr | None, index: int, steps: int) -> bool:
    """Return whether step `index` does not exist and `boundary` comes from the last state."""
    carried = boundary is not None and any(ref.var.role == "last" for ref in reads(boundary))
    return carried and not 0 <= index < steps


def _later(offset: int) -> Callable[[Expr], Expr | None]:
    def rule(part: Expr) -> Expr | None:
        if isinstance(part, Ref) and isinstance(part.when, Now):
            return replace(part, when=Now(part.when.offset + offset))
        return None

    return rule


def _split(expression: Expr, t: int, steps: int) -> tuple[Expr | None, list[Expr]]:
    """Split `expression` into its terms within the steps, and the addends of a pullback.

    A value from beyond the last step that is no addend is no zero in every expression: it stays.
    """
    match expression:
        case Ref(Var(role="last")):
            return None, [expression]
        case Ref(Var(boundary=boundary), Now(offset)) if _is_beyond(boundary, t + offset, steps):
            assert boundary is not None  # it is that of a carry
            return _split(rewrite(boundary, _later(offset)), t, steps)
        case Call("add", (left, right)):
            first, beyond = _split(left, t, steps)
            second, more = _split(right, t, steps)
            if not (beyond or more):
                return expression, []
            if first is None or second is None:
                return first or second, beyond + more
            return Call("add", (first, second)), beyond + more
        case Call("subtract", (left, right)):
            first, beyond = _split(left, t, steps)
            if not beyond:
                return expression, []
            if first is None:
                return Call("negate", (right,)), beyond
            return Call("subtract", (first, right)), beyond
    return expression, []
