"""Blocks as lines: loops and steps, and statements under the equation that they compute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from gru_codegen.emit import numpy as target
from gru_codegen.emit.lines import WIDTH, assignments, comment, parenthesised
from gru_codegen.emit.storage import Storage, is_optional
from gru_codegen.ir import (
    Block,
    Call,
    Expr,
    Loop,
    Now,
    Origin,
    Ref,
    Statement,
    Step,
    reads,
    statements,
)

__all__ = ["Blocks"]

#: When a statement for an optional argument is run.
_CONDITIONS = {
    "pullback": "last is not None",
    "loss weights": "V is not None",
    "lengths": "ended is not None",
}
#: Stands for the index of the step until the lines of a body are repeated for each step.
_INDEX = "\0"


class Blocks:
    """Writes blocks as the body of a function; steps that share a body are spelled once."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage
        self.bodies: dict[int, str] = {}

    def lines(self, blocks: tuple[Block, ...]) -> Iterator[str]:
        """The lines of `blocks`, one level deep."""
        for origin, some in groupby(blocks, key=_origin):
            if isinstance(origin, Origin):
                yield from self._group(origin, some, "    ", "")
            else:
                for block in some:
                    yield from self._block(block)

    def _block(self, block: Block) -> Iterator[str]:
        if isinstance(block, Loop):
            steps = "range(w.steps)" if block.direction == "forward" else "reversed(range(w.steps))"
            yield from self._before(block)
            yield f"    for t in {steps}:"
            yield from self._body(block.body, "        ", "t")
        elif isinstance(block, Step):
            yield ""
            yield f"    # --- step {block.index + 1} of {self.storage.program.steps} ---"
            yield self._unrolled(block).replace(_INDEX, str(block.index))

    def _before(self, loop: Loop) -> Iterator[str]:
        """What the loop takes as given: sums that start at zero, carries at their boundary."""
        written = {s.target.var: s for s in statements(loop.body)}
        for var, statement in written.items():
            if statement.accumulate and var.role == "gradient":
                yield f"    {var.name} = np.zeros_like(params.{var.name[1:]})"
            elif statement.accumulate:
                yield f"    {var.name}: Any = 0"
            elif isinstance(var.boundary, Ref) and var.boundary.var.role == "last":
                beyond = self.storage.spell(var.boundary, "")
                if self.storage.in_workspace(var):
                    yield f"    {var.name}[...] = 0 if last is None else {beyond}"
                else:
                    zeros = f"np.zeros({self.storage.sizes(var)}, w.dtype)"
                    yield f"    {var.name} = {zeros} if last is None else {beyond}"

    def _unrolled(self, step: Step) -> str:
        key = id(step.body)
        if key not in self.bodies:
            self.bodies[key] = "\n".join(self._body(step.body, "    ", _INDEX))
        return self.bodies[key]

    def _body(self, body: tuple[Block, ...], indent: str, index: str) -> Iterator[str]:
        found = list(statements(body))
        if self.storage.fast:
            yield from self._views(found, indent, index)
        for origin, group in groupby(found, key=lambda statement: statement.origin):
            yield from self._group(origin, group, indent, index)

    def _views(self, found: list[Statement], indent: str, index: str) -> Iterator[str]:
        """One step's matrices, named once for all the lines that use them."""
        names: dict[str, str] = {}
        for statement in found:
            for ref in (*reads(statement.value), statement.target):
                indexed = self.storage.is_indexed(ref.var) and not is_optional(ref.var)
                if isinstance(ref.when, Now) and indexed:
                    name = self.storage.array(ref)
                    names[f"{name}_t"] = f"{name}[{index}]"
        yield from assignments(list(names), list(names.values()), indent)

    def _group(
        self, origin: Origin, group: Iterable[Block], indent: str, index: str
    ) -> Iterator[str]:
        """The statements of one equation, under a comment that says it."""
        named = origin.meaning and not origin.meaning.startswith("adjoint")
        yield from comment(
            f"{origin.meaning}: {origin.equation}" if named else origin.equation, indent
        )
        found = statements(tuple(group))
        for given, some in groupby(found, key=lambda statement: statement.given):
            if given:
                yield f"{indent}if {' and '.join(_CONDITIONS[name] for name in given)}:"
            for statement in some:
                yield from self._lines(statement, indent + "    " * bool(given), index)

    def _lines(self, statement: Statement, indent: str, index: str) -> Iterator[str]:
        def spell(ref: Ref) -> str:
            return self.storage.spell(ref, index)

        if self.storage.in_place(statement):
            yield from (indent + line for line in target.in_place(statement, spell))
            return
        sign = "+=" if statement.accumulate else "="
        start = f"{indent}{spell(statement.target)} {sign} "
        value = target.as_expression(statement.value, spell)
        if len(start) + len(value) <= WIDTH:
            yield start + value
        else:
            yield from _broken(start, statement.value, spell, indent)


def _origin(block: Block) -> Origin | Block:
    """What consecutive blocks have in common under one comment: the equation of statements."""
    return block.origin if isinstance(block, Statement) else block


def _broken(start: str, value: Expr, spell: target.Speller, indent: str) -> Iterator[str]:
    """`start` and `value` over several lines: one for each term of the sum that it is or reads."""
    inside, behind = target.over_one_denominator(value), ""
    if isinstance(inside, Call) and inside.operation not in ("add", "subtract"):
        whole = target.as_expression(inside, spell)
        for argument in inside.args:
            before, found, after = whole.partition(f"({target.as_expression(argument, spell)})")
            if found:
                inside, start, behind = argument, start + before, after
                break
    yield from parenthesised(start, _addends(inside, spell), behind, indent)


def _addends(expression: Expr, spell: target.Speller) -> list[str]:
    """The terms of a sum, each but the first beginning with its sign."""
    if isinstance(expression, Call) and expression.operation in ("add", "subtract"):
        left, right = expression.args
        sign = "+" if expression.operation == "add" else "-"
        last = target.as_expression(right, spell)
        loose = isinstance(right, Call) and right.operation in ("add", "subtract", "negate")
        return [*_addends(left, spell), f"{sign} ({last})" if loose else f"{sign} {last}"]
    return [target.as_expression(expression, spell)]
