"""Products of adjoints are computed as chains, each link from the one before it.

``dS o Z o (1 - CA o CA)`` and ``dS o Z`` and ``dS o (1 - Z)`` take five operations as dS o Z,
dS o Z o CA, then dS o Z - (dS o Z o CA) o CA and dS - dS o Z.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from gru_codegen.ir import (
    OPERATIONS,
    Block,
    Call,
    Const,
    Expr,
    Loop,
    Now,
    Origin,
    Program,
    Ref,
    Statement,
    Var,
    kept_for_every_step,
    parts,
    reads,
    statements,
)
from gru_codegen.passes.algebra import Term, summed
from gru_codegen.passes.linear import LinearBody
from gru_codegen.passes.naming import fresh
from gru_codegen.passes.wording import equation

__all__ = ["telescope"]

#: A product: an adjoint and what it is multiplied by, in any order.
_Product = frozenset[tuple[Expr, int]]


def telescope(program: Program) -> Program:
    """Compute the adjoints of backward loops by chains of products, where that takes fewer steps.

    A factor 1 - Z is multiplied out, so that what it multiplies serves other adjoints as well.
    """
    taken = set(program.variables())
    kept = kept_for_every_step(program)

    def change(block: Block) -> Block:
        if not (isinstance(block, Loop) and block.direction == "reverse"):
            return block
        body = tuple(statements(block.body))
        changed = tuple(_Chains(body, kept, taken).body())
        return replace(block, body=changed) if _passes(changed) < _passes(body) else block

    return program.with_blocks(lambda phase: tuple(map(change, phase.blocks)))


def _passes(body: tuple[Statement, ...]) -> int:
    """How many times a matrix is gone over."""
    calls = [p for s in body for p in parts(s.value) if isinstance(p, Call)]
    return sum(OPERATIONS[call.operation].elementwise for call in calls)


@dataclass
class _Sum:
    """What becomes of one statement: products with their coefficients, and the rest."""

    statement: Statement
    products: list[tuple[Fraction, _Product]] = field(default_factory=list)
    rest: list[Expr] = field(default_factory=list)


class _Chains:
    def __init__(self, body: tuple[Statement, ...], kept: set[str], taken: set[str]) -> None:
        self.taken = taken
        self.linear = LinearBody(body, kept)
        self.sums = [
            self._sum(statement)
            for statement in body
            if statement.target.var not in self.linear.passed_over
        ]
        self.wanted = [product for each in self.sums for _, product in each.products]
        self.parent: dict[_Product, tuple[_Product, Expr]] = {}
        for product in sorted(set(self.wanted), key=self._order):
            self._link(product)

    def _sum(self, statement: Statement) -> _Sum:
        linear = self.linear.of(statement)
        if linear is None:
            return _Sum(statement, rest=[statement.value])
        found: dict[_Product, Fraction] = {}
        for adjoint, known in linear.known.items():
            for coefficient, factors in _multiplied_out(known):
                product = frozenset(Counter((adjoint, *factors)).items())
                found[product] = found.get(product, Fraction(0)) + coefficient
        products = [(coefficient, product) for product, coefficient in found.items() if coefficient]
        return _Sum(statement, products, linear.rest)

    # --- chains -----------------------------------------------------------------------------

    def _order(self, product: _Product) -> tuple[int, int]:
        """Short ones first, in the order in which they are wanted."""
        return _length(product), self.wanted.index(product)

    def _link(self, product: _Product) -> None:
        """Give `product` a chain from the longest one that it begins with."""
        known = [p for p in self.parent if _missing(p, product) is not None]
        (adjoint,) = (f for f, _ in product if self._is_adjoint(f))
        here: _Product = max(known, key=_length, default=frozenset({(adjoint, 1)}))
        while (missing := _missing(here, product)) is not None and missing:
            factor = max(missing, key=lambda f: self._use(here, f))
            longer = frozenset((Counter(dict(here)) + Counter([factor])).items())
            self.parent[longer] = (here, factor)
            here = longer

    def _is_adjoint(self, factor: Expr) -> bool:
        return isinstance(factor, Ref) and factor.var in self.linear.computed

    def _use(self, here: _Product, factor: Expr) -> int:
        """How many products go on from `here` with `factor`."""
        longer = frozenset((Counter(dict(here)) + Counter([factor])).items())
        return sum(_missing(longer, product) is not None for product in self.wanted)

    # --- statements -------------------------------------------------------------------------

    def body(self) -> Iterator[Statement]:
        """The statements, with a link before the first that reads it."""
        uses = Counter(self.wanted)
        uses.update(before for before, _ in self.parent.values())
        made: dict[_Product, Expr] = {}
        for each in self.sums:
            if not each.products:
                yield each.statement
                made = _lasting(made, each.statement)
                continue
            terms = []
            for coefficient, product in each.products:
                yield from self._made(product, made, uses)
                terms.append(Term(coefficient, (made[product],)))
            value = summed([*terms, *(Term(Fraction(1), (part,)) for part in each.rest)])
            statement = each.statement
            if value != statement.value:
                origin = replace(statement.origin, equation=equation(statement.target, value))
                statement = replace(statement, value=value, origin=origin)
            yield statement
            made = _lasting(made, statement)

    def _made(
        self, product: _Product, made: dict[_Product, Expr], uses: Counter[_Product]
    ) -> Iterator[Statement]:
        """What computes `product`, if nothing has: a variable if it is read more than once."""
        if product in made:
            return
        if product not in self.parent:
            ((adjoint, _),) = product
            made[product] = adjoint
            return
        before, factor = self.parent[product]
        yield from self._made(before, made, uses)
        value = Call("multiply", (made[before], factor))
        if uses[product] < 2:
            made[product] = value
            return
        stem = "_".join(dict.fromkeys(ref.var.name for ref in reads(value)))
        shape = next(iter(reads(value))).var.shape
        meaning = "a product that several adjoints read"
        var = Var(fresh(stem, self.taken), shape, "adjoint", True, meaning=meaning)
        made[product] = target = Ref(var, Now())
        yield Statement(target, value, Origin(equation(target, value), meaning))


def _multiplied_out(expression: Expr) -> Iterator[tuple[Fraction, tuple[Expr, ...]]]:
    """Terms of `expression`; only a sum with a number is multiplied out, another is one factor."""
    if isinstance(expression, Const):
        yield expression.value, ()
        return
    if isinstance(expression, Call):
        numbers = any(isinstance(argument, Const) for argument in expression.args)
        match expression.operation:
            case "multiply":
                left, right = (list(_multiplied_out(argument)) for argument in expression.args)
                for a, some in left:
                    yield from ((a * b, (*some, *others)) for b, others in right)
                return
            case "negate":
                yield from ((-a, some) for a, some in _multiplied_out(expression.args[0]))
                return
            case "add" | "subtract" if numbers:
                sign = 1 if expression.operation == "add" else -1
                yield from _multiplied_out(expression.args[0])
                yield from ((sign * a, some) for a, some in _multiplied_out(expression.args[1]))
                return
    yield Fraction(1), (expression,)


def _lasting(made: dict[_Product, Expr], statement: Statement) -> dict[_Product, Expr]:
    """The products that are what they were once `statement` has been run."""
    target = statement.target
    return {
        product: value
        for product, value in made.items()
        if not any(target in reads(factor) for factor, _ in product)
    }


def _length(product: _Product) -> int:
    return sum(count for _, count in product)


def _missing(part: _Product, product: _Product) -> list[Expr] | None:
    """What `part` lacks of `product`, in a fixed order; None if it is no part of it."""
    have, want = Counter(dict(part)), Counter(dict(product))
    if have - want:
        return None
    return sorted((want - have).elements(), key=str)
