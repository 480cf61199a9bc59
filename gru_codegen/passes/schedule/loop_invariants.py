"""Loop-invariant code motion: expressions of weights alone move before the time loops.

Expects any program; views of weights (transposes, rows) are left in place, as they cost nothing.
Leaves one statement for each such expression at the begin of its phase, behind those of equations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction

from gru_codegen.ir import (
    VIEWS,
    Block,
    Call,
    Const,
    Expr,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    behind_fixed,
    reads,
    refs,
    rewrite,
    shape_of,
    with_statements,
)
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["hoist_loop_invariants"]


def hoist_loop_invariants(program: Program) -> Program:
    """Give each expression of weights alone a name, at the begin of its phase."""
    names_in_use = names_in(program)
    return program.with_blocks(lambda phase: _Hoisting(phase, names_in_use).blocks())


class _Hoisting:
    def __init__(self, phase: Phase, names_in_use: set[str]) -> None:
        self.phase = phase
        self.names_in_use = names_in_use
        self.hoisted: dict[Expr, Statement] = {}

    def blocks(self) -> tuple[Block, ...]:
        changed = with_statements(self.phase.blocks, self._changed)
        return behind_fixed(changed, self.hoisted.values())

    def _changed(self, statement: Statement) -> Iterator[Statement]:
        if not any(ref.var.timed for ref in (statement.target, *reads(statement.value))):
            yield statement  # it is in no loop, or what makes them ready
            return

        def rule(expression: Expr) -> Expr | None:
            if not _is_work(expression):
                return None
            if expression not in self.hoisted:
                self.hoisted[expression] = self._statement(expression, statement.target.var.name)
            return self.hoisted[expression].target

        value = rewrite(statement.value, rule)
        yield statement if value is statement.value else replace(statement, value=value)

    def _statement(self, value: Expr, user: str) -> Statement:
        weights = [ref.var.name for ref in reads(value)]
        stem = f"W_{user}"
        if len(weights) == 1:
            halved = isinstance(value, Call) and value.args[0] == Const(Fraction(1, 2))
            stem = f"half_{weights[0]}" if halved else f"{weights[0]}_ready"
        name = fresh(stem, self.names_in_use)
        meaning = "weights, made ready"
        target = Ref(Var(name, shape_of(value), "work", meaning=meaning))
        return Statement(target, value)


def _is_work(expression: Expr) -> bool:
    """Return whether `expression` is computed from weights alone; a view of one is not."""
    if not isinstance(expression, Call) or expression.operation in VIEWS:
        return False
    operands = refs(expression)
    return bool(operands) and all(ref.var.is_fixed for ref in operands)
