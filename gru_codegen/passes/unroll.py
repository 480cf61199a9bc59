"""The loops written out for a fixed number of steps, simplified where the step is known."""

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
    rewrite,
)

__all__ = ["unroll"]


def unroll(steps: int) -> Callable[[Program], Program]:
    """The pass that writes every loop out as `steps` steps.

    Beyond the last step nothing comes back, so no zero adjoint is added there, and the first term
    of a sum over time starts it.
    """

    def unrolled(program: Program) -> Program:
        def change(blocks: tuple[Block, ...]) -> Iterator[Block]:
            for block in blocks:
                if isinstance(block, Loop):
                    yield from _written_out(block, steps)
                else:
                    yield block

        result = program.with_blocks(lambda phase: tuple(change(phase.blocks)))
        return replace(result, steps=steps)

    return unrolled


def _written_out(loop: Loop, steps: int) -> Iterator[Step]:
    body = tuple(loop.body)
    order = range(steps) if loop.direction == "forward" else reversed(range(steps))
    for number, t in enumerate(order):
        yield Step(t, _specialised(body, t, steps, starts=number == 0))


def _specialised(body: tuple[Block, ...], t: int, steps: int, starts: bool) -> tuple[Block, ...]:
    """`body` at step `t`: the very same object where nothing differs from other steps."""
    special: list[Block] = []
    for statement in body:
        if not isinstance(statement, Statement):
            raise ProgramError("a loop within a time loop cannot be unrolled")
        value, beyond = _at(statement.value, t, steps)
        starting = starts and statement.accumulate
        if beyond or starting:
            accumulate = statement.accumulate and not starting
            statement = replace(statement, value=value, accumulate=accumulate)
        special.append(statement)
        for last in beyond:
            total = Call("add", (statement.target, last))
            special.append(replace(statement, value=total, given=("pullback",)))
    same = len(special) == len(body) and all(a is b for a, b in zip(special, body, strict=True))
    return body if same else tuple(special)


def _at(expression: Expr, t: int, steps: int) -> tuple[Expr, list[Expr]]:
    """`expression` at step `t`, and what a pullback adds to it from beyond the last step."""
    beyond: list[Expr] = []

    def boundary(part: Expr) -> Expr | None:
        if isinstance(part, Ref) and isinstance(part.when, Now):
            there = part.var.boundary
            outside = not 0 <= t + part.when.offset < steps
            if outside and isinstance(there, Ref) and there.var.role == "last":
                beyond.append(there)
                return Const(Fraction(0))
        return None

    found = rewrite(expression, boundary)
    return (_without_zeros(found), beyond) if beyond else (expression, [])


def _without_zeros(expression: Expr) -> Expr:
    if not isinstance(expression, Call):
        return expression
    args = tuple(_without_zeros(argument) for argument in expression.args)
    zero = Const(Fraction(0))
    match expression.operation, args:
        case ("add", (left, right)) if right == zero:
            return left
        case ("add", (left, right)) if left == zero:
            return right
        case ("subtract", (left, right)) if right == zero:
            return left
        case ("subtract", (left, right)) if left == zero:
            return Call("negate", (right,))
        case (operation, _) if zero in args and operation in _ZERO_IF_ONE_IS:
            return zero
    return Call(expression.operation, args)


_ZERO_IF_ONE_IS = ("multiply", "matmul", "contract", "inner", "negate", "transpose")
