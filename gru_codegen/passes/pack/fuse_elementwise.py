"""Horizontal fusion: equal elementwise functions of neighbours run once over their pack.

Expects any expressions, constant factors folded and sums factored, before three-address code.
Leaves packs as targets and operands; products become statements of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial, reduce

from gru_codegen.ir import (
    OPERATIONS,
    STORED,
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
    may_alias,
    reads,
    shape_of,
    writes,
)
from gru_codegen.passes.pack.neighbours import Neighbours
from gru_codegen.passes.support.naming import fresh, names_in, product_name
from gru_codegen.passes.support.shared_factors import Parted, parted

__all__ = ["fuse_elementwise", "fuse_elementwise_values"]


def fuse_elementwise(program: Program) -> Program:
    """Compute ``Z = f(a)`` and ``R = f(b)`` at once, and have their variables side by side.

    A product among the operands becomes a statement of its own; the remainder is elementwise.
    Products that have some of their factors in common, as ``C o Z o (1 - Z)`` and
    ``S o R o (1 - R)``, begin each with its own; the common ones follow for all at once.
    """
    return _fuse(program, STORED)


def fuse_elementwise_values(program: Program) -> Program:
    """Fuse as above, but only values of the forward pass.

    Adjoints without neighbours can each be written over a dead variable.
    """
    return _fuse(program, ("value", "work"))


def _fuse(program: Program, roles: tuple[Role, ...]) -> Program:
    names_in_use = names_in(program)
    neighbours = Neighbours(program, names_in_use)
    kept = kept_for_every_step(program)

    def fused(block: tuple[Statement, ...], is_chosen: bool) -> Iterable[Statement]:
        if not is_chosen:
            return block
        return _Body(list(block), neighbours, names_in_use, kept, roles).fused()

    # Bodies of loops come first, since they run at every step: a variable is in one run alone.
    program = program.with_basic_blocks(fused)
    return program.with_basic_blocks(lambda block, is_body: fused(block, not is_body))


@dataclass
class _Body:
    """Consecutive statements."""

    statements: list[Statement]
    neighbours: Neighbours
    names_in_use: set[str]
    kept: set[str]
    roles: tuple[Role, ...]
    products: list[Statement] = field(default_factory=list)
    known: dict[Ref, Expr] = field(default_factory=dict)
    read_by: dict[Var, list[Ref]] = field(default_factory=dict)

    def fused(self) -> Iterator[Statement]:
        waiting = list(self.statements)
        while waiting:
            first = waiting[0]
            together = [first]
            for index, other in enumerate(waiting[1:], 1):
                if not _is_like(first, other):
                    continue
                between = _without(waiting[:index], together)
                if _can_move(other, between, together):
                    candidates = self._in_order([*together, other])
                    together = candidates if self._fits(candidates) else together
            in_part = None
            if len(together) == 1:
                together, in_part = self._together_in_part(waiting)
            waiting = _without(waiting, together)
            if in_part is not None:
                yield from self._joined_in_part(together, in_part)
            elif len(together) == 1:
                yield first
            else:
                yield from self._joined(together, _origin(together, [s.value for s in together]))
            for statement in together:
                self._note(statement)

    def _together_in_part(self, waiting: list[Statement]) -> tuple[list[Statement], Parted | None]:
        """The first of the statements, and those whose products have factors in common with it."""
        together, parts = [waiting[0]], None
        others = list(filter(_is_product, waiting[1:])) if _is_product(waiting[0]) else []
        while True:
            candidates = [
                (joined, more)
                for other in others
                if other not in together
                and (joined := self._in_order([*together, other]))
                and (more := self._parted(joined, other, waiting))
                and more.saved > (0 if parts is None else parts.saved)
            ]
            if not candidates:
                return together, parts
            together, parts = max(candidates, key=lambda pair: pair[1].saved)

    def _parted(
        self, together: list[Statement], last: Statement, waiting: list[Statement]
    ) -> Parted | None:
        """The products of statements in parts, if `last` can be beside the others."""
        before = _without(together, [last])
        between = _without(waiting[: waiting.index(last)], before)
        values = [statement.value for statement in together]
        if {s.target.var for s in together} & set().union(*map(_variables, values)):
            return None  # a target that is written first would still be read
        if not _can_move(last, between, before):
            return None
        return parted(values, partial(self._alike, together), self.known)

    def _alike(self, together: list[Statement], factors: list[Expr]) -> bool:
        """Return whether `factors`, one of each statement, are the same function of neighbours."""
        groups = [
            [ref for ref in group if isinstance(ref, Ref)] for group in _leaves(factors) or []
        ]
        are_neighbours = all(self.neighbours.are_some(tuple(map(_now, refs))) for refs in groups)
        pairs = zip(together, factors, strict=False)  # fewer while they are being matched
        return (
            bool(groups)
            and are_neighbours
            and self._fits([replace(s, value=_times(s.target, factor)) for s, factor in pairs])
        )

    def _note(self, statement: Statement) -> None:
        """Note the value of a variable, which is known until an operand of it is written."""
        written = {ref.var for ref in writes(statement)}
        for var in written:
            for ref in self.read_by.pop(var, ()):
                if var in {ref.var, *_variables(self.known.get(ref, ref))}:
                    self.known.pop(ref, None)
        read = _variables(statement.value)
        if not statement.given and not statement.accumulate and not written & read:
            self.known[statement.target] = statement.value
            for var in {statement.target.var, *read}:
                self.read_by.setdefault(var, []).append(statement.target)

    def _joined_in_part(self, together: list[Statement], parts: Parted) -> Iterator[Statement]:
        """Statements for each product's own factors, then fused ones for the common factors."""
        origin = _origin(together, _gone_on(parts.own, parts))
        for statement, own in zip(together, parts.own, strict=True):
            yield replace(statement, value=own, origin=origin)
        shared = _gone_on([statement.target for statement in together], parts)
        remaining = [replace(s, value=value) for s, value in zip(together, shared, strict=True)]
        yield from self._joined(remaining, origin)

    def _in_order(self, together: list[Statement]) -> list[Statement]:
        """Statements in the order of their targets or, if these have no run, of their operands."""
        groups = [[s.target for s in together]]
        groups += [list(refs) for refs in zip(*(reads(s.value) for s in together), strict=False)]
        for group in groups:
            order = self.neighbours.in_order(tuple(map(_now, group)))
            if order != sorted(order):
                return [together[index] for index in order]
        return together

    def _fits(self, together: list[Statement]) -> bool:
        first = together[0]
        if any(s.accumulate or s.given or s.target.when != first.target.when for s in together):
            return False
        if not isinstance(first.value, Call) or first.target.var.role not in self.roles:
            return False
        leaves = _leaves([s.value for s in together])
        if leaves is None:
            return False
        groups = [tuple(s.target for s in together), *(group for group in leaves if group)]
        held: dict[Var, tuple[Ref, ...]] = {}
        for group in groups:
            refs = [ref for ref in group if isinstance(ref, Ref)]
            if any(shape_of(part)[-1:] != first.target.var.shape[-1:] for part in group):
                return False  # a column would be spread over several matrices
            if len(refs) < len(group):
                continue  # products, which become variables of their own
            run = tuple(map(_now, refs))
            if not _are_alike(refs, self.kept) or not self.neighbours.can_be(run):
                return False
            if any(held.setdefault(ref.var, run) != run for ref in refs):
                return False  # one variable has one run
        return True

    def _joined(self, together: list[Statement], origin: Origin) -> Iterator[Statement]:
        self.products = []
        value = self._merged([s.value for s in together], [s.target.var for s in together])
        target = self._pack(tuple(s.target for s in together))
        yield from self.products
        yield Statement(target, value, origin)

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
        """The variable of a product, which becomes a statement of its own."""
        name = fresh(product_name(value), self.names_in_use)
        ref = Ref(Var(name, shape_of(value), "work", meaning="a product"))
        self.products.append(Statement(ref, value))
        return ref


