"""What a Program costs: matrix products, flops and stored numbers, as formulas in T, B, D, H."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

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
from gru_codegen.plan import plan
from gru_codegen.polynomials import Polynomial

__all__ = ["Cost", "Gain", "cost", "gains"]


@dataclass(frozen=True)
class Cost:
    """What one run of a program, or of one of its phases, takes.

    gemms: matrix products. flops: floating-point operations, an elementwise function counting
    as one. stored: numbers kept from one statement to the next.
    """

    gemms: Polynomial
    flops: Polynomial
    stored: Polynomial


def cost(program: Program, phases: tuple[str, ...] | None = None) -> Cost:
    """The cost of `program`, or of those of its `phases` that are named."""
    gemms, flops = Polynomial(), Polynomial()
    for phase in program.phases:
        if phases is None or phase.name in phases:
            more_gemms, more_flops = _blocks(phase.blocks, ())
            gemms, flops = gemms + more_gemms, flops + more_flops
    return Cost(gemms, flops, plan(program).numbers())


@dataclass(frozen=True)
class Gain:
    """What one pass, called `name`, made of a program's cost."""

    name: str
    before: Cost
    after: Cost

    def __str__(self) -> str:
        changes = (
            f"{counted}: {old} -> {new}" if old != new else f"{counted}: {new}"
            for counted, old, new in (
                ("GEMMs", self.before.gemms, self.after.gemms),
                ("flops", self.before.flops, self.after.flops),
                ("stored", self.before.stored, self.after.stored),
            )
        )
        return "\n  ".join([self.name, *changes])


def gains(program: Program, passes: Iterable[Callable[[Program], Program]]) -> Iterator[Gain]:
    """What each of `passes`, one after the other, gains on `program`."""
    before = cost(program)
    for change in passes:
        program = change(program)
        after = cost(program)
        yield Gain(change.__name__, before, after)
        before = after


def _blocks(blocks: tuple[Block, ...], steps: Shape) -> tuple[Polynomial, Polynomial]:
    """GEMMs and flops of `blocks`, run once for each of the sizes in `steps`."""
    gemms, flops = Polynomial(), Polynomial()
    times = Counter(id(block.body) for block in blocks if not isinstance(block, Statement))
    for block in blocks:
        if isinstance(block, Statement):
            more_gemms, more_flops = _statement(block, steps)
        elif repeats := times.pop(id(block.body), 0):  # steps that share a body, all at once
            within = (*steps, "T" if isinstance(block, Loop) else str(repeats))
            more_gemms, more_flops = _blocks(block.body, within)
        else:
            continue
        gemms, flops = gemms + more_gemms, flops + more_flops
    return gemms, flops


def _statement(statement: Statement, steps: Shape) -> tuple[Polynomial, Polynomial]:
    gemms, flops = Polynomial(), Polynomial()
    for call in (part for part in parts(statement.value) if isinstance(part, Call)):
        operation = OPERATIONS[call.operation]
        if operation.is_gemm:
            gemms += Polynomial.product(1, steps)
        number, sizes = operation.flops(tuple(map(shape_of, call.args)))
        flops += Polynomial.product(number, (*steps, *sizes))
    if statement.accumulate:
        flops += Polynomial.product(1, (*steps, *shape_of(statement.target)))
    return gemms, flops
