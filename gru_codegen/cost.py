"""What a Program costs: matrix products, flops and stored numbers, as formulas in T, B, D, H."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from gru_codegen.ir import (
    OPERATIONS,
    STORED,
    Block,
    Call,
    Loop,
    Program,
    Shape,
    Statement,
    kept_for_every_step,
    parts,
    shape_of,
)

__all__ = ["Cost", "Gain", "Polynomial", "cost", "gains"]


class Polynomial:
    """A sum of products of sizes, as ``12 T B D H + 7 T B H``."""

    def __init__(self, terms: Mapping[Shape, int] | None = None) -> None:
        self.terms: Counter[Shape] = Counter()
        for sizes, coefficient in (terms or {}).items():
            self.terms[_sorted(sizes)] += coefficient

    @classmethod
    def product(cls, coefficient: int, sizes: Shape) -> Polynomial:
        """``coefficient * sizes[0] * sizes[1] ...``; a size may be a number in text, or a sum."""
        for place, size in enumerate(sizes):
            if "+" in size:  # several side by side
                total = cls()
                for one in size.split("+"):
                    total += cls.product(coefficient, (*sizes[:place], one, *sizes[place + 1 :]))
                return total
        names = tuple(size for size in sizes if not size.isdigit())
        for size in sizes:
            coefficient *= int(size) if size.isdigit() else 1
        return cls({names: coefficient} if coefficient else {})

    def __add__(self, other: Polynomial) -> Polynomial:
        return Polynomial(self.terms + other.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    __hash__ = None  # type: ignore[assignment]  # it compares by value and holds a Counter

    def times(self, factor: int) -> Polynomial:
        """Every coefficient multiplied by `factor`."""
        return Polynomial({sizes: factor * n for sizes, n in self.terms.items()})

    def fixed(self, sizes: Mapping[str, int]) -> Polynomial:
        """The same with numbers for some of the sizes."""
        total = Polynomial()
        for names, coefficient in self.terms.items():
            numbers = [str(sizes.get(name, name)) for name in names]
            total += Polynomial.product(coefficient, tuple(numbers))
        return total

    def at(self, sizes: Mapping[str, int]) -> int:
        """The value for these sizes."""
        total = 0
        for names, coefficient in self.terms.items():
            for name in names:
                coefficient *= sizes[name]
            total += coefficient
        return total

    def __str__(self) -> str:
        ordered = sorted(self.terms.items(), key=lambda item: (-len(item[0]), item[0]))
        terms = []
        for sizes, n in ordered:
            factor = [] if n == 1 and sizes else [str(n)]
            terms += [" ".join([*factor, *_powers(sizes)])] if n else []
        return " + ".join(terms) or "0"


_ORDER = "TBDHO"


def _sorted(sizes: Shape) -> Shape:
    """T, B, D, H and O in this order, then any others."""
    return tuple(sorted(sizes, key=lambda size: ((_ORDER + size).index(size), size)))


def _powers(sizes: Shape) -> list[str]:
    return [size if n == 1 else f"{size}^{n}" for size, n in Counter(sizes).items()]


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
    return Cost(gemms, flops, _stored(program))


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


def _stored(program: Program) -> Polynomial:
    kept = kept_for_every_step(program)
    total = Polynomial()
    for var in program.variables().values():
        if var.role in STORED and var.name not in program.overwrites:
            in_all_steps = var.timed and var.name in kept
            total += Polynomial.product(1, ("T", *var.shape) if in_all_steps else var.shape)
            if in_all_steps and var.boundary is not None:
                total += Polynomial.product(1, var.shape)
    return total
