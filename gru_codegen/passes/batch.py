"""The same elementwise function of variables that sit side by side runs once over all of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from gru_codegen.ir import (
    OPERATIONS,
    Block,
    Call,
    Const,
    Expr,
    Now,
    Origin,
    Program,
    Ref,
    Role,
    Statement,
    Var,
    kept_for_every_step,
    reads,
    shape_of,
    writes,
)
from gru_codegen.passes.naming import fresh, product_name
from gru_codegen.passes.neighbours import Neighbours, runs
from gru_codegen.passes.wording import equation

__all__ = ["batch", "batch_values"]


def batch(program: Program) -> Program:
    """Compute ``Z = f(a)`` and ``R = f(b)`` at once, and have their variables side by side.

    A product among the operands becomes a statement of its own; what is left is elementwise.
    """
    return _batch(program, ("value", "adjoint", "work"))


def batch_values(program: Program) -> Program:
    """The same for what the forward pass computes alone.

    Adjoints that have no neighbours can each be written over what is dead when they are computed.
    """
    return _batch(program, ("value", "work"))


def _batch(program: Program, roles: tuple[Role, ...]) -> Program:
    neighbours = Neighbours(runs(program))
    taken = set(program.variables())
    kept = kept_for_every_step(program)

    def change(blocks: tuple[Block, ...]) -> Iterator[Block]:
        run: list[Statement] = []
        for block in blocks:
            if isinstance(block, Statement):
                run.append(block)
                continue
            yield from _Body(run, neighbours, taken, kept, roles).batched()
            run = []
            yield replace(block, body=tuple(change(block.body)))
        yield from _Body(run, neighbours, taken, kept, roles).batched()

    return program.with_blocks(lambda phase: tuple(change(phase.blocks)))


@dataclass
class _Body:
    """Consecutive statements."""

    statements: list[Statement]
    neighbours: Neighbours
    taken: set[str]
    kept: set[str]
    roles: tuple[Role, ...]
    products: list[Statement] = field(default_factory=list)

    def batched(self) -> Iterator[Statement]:
        waiting = list(self.statements)
        while waiting:
            first = waiting[0]
            together = [first]
            for place, other in enumerate(waiting[1:], 1):
                between = _without(waiting[:place], together)
                if _can_move(other, between, together) and self._fits([*together, other]):
                    together.append(other)
            waiting = _without(waiting, together)
            if len(together) == 1:
                yield first
            else:
                yield from self._joined(together)

    def _fits(self, together: list[Statement]) -> bool:
        first = together[0]
        if any(s.accumulate or s.given or s.target.when != first.target.when for s in together):
            return False
        if not isinstance(first.value, Call) or first.target.var.role not in self.roles:
            return False
        leaves = _leaves([s.value for s in together])
        if leaves is None:
            return False
        wanted = [tuple(s.target for s in together), *(group for group in leaves if group)]
        held: dict[Var, tuple[Ref, ...]] = {}
        for group in wanted:
            refs = [ref for ref in group if isinstance(ref, Ref)]
            if len(refs) < len(group):
                continue  # products, which are given a place of their own
            if not _are_alike(refs, self.kept) or not self.neighbours.can_be(
                tuple(map(_now, refs))
            ):
                return False
            for ref in refs:  # one variable has one run
                if held.setdefault(ref.var, tuple(map(_now, refs))) != tuple(map(_now, refs)):
                    return False
        return True

    def _joined(self, together: list[Statement]) -> Iterator[Statement]:
        self.products = []
        value = self._merged([s.value for s in together], [s.target.var for s in together])
        target = self._pack(tuple(s.target for s in together))
        yield from self.products
        meaning = " and ".join(s.origin.meaning for s in together)
        origins = "; ".join(s.origin.equation for s in together)
        yield Statement(target, value, Origin(origins, meaning))

    def _pack(self, parts: tuple[Ref, ...]) -> Ref:
        made = self.neighbours.make(tuple(map(_now, parts)))
        when = parts[0].when
        return replace(made, when=None if when is None else replace(when, offset=0))

    def _merged(self, values: list[Expr], targets: list[Var]) -> Expr:
        first = values[0]
        if isinstance(first, Const):
            return first
        if isinstance(first, Ref):
            return self._pack(tuple(value for value in values if isinstance(value, Ref)))
        calls = [value for value in values if isinstance(value, Call)]
        if not OPERATIONS[first.operation].elementwise:
            return self._pack(tuple(map(self._product, calls)))
        columns = zip(*(call.args for call in calls), strict=True)
        return Call(first.operation, tuple(self._merged(list(c), targets) for c in columns))

    def _product(self, value: Call) -> Ref:
        """The place of a product that is computed before."""
        name = fresh(product_name(value), self.taken)
        ref = Ref(Var(name, shape_of(value), "work", meaning="a product"))
        self.products.append(Statement(ref, value, Origin(equation(ref, value), "a product")))
        return ref


def _without(statements: list[Statement], some: list[Statement]) -> list[Statement]:
    """Those that are none of `some`, though perhaps equal to one: a sum may add the same twice."""
    return [s for s in statements if not any(s is other for other in some)]


def _now(ref: Ref) -> Ref:
    return ref if ref.when is None else replace(ref, when=Now(ref.when.offset))


def _can_move(statement: Statement, between: list[Statement], together: list[Statement]) -> bool:
    """Whether `statement` can be run before those `between`, and beside those `together`."""
    own, read = set(writes(statement)), set(reads(statement.value))
    for other in between:
        written = set(writes(other))
        if written & (read | own) or own & set(reads(other.value)):
            return False
    return not any(set(writes(other)) & (read | own) for other in together)


def _leaves(values: list[Expr]) -> list[tuple[Expr, ...]] | None:
    """Where the values differ, what each has there; None if they do not do the same."""
    first = values[0]
    if isinstance(first, Const):
        return [] if all(value == first for value in values) else None
    if isinstance(first, Ref):
        return [tuple(values)] if all(isinstance(value, Ref) for value in values) else None
    calls = [value for value in values if isinstance(value, Call)]
    if len(calls) < len(values) or len({call.operation for call in calls}) > 1:
        return None
    if first.operation == "matmul":
        shapes = {shape_of(call) for call in calls}
        return [tuple(calls)] if len(shapes) == 1 and "T" not in shape_of(first) else None
    if not OPERATIONS[first.operation].elementwise or first.operation in ("weigh", "select"):
        return None
    found: list[tuple[Expr, ...]] = []
    for column in zip(*(call.args for call in calls), strict=True):
        inner = _leaves(list(column))
        if inner is None:
            return None
        found += inner
    return found


def _are_alike(refs: list[Ref], kept: set[str]) -> bool:
    """Whether they are different matrices that can be stored side by side."""
    first = refs[0]
    return len({ref.var for ref in refs}) == len(refs) and all(
        ref.when == first.when
        and ref.var.shape == first.var.shape
        and ref.var.shape[:1] == ("B",)
        and ref.var.timed == first.var.timed
        and (ref.var.name in kept) == (first.var.name in kept)
        and ref.var.role in ("value", "adjoint", "work")
        and ref.var.boundary is None
        and not ref.var.parts
        for ref in refs
    )
