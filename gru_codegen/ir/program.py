"""The intermediate representation: a small program over matrices, without SymPy and without NumPy.

A ``Program`` is an ordered list of phases, a phase a list of blocks, a block a ``Statement``, a
``Loop`` over the time steps or, once loops are unrolled, the ``Step`` with one index. A ``Var``
that is *timed* has one matrix per time step; a ``Ref`` says which of them is meant: ``Now(offset)``
relative to the surrounding step, ``Every(offset)`` all of them at once. Steps count from 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Literal, get_args

from gru_codegen.ir.expressions import Expr, Ref, Var, reads, refs, unpacked
from gru_codegen.ir.origins import INTERMEDIATE, EquationId, Formula, Origin

__all__ = [
    "DIRECTIONS",
    "OPTIONS",
    "Block",
    "Direction",
    "Loop",
    "Option",
    "Orientation",
    "Phase",
    "Program",
    "Statement",
    "Step",
    "behind_fixed",
    "distinct_bodies",
    "statements",
    "with_statements",
    "with_values",
    "writes",
]

#: rows: (B, n), a sample per row. columns: (n, B), a sample per column.
Orientation = Literal["rows", "columns"]
#: What a call may do or leave out: samples of several lengths, weights of their losses, the
#: adjoints that a pullback is given.
Option = Literal["lengths", "loss weights", "pullback"]
OPTIONS: tuple[Option, ...] = get_args(Option)
Direction = Literal["forward", "reverse"]
DIRECTIONS: tuple[Direction, ...] = get_args(Direction)


@dataclass(frozen=True)
class Statement:
    """``target = value``, or ``target += value`` where it accumulates (starting at zero).

    given: the options that it belongs to; without one of them it is not run.
    """

    target: Ref
    value: Expr
    origin: Origin = INTERMEDIATE
    accumulate: bool = False
    given: tuple[Option, ...] = ()

    def __str__(self) -> str:
        condition = f"if {' and '.join(self.given)}: " if self.given else ""
        return f"{condition}{self.target} {'+=' if self.accumulate else '='} {self.value}"


@dataclass(frozen=True)
class Loop:
    """A body run once for every time step, first to last or last to first."""

    direction: Direction
    body: tuple[Block, ...]

    @property
    def heading(self) -> str:
        """The line above the body, where a program is printed."""
        order = "first to last" if self.direction == "forward" else "last to first"
        return f"for every step t, {order}:"

    def __str__(self) -> str:
        lines = [line for block in self.body for line in str(block).splitlines()]
        return "\n".join([self.heading, *(f"    {line}" for line in lines)])


@dataclass(frozen=True)
class Step:
    """One time step of an unrolled loop; steps in which nothing differs share one body."""

    index: int
    body: tuple[Block, ...]

    def __str__(self) -> str:
        lines = [line for block in self.body for line in str(block).splitlines()]
        return "\n".join([f"t = {self.index}:", *(f"    {line}" for line in lines)])


Block = Statement | Loop | Step


@dataclass(frozen=True)
class Phase:
    """A part of the program that is emitted as one function."""

    name: str
    blocks: tuple[Block, ...]

    def variables(self) -> dict[str, Var]:
        """Every variable of its statements by name, in the order in which they are met."""
        by_name: dict[str, Var] = {}
        for statement in statements(self.blocks):
            for ref in (*reads(statement.value), *writes(statement)):
                by_name.setdefault(ref.var.name, ref.var)
        return by_name


@dataclass(frozen=True, repr=False)
class Program:
    """The whole computation.

    Attributes
    ----------
    weights: in the declared order.
    phases: in order; an entry point runs them up to the last that it needs.
    entries: for each entry point the variables that its caller reads.
    outputs: what a step puts out, in the declared order.
    seeds: the adjoint of each output: the loss phase computes it, or a pullback is given it.
    carries: the adjoints that the first step passes on, which a pullback hands out.
    steps: the number of time steps of an unrolled program, None while there are loops.
    orientation: of matrices of samples: a sample per row, or per column, which is transposed.
    overwrites: the variable in whose storage another one is kept, by the names of both.
    by_row: the names of variables with a sample per row in either orientation, the rows of all
        steps one below the other.
    targets_in_seed: whether the storage of the first seed may hold the targets until it is
        computed.
    constants: weights that have no gradient, in the declared order.
    made: those of them that are made of sizes, by name, each with its pattern and the numbers that
        this takes; the others are arguments.
    equations: those that the origins of statements name, as they were derived.
    """

    name: str
    weights: tuple[Var, ...]
    phases: tuple[Phase, ...]
    entries: Mapping[str, tuple[Var, ...]]
    outputs: tuple[Var, ...] = ()
    seeds: tuple[Var, ...] = ()
    carries: tuple[Var, ...] = ()
    steps: int | None = None
    orientation: Orientation = "rows"
    overwrites: Mapping[str, str] = field(default_factory=dict)
    by_row: frozenset[str] = frozenset()
    targets_in_seed: bool = False
    equations: Mapping[EquationId, Formula] = field(default_factory=dict, compare=False)
    constants: tuple[Var, ...] = ()
    made: Mapping[str, tuple[str, tuple[int, ...]]] = field(default_factory=dict)

    def __repr__(self) -> str:
        phases = ", ".join(phase.name for phase in self.phases)
        steps = "any T" if self.steps is None else f"T = {self.steps}"
        number = sum(1 for _ in self.statements())
        return f"<Program {self.name}: {phases}; {steps}, {number} statements>"

    def __str__(self) -> str:
        from gru_codegen.ir.printing import printed  # which is written in terms of programs

        return printed(self)

    @property
    def given_constants(self) -> tuple[Var, ...]:
        """The constants that a call is given."""
        return tuple(var for var in self.constants if var.name not in self.made)

    @property
    def given(self) -> tuple[Var, ...]:
        """The weights and constants that a call is given."""
        return (*self.weights, *self.given_constants)

    def orientation_of(self, var: Var) -> Orientation:
        """Orientation of the matrices of `var`; rows, if they have no row per sample."""
        apart = var.name in self.by_row or var.shape[:1] != ("B",)
        return "rows" if apart else self.orientation

    def root(self, name: str) -> str:
        """The variable in whose storage the one called `name` is."""
        while name in self.overwrites:
            name = self.overwrites[name]
        return name

    def with_blocks(self, change: Callable[[Phase], Iterable[Block]]) -> Program:
        """The same program with the blocks of every phase changed."""
        return replace(
            self,
            phases=tuple(replace(phase, blocks=tuple(change(phase))) for phase in self.phases),
        )

    def with_statements(self, change: Callable[[Statement], Iterable[Statement]]) -> Program:
        """The same program with those that `change` gives in the place of each statement."""
        return self.with_blocks(lambda phase: with_statements(phase.blocks, change))

    def with_values(self, change: Callable[[Expr], Expr]) -> Program:
        """The same program with the value of every statement changed."""
        return self.with_blocks(lambda phase: with_values(phase.blocks, change))

    def with_loops(self, change: Callable[[Loop], Iterable[Block]]) -> Program:
        """The same program with the blocks that `change` gives in the place of each loop."""

        def changed(blocks: tuple[Block, ...]) -> Iterator[Block]:
            for block in blocks:
                yield from change(block) if isinstance(block, Loop) else (block,)

        return self.with_blocks(lambda phase: changed(phase.blocks))

    def with_basic_blocks(
        self, change: Callable[[tuple[Statement, ...], bool], Iterable[Block]]
    ) -> Program:
        """The same program with each of its basic blocks changed.

        One is the body of a loop or step, or the statements between two of them; `change`
        gets the statements, and true if they are a body.
        """

        def changed(blocks: tuple[Block, ...]) -> Iterator[Block]:
            for kind, group in groupby(blocks, type):
                if kind is Statement:
                    yield from change(tuple(statements(tuple(group))), False)
                    continue
                for block in group:
                    assert not isinstance(block, Statement)  # blocks of one kind
                    yield replace(block, body=tuple(change(tuple(statements(block.body)), True)))

        return self.with_blocks(lambda phase: changed(phase.blocks))

    def statements(self) -> Iterator[Statement]:
        """Every statement: those of a loop once, those of steps that share a body once."""
        for phase in self.phases:
            yield from statements(phase.blocks)

    def references(self) -> Iterator[Ref]:
        """Every reference as it stands there, packs among them."""
        for statement in self.statements():
            yield from (statement.target, *refs(statement.value))

    def variables(self) -> dict[str, Var]:
        """Every variable by name, in the order in which they are met."""
        by_name: dict[str, Var] = {}
        bodies = (body for phase in self.phases for body in distinct_bodies(phase.blocks))
        for statement in (statement for body in bodies for statement in body):
            for ref in (*reads(statement.value), *writes(statement)):
                by_name.setdefault(ref.var.name, ref.var)
                if ref.var.boundary is not None:
                    for inner in reads(ref.var.boundary):
                        by_name.setdefault(inner.var.name, inner.var)
        return by_name


def with_statements(
    blocks: tuple[Block, ...], change: Callable[[Statement], Iterable[Statement]]
) -> tuple[Block, ...]:
    """`blocks` with those that `change` gives in the place of each statement.

    An unchanged block is the very same object, and steps share their bodies as before.
    """
    bodies: dict[int, tuple[Block, ...]] = {}

    def changed(blocks: tuple[Block, ...]) -> tuple[Block, ...]:
        new_blocks = tuple(new for block in blocks for new in rewritten(block))
        return blocks if _are_same(new_blocks, blocks) else new_blocks

    def rewritten(block: Block) -> Iterable[Block]:
        if isinstance(block, Statement):
            return change(block)
        body = block.body
        if id(body) not in bodies:
            bodies[id(body)] = changed(body)
        return (block if bodies[id(body)] is body else replace(block, body=bodies[id(body)]),)

    return changed(blocks)


def _are_same(new_blocks: tuple[Block, ...], blocks: tuple[Block, ...]) -> bool:
    pairs = zip(new_blocks, blocks, strict=False)
    return len(new_blocks) == len(blocks) and all(new is old for new, old in pairs)


def with_values(blocks: tuple[Block, ...], change: Callable[[Expr], Expr]) -> tuple[Block, ...]:
    """`blocks` with the value of every statement changed."""

    def changed(statement: Statement) -> Iterator[Statement]:
        value = change(statement.value)
        yield statement if value is statement.value else replace(statement, value=value)

    return with_statements(blocks, changed)


def behind_fixed(blocks: tuple[Block, ...], made: Iterable[Statement]) -> tuple[Block, ...]:
    """`blocks`, with statements of weights alone put before all but equations of weights."""
    place = 0
    for number, block in enumerate(blocks):
        if isinstance(block, Statement) and block.target.var.role == "fixed":
            place = number + 1
    return (*blocks[:place], *made, *blocks[place:])


def statements(blocks: tuple[Block, ...]) -> Iterator[Statement]:
    """Every statement of `blocks`: those of a loop once, those of steps that share a body once."""
    for body in distinct_bodies(blocks):
        yield from body


def distinct_bodies(blocks: tuple[Block, ...]) -> Iterator[tuple[Statement, ...]]:
    """The statements of each block, of steps that share one body only once."""
    seen: set[int] = set()
    for block in blocks:
        if isinstance(block, Statement):
            yield (block,)
        elif id(block.body) not in seen:
            seen.add(id(block.body))
            yield tuple(statements(block.body))


def writes(statement: Statement) -> tuple[Ref, ...]:
    """References that `statement` writes: its target, of a pack the parts."""
    return unpacked(statement.target)
