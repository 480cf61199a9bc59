"""Reuse of forward products in the backward loop: Z o (CA - S_prev) is S - S_prev."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from gru_codegen.ir import (
    GIVEN,
    OPERATIONS,
    Block,
    Call,
    Const,
    Expr,
    Loop,
    Now,
    Phase,
    Program,
    Ref,
    Statement,
    Var,
    parts,
    reads,
    rewrite,
    shape_of,
    statements,
    with_statements,
    writes,
)
from gru_codegen.passes.support.algebra import factors_of
from gru_codegen.passes.support.naming import fresh, product_name

__all__ = ["Recalled", "stored", "without_recomputation"]


@dataclass(frozen=True)
class Recalled:
    """Product that a forward step has computed.

    Attributes
    ----------
    product: the expression, as the step computes it.
    value: an equal expression of stored variables: one, or the sum or difference of two.
    ended: the mask of the samples past their length, for which the two may differ; None if they do
        not.
    stored: true if the step has to keep the product, in the variable `value`.
    """

    product: Expr
    value: Expr
    ended: Expr | None = None
    stored: bool = False


def without_recomputation(program: Program, names_in_use: set[str]) -> Iterator[Recalled]:
    """Elementwise products of forward loops that the backward loop can read again."""
    writers = _writers(program.statements())
    before: Counter[Var] = Counter()
    for phase in program.phases:
        for block in phase.blocks:
            if isinstance(block, Statement):
                before.update(_writers([block]))
                continue
            body = tuple(statements(block.body))
            through = before + _writers(body)
            for index, statement in enumerate(body):
                if isinstance(block, Loop) and block.direction == "forward":
                    known = _Known(writers, before, through)
                    yield from known.products(statement, body[index + 1 :], names_in_use)
                before.update(_writers([statement]))


def _writers(body: Iterable[Statement]) -> Counter[Var]:
    """Number of statements that write each variable."""
    return Counter(ref.var for statement in body for ref in writes(statement))


@dataclass
class _Known:
    """Number of writers of each variable: in all, before a statement, and before its loop ends."""

    writers: Counter[Var]
    before: Counter[Var]
    through: Counter[Var]

    def products(
        self, statement: Statement, later: tuple[Statement, ...], names_in_use: set[str]
    ) -> Iterator[Recalled]:
        target, value = statement.target, statement.value
        if statement.accumulate or statement.given or target.when != Now():
            return
        later_writes = [write for write in later if target in writes(write)]
        ends = [_end(write) for write in later_writes]
        recalled: list[Expr] = []
        if len(ends) < 2 and None not in ends and self.writers[target.var] == 1 + len(ends):
            for product, read in _terms(target, value):
                whole = shape_of(product) == target.var.shape
                if whole and self._lasts(product) and self._lasts(read, but=target):
                    recalled.append(product)
                    yield Recalled(product, read, ends[0] if ends else None)
        for part in parts(value):
            if _is_product(part) and part not in recalled and self._lasts(part):
                name = fresh(product_name(part), names_in_use)
                var = Var(name, shape_of(part), "value", True, meaning="a factor of adjoints")
                yield Recalled(part, Ref(var, Now()), stored=True)

    def _lasts(self, expression: Expr, but: Ref | None = None) -> bool:
        """Return whether no operand of `expression` is written again when the loop has ended."""

        def lasts(ref: Ref) -> bool:
            if not isinstance(ref.when, Now):
                return ref.var.is_fixed or (ref.var.role in GIVEN and not ref.var.timed)
            until = self.through if ref.when.offset else self.before
            return self.writers[ref.var] == until[ref.var]

        return all(ref == but or lasts(ref) for ref in reads(expression))


def _terms(target: Ref, value: Expr) -> Iterator[tuple[Expr, Expr]]:
    """Products in `value`, each with an equal expression in terms of `target`."""
    if _is_product(value):
        yield value, target
    if not (isinstance(value, Call) and value.operation in ("add", "subtract")):
        return
    left, right = value.args
    if _is_product(left) and isinstance(right, Ref):
        yield left, Call("subtract" if value.operation == "add" else "add", (target, right))
    if _is_product(right) and isinstance(left, Ref):
        read = (target, left) if value.operation == "add" else (left, target)
        yield right, Call("subtract", read)


def _is_product(expression: Expr) -> bool:
    """Return whether `expression` is an elementwise product of matrices."""
    if not (isinstance(expression, Call) and expression.operation == "multiply"):
        return False
    calls = (part for part in parts(expression) if isinstance(part, Call))
    plain = all(OPERATIONS[call.operation].elementwise for call in calls)
    return plain and not any(isinstance(factor, Const) for factor in factors_of(expression))


def _end(statement: Statement) -> Expr | None:
    """Mask of the samples past their length, if `statement` sets its target there, or None."""
    value = statement.value
    select = isinstance(value, Call) and value.operation == "select"
    if not (statement.given and isinstance(value, Call) and select):
        return None
    return value.args[0] if value.args[2] == statement.target else None


def stored(program: Program, recalled: list[Recalled]) -> Program:
    """Store the products in the forward steps that compute them."""

    def change(statement: Statement) -> Iterator[Statement]:
        for each in recalled:
            target = each.value
            if isinstance(target, Ref) and each.product in parts(statement.value):
                yield Statement(target, each.product)
                replacements = {each.product: target}
                statement = replace(statement, value=rewrite(statement.value, replacements.get))
        yield statement

    def changed(phase: Phase) -> tuple[Block, ...]:
        steps = any(isinstance(b, Loop) and b.direction == "forward" for b in phase.blocks)
        return with_statements(phase.blocks, change) if steps else phase.blocks

    return program.with_blocks(changed)
