"""What is made of weights alone is computed once, before the time loops."""

from __future__ import annotations

from dataclasses import replace

from gru_codegen.ir import (
    Block,
    Call,
    Expr,
    Origin,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    reads,
    refs,
    rewrite,
    shape_of,
)
from gru_codegen.passes.support.naming import fresh, names_in
from gru_codegen.passes.support.wording import equation

__all__ = ["hoist_loop_invariants"]


def hoist_loop_invariants(program: Program) -> Program:
    """Give what a phase computes from weights alone a name and a statement of its own."""
    taken = names_in(program)
    return program.with_blocks(lambda phase: _Preparation(phase, taken).blocks())


class _Preparation:
    def __init__(self, phase: Phase, taken: set[str]) -> None:
        self.phase = phase
        self.taken = taken
        self.made: dict[Expr, Statement] = {}

    def blocks(self) -> tuple[Block, ...]:
        changed = tuple(map(self._changed, self.phase.blocks))
        return (*self.made.values(), *changed)

    def _changed(self, block: Block) -> Block:
        if not isinstance(block, Statement):
            return replace(block, body=tuple(map(self._changed, block.body)))
        if block.target.var.role == "work" and _is_work(block.value):
            return block  # it is what makes them ready

        def rule(expression: Expr) -> Expr | None:
            if not _is_work(expression):
                return None
            if expression not in self.made:
                self.made[expression] = self._statement(expression, block.target.var.name)
            return self.made[expression].target

        value = rewrite(block.value, rule)
        return block if value is block.value else replace(block, value=value)

    def _statement(self, value: Expr, user: str) -> Statement:
        weights = [ref.var.name for ref in reads(value)]
        stem = f"half_{weights[0]}" if len(weights) == 1 else f"W_{user}"
        name = fresh(stem, self.taken)
        meaning = "weights, made ready"
        target = Ref(Var(name, shape_of(value), "work", meaning=meaning))
        return Statement(target, value, Origin(equation(target, value), meaning))


def _is_work(expression: Expr) -> bool:
    """Whether it is computed from weights alone; a view of one is not."""
    if not isinstance(expression, Call) or expression.operation in ("transpose", "rows"):
        return False
    found = list(refs(expression))
    return bool(found) and all(ref.var.role == "weight" for ref in found)