def _variables(expression: Expr) -> set[Var]:
    return {ref.var for ref in reads(expression)}


def _is_like(first: Statement, other: Statement) -> bool:
    """Return whether two statements may fuse: a cheap test, before the exact one."""
    if not isinstance(first.value, Call) or not isinstance(other.value, Call):
        return False
    alike = first.value.operation == other.value.operation
    return alike and first.target.when == other.target.when


def _is_product(statement: Statement) -> bool:
    value = statement.value
    return isinstance(value, Call) and value.operation == "multiply"


def _gone_on(begun: Sequence[Expr], parts: Parted) -> list[Expr]:
    """Products of `begun`, one of each statement, and the factors in common."""
    return [
        reduce(_times, [first, *common])
        for first, *common in zip(begun, *parts.shared, strict=True)
    ]


def _times(left: Expr, right: Expr) -> Expr:
    return Call("multiply", (left, right))


def _origin(together: list[Statement], values: list[Expr]) -> Origin:
    """Origin of the statement that several are fused into."""
    pairs = zip(together, values, strict=True)
    first, *others = (s.origin.computing(s.target, value) for s, value in pairs)
    return first.united(*others)


def _without(statements: list[Statement], others: list[Statement]) -> list[Statement]:
    """Statements not among `others`, by identity: a sum may add the same term twice."""
    taken = {id(other) for other in others}
    return [s for s in statements if id(s) not in taken]


