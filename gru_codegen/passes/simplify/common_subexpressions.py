"""Common-subexpression elimination, copy and constant propagation, a basic block at a time.

Expects any program; of a statement's value whole subexpressions are recognised, so that it finds
most where each statement is one equation. Leaves each value computed once in a block, what is the
same at every step once in all, and no readers of copies.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from gru_codegen.ir import (
    GIVEN,
    INTERMEDIATE,
    OPERATIONS,
    Call,
    Const,
    Expr,
    Origin,
    Program,
    Ref,
    Statement,
    Var,
    may_alias,
    reads,
    refs,
    shape_of,
)

__all__ = ["eliminate_common_subexpressions"]

#: The operations in which a number is as good as a matrix that is full of it.
_WITH_NUMBERS = ("add", "subtract", "multiply", "negate")


def eliminate_common_subexpressions(program: Program) -> Program:
    """Reuse values across statements, and let readers of a mere copy read the original.

    ``CA = tanh(x Wca + (R o S) Wrecca)`` reads ``RS = R o S``; with ``dE = E`` every reader of dE
    reads E. With ``dC = 1`` sums and products read the number.
    """
    copies: dict[Ref, Expr] = {}
    origins: dict[Ref, Origin] = {}  # of what has been a copy at any time
    handed_out = {var for results in program.entries.values() for var in results}
    # What an optional argument may change afterwards stands for nothing but itself.
    handed_out |= {s.target.var for s in program.statements() if s.given}

    fixed: dict[Expr, Ref] = {}

    def change(block: tuple[Statement, ...], _: bool) -> Iterator[Statement]:
        computed = dict(fixed)
        for statement in block:
            yield _share(statement, computed, copies, origins, handed_out)
        fixed.update((value, ref) for value, ref in computed.items() if ref.var.role == "fixed")

    return program.with_basic_blocks(change)


def _share(
    statement: Statement,
    computed: dict[Expr, Ref],
    copies: dict[Ref, Expr],
    origins: dict[Ref, Origin],
    handed_out: set[Var],
) -> Statement:
    def known(expression: Expr) -> Expr:
        """Replace, from the leaves up, each part that a statement has computed or copied."""
        if isinstance(expression, Ref):
            return copies.get(expression, expression)
        if isinstance(expression, Call):
            args = tuple(map(known, expression.args))
            if expression.operation not in _WITH_NUMBERS:
                args = tuple(map(_unless_number, args, expression.args))
            if not OPERATIONS[expression.operation].elementwise:  # a part has to be there in full
                args = tuple(map(_in_full, args, expression.args))
            if args != expression.args:
                return _computed_with(replace(expression, args=args), computed)
            return computed.get(expression, expression)
        return expression

    value, target = known(statement.value), statement.target
    passed = [origins[ref] for ref in reads(statement.value) if ref in copies]
    origin = INTERMEDIATE.united(*passed, statement.origin)
    _forget(computed, target)
    _forget(copies, target)
    if not statement.accumulate and target not in reads(value):
        var, own = target.var, shape_of(target)
        if _is_copy(value) and var.boundary is None and var not in handed_out:
            copies[target], origins[target] = value, origin
        elif isinstance(value, Call) and var not in handed_out and shape_of(value) == own:
            computed.setdefault(value, target)
    if value is statement.value:
        return statement
    return replace(statement, value=value, origin=origin)


def _forget(known: dict[Any, Any], target: Ref) -> None:
    """Drop the entries that the old value of `target` enters, which is written now."""
    stale = [
        key
        for key, value in known.items()
        if any(may_alias(ref, target) for ref in (*reads(key), *reads(value)))
    ]
    for key in stale:
        del known[key]


def _is_copy(value: Expr) -> bool:
    """Return whether `value` is a copy: a variable, rows that are all a weight, or a number."""
    if any(not (r.var.timed or r.var.is_fixed or r.var.role in GIVEN) for r in reads(value)):
        return False  # the next step may write it anew
    return isinstance(value, (Ref, Const)) or _is_rows(value) or _is_number(value)


def _computed_with(expression: Call, computed: dict[Expr, Ref]) -> Expr:
    """`expression` without factors that are 1, or what has been computed of it."""
    match expression:
        case Call("multiply", (Const(value=1), other)) | Call("multiply", (other, Const(value=1))):
            return other
        case Call("multiply", (Const() as left, Const() as right)):
            return Const(left.value * right.value)
        case Call("negate", (Const() as number,)):
            return Const(-number.value)
    return computed.get(expression, expression)


def _is_number(value: Expr) -> bool:
    """Return whether `value` is one number, computed from weights alone."""
    read = refs(value)
    return bool(read) and all(ref.var.is_fixed for ref in read) and shape_of(value) == ()


def _is_rows(value: Expr) -> bool:
    return isinstance(value, Call) and value.operation in ("rows", "row")


def _unless_number(known: Expr, read: Expr) -> Expr:
    """Return `known` for `read`, but no number in place of the matrix that is full of it."""
    return read if isinstance(read, Ref) and isinstance(known, Const) else known


def _in_full(known: Expr, read: Expr) -> Expr:
    """Return `known` for `read`, but no vector or column in place of a matrix that repeats it."""
    repeated = isinstance(read, Ref) and _is_rows(known)
    return read if repeated or shape_of(known) != shape_of(read) else known
