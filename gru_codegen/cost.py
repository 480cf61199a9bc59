"""Cost of a Program: matrix products, flops and stored numbers, as formulas in T, B, D, H."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from gru_codegen.ir import (
    OPERATIONS,
    Block,
    Call,
    Loop,
    Program,
    Shape,
    Statement,
    parts,
    shape_of,
)
from gru_codegen.plan import Plan, plan
from gru_codegen.polynomials import Polynomial

__all__ = ["Cost", "Gain", "cost", "gain", "gains"]


@dataclass(frozen=True)
class Cost:
    """The cost of one run of a program, or of one of its phases.

    gemms: matrix products. flops: floating-point operations, an elementwise function counting
    as one. passes: how many times an elementwise operation goes over the matrix of a step, or over
    a weight. stored: numbers kept from one statement to the next.
    """

    gemms: Polynomial
    flops: Polynomial
    passes: Polynomial
    stored: Polynomial


def cost(
    program: Program, phases: tuple[str, ...] | None = None, planned: Plan | None = None
) -> Cost:
    """The cost of `program`, or of those of its `phases` that are named.

    planned: its plan, if there is one already.
    """
    total = _Counts()
    for phase in program.phases:
        if phases is None or phase.name in phases:
            total += _blocks(phase.blocks, ())
    numbers = (plan(program) if planned is None else planned).numbers()
    return Cost(total.gemms, total.flops, total.passes, numbers)


@dataclass(frozen=True)
class Gain:
    """The cost of a program before and after the pass called `name`.

    changed: how many statements it has written anew or, if those are more, taken away.
    """

    name: str
    before: Cost
    after: Cost
    changed: int

    def __str__(self) -> str:
        changes = (
            _change(f"{counted}: {old}", str(new)) if old != new else f"{counted}: {new}"
            for counted, old, new in (
                ("GEMMs", self.before.gemms, self.after.gemms),
                ("flops", self.before.flops, self.after.flops),
                ("passes over matrices", self.before.passes, self.after.passes),
                ("stored", self.before.stored, self.after.stored),
            )
        )
        return "\n  ".join([self.name, *changes, f"statements changed: {self.changed}"])


def _change(old: str, new: str) -> str:
    """In one line if it is short enough to be read as one."""
    return f"{old}{' ' if len(old + new) < 90 else _ON}-> {new}"


_ON = "\n    "


def gain(name: str, before: Program, after: Program) -> Gain:
    """The gain of the pass called `name`, which made `after` of `before`."""
    old, new = (Counter(map(str, program.statements())) for program in (before, after))
    changed = max((new - old).total(), (old - new).total())
    return Gain(name, cost(before), cost(after), changed)


def gains(program: Program, passes: Iterable[Callable[[Program], Program]]) -> Iterator[Gain]:
    """The gain of each of `passes`, one after the other, on `program`."""
    for change in passes:
        before, program = program, change(program)
        yield gain(change.__name__, before, program)


@dataclass(frozen=True)
class _Counts:
    """Counts, statement by statement."""

    gemms: Polynomial = field(default_factory=Polynomial)
    flops: Polynomial = field(default_factory=Polynomial)
    passes: Polynomial = field(default_factory=Polynomial)

    def __add__(self, other: _Counts) -> _Counts:
        return _Counts(
            self.gemms + other.gemms, self.flops + other.flops, self.passes + other.passes
        )


def _blocks(blocks: tuple[Block, ...], steps: Shape) -> _Counts:
    """The cost of `blocks`, run once for each of the sizes in `steps`."""
    total = _Counts()
    times = Counter(id(block.body) for block in blocks if not isinstance(block, Statement))
    for block in blocks:
        if isinstance(block, Statement):
            total += _statement(block, steps)
        elif repeats := times.pop(id(block.body), 0):  # steps that share a body, all at once
            within = (*steps, "T" if isinstance(block, Loop) else str(repeats))
            total += _blocks(block.body, within)
    return total


def _statement(statement: Statement, steps: Shape) -> _Counts:
    gemms, flops, passes = Polynomial(), Polynomial(), Polynomial()
    for call in (part for part in parts(statement.value) if isinstance(part, Call)):
        operation = OPERATIONS[call.operation]
        if operation.is_gemm:
            gemms += Polynomial.product(1, steps)
        shape = shape_of(call)
        if operation.elementwise and len(shape) > 1:
            passes += Polynomial.product(1, (*steps, *shape[:-2]))
        number, sizes = operation.flops(tuple(map(shape_of, call.args)))
        flops += Polynomial.product(number, (*steps, *sizes))
    if statement.accumulate:
        flops += Polynomial.product(1, (*steps, *shape_of(statement.target)))
    return _Counts(gemms, flops, passes)