def _now(ref: Ref) -> Ref:
    return ref if ref.when is None else replace(ref, when=Now(ref.when.offset))


def _can_move(statement: Statement, between: list[Statement], together: list[Statement]) -> bool:
    """Return whether `statement` can move before those `between`, beside those `together`."""
    own = _by_name(writes(statement))
    touched = _by_name([*writes(statement), *reads(statement.value)])
    if any(_meet(writes(other), touched) for other in together):
        return False
    return not any(  # most statements read what is computed just before them
        _meet(writes(other), touched) or _meet(reads(other.value), own)
        for other in reversed(between)
    )


def _by_name(refs: Iterable[Ref]) -> dict[str, list[Ref]]:
    """References by the names of their variables."""
    found: dict[str, list[Ref]] = {}
    for ref in refs:
        found.setdefault(ref.var.name, []).append(ref)
    return found


def _meet(refs: Iterable[Ref], others: Mapping[str, list[Ref]]) -> bool:
    """Return whether one of `refs` may mean the matrix of one of `others`, given by name."""
    return any(may_alias(ref, other) for ref in refs for other in others.get(ref.var.name, ()))


#: Operations with one argument that has a number for each sample, whatever it is laid over.
_OF_SAMPLES = ("weigh", "select", "guard")


def _leaves(values: list[Expr]) -> list[tuple[Expr, ...]] | None:
    """Operands in which the values differ, by position; None if the operations differ."""
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
    if not OPERATIONS[first.operation].elementwise or first.operation in _OF_SAMPLES:
        return None
    leaves: list[tuple[Expr, ...]] = []
    for column in zip(*(call.args for call in calls), strict=True):
        inner = _leaves(list(column))
        if inner is None:
            return None
        leaves += inner
    return leaves


def _are_alike(refs: list[Ref], kept: set[str]) -> bool:
    """Return whether `refs` are different matrices that can be stored side by side."""
    first = refs[0]
    return len({ref.var for ref in refs}) == len(refs) and all(
        ref.when == first.when
        and ref.var.shape == first.var.shape
        and ref.var.shape[:1] == ("B",)
        and ref.var.timed == first.var.timed
        and (ref.var.name in kept) == (first.var.name in kept)
        and ref.var.role in STORED
        and ref.var.boundary is None
        and not ref.var.parts
        for ref in refs
    )
