"""Strength reduction of backward loops: products of adjoints as chains with common prefixes.

``dS o Z o (1 - CA o CA)`` and ``dS o Z`` and ``dS o (1 - Z)`` take five operations as dS o Z,
dS o Z o CA, then dS o Z - (dS o Z o CA) o CA and dS - dS o Z. With that rest,
``dS o Z o (1 - Z) o (CA - S_prev)`` takes two more: S = S_prev + Z o (CA - S_prev), so it is
the rest o (S - S_prev).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import reduce

from gru_codegen.ir import (
    Call,
    Const,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    kept_for_every_step,
    reads,
    shape_of,
    statements,
)
from gru_codegen.passes.adjoints.chains import (
    Chains,
    Product,
    Rest,
    Sum,
    contains,
    sums,
    times,
    without,
)
from gru_codegen.passes.adjoints.linear import LinearBody
from gru_codegen.passes.adjoints.recomputation import Recalled, stored, without_recomputation
from gru_codegen.passes.support.algebra import factors_of, passes_taken
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["chain_products"]

_ZERO = Const(Fraction(0))
#: How many pairs of products the search may compare; then it ends with what it has found.
_MOST_COMPARED = 30_000


def chain_products(program: Program) -> Program:
    """Compute the adjoints of backward loops by chains of products, if that is cheaper.

    A factor 1 - Z is multiplied out, so that its product serves other adjoints as well; or its rest
    dS - dS o Z is computed once, if that takes fewer steps still. Products of the forward pass are
    read again, unless more variables would have to be kept for that.
    """
    names_in_use = names_in(program)
    recalled = list(without_recomputation(program, names_in_use))
    for phase_number, phase in enumerate(program.phases):
        for block_number, block in enumerate(phase.blocks):
            if isinstance(block, Loop) and block.direction == "reverse":
                program = _Search(
                    program, phase_number, block_number, block, recalled, names_in_use
                ).program()
    return program


def _passes(body: tuple[Statement, ...]) -> int:
    """Number of passes over a matrix that `body` takes."""
    return sum(passes_taken(statement.value)[0] for statement in body)


@dataclass
class _Plan:
    """One way to compute a backward step."""

    sums: list[Sum]
    rests: dict[Ref, Rest] = field(default_factory=dict)
    kept: list[Recalled] = field(default_factory=list)
    body: tuple[Statement, ...] = ()
    names_in_use: set[str] = field(default_factory=set)


class _Search:
    """Greedy search: apply the change that saves the most passes, until none saves any.

    compared: the number of pairs of products compared so far, which bounds the effort.
    """

    def __init__(
        self,
        program: Program,
        phase_number: int,
        block_number: int,
        loop: Loop,
        recalled: list[Recalled],
        names_in_use: set[str],
    ) -> None:
        self.before, self.loop = program, loop
        self.phase_number, self.block_number = phase_number, block_number
        self.recalled, self.names_in_use = recalled, names_in_use
        self.statements = tuple(statements(loop.body))
        kept = kept_for_every_step(program)
        self.most_kept = len(kept)
        self.linear = LinearBody(self.statements, kept)
        self.compared = 0

    @property
    def is_over(self) -> bool:
        """Return whether the effort is spent."""
        return self.compared > _MOST_COMPARED

    def program(self) -> Program:
        first = _Plan(sums(self.statements, self.linear))
        if len(_products(first)) ** 2 > _MOST_COMPARED:
            return self.before
        best = self._computed(first)
        while True:
            plans = [self._computed(plan) for plan in self._further(best)]
            fewer = [p for p in plans if _passes(p.body) < _passes(best.body)]
            fewer.sort(key=lambda plan: _passes(plan.body))
            better = next((plan for plan in fewer if self._fits(plan)), None)
            if better is None:
                break
            best = better
        if _passes(best.body) >= _passes(self.statements):
            return self.before
        self.names_in_use |= best.names_in_use
        return self._with(best)

    def _computed(self, plan: _Plan) -> _Plan:
        self.compared += len(_products(plan)) ** 2
        names_in_use = set(self.names_in_use)
        roots = self.linear.computed | {ref.var for ref in plan.rests}
        body = tuple(Chains(plan.sums, roots, plan.rests, names_in_use).body())
        return replace(plan, body=body, names_in_use=names_in_use)

    def _with(self, plan: _Plan) -> Program:
        phases = list(self.before.phases)
        blocks = list(phases[self.phase_number].blocks)
        blocks[self.block_number] = replace(self.loop, body=plan.body)
        phases[self.phase_number] = replace(phases[self.phase_number], blocks=tuple(blocks))
        return stored(replace(self.before, phases=tuple(phases)), plan.kept)

    def _fits(self, plan: _Plan) -> bool:
        """Return whether `plan` keeps no more variables for every step than the program did."""
        return len(kept_for_every_step(self._with(plan))) <= self.most_kept

    # --- changes ----------------------------------------------------------------------------

    def _further(self, plan: _Plan) -> Iterator[_Plan]:
        """Plans one change beyond `plan`: a rest, a recalled product, or one of each."""
        yield from self._recalling(plan, None)
        for rest in self._candidates(plan):
            if self.is_over:
                return
            with_rest, ref = self._with_rest(plan, rest)
            yield with_rest
            yield from self._recalling(with_rest, ref)

    def _root(self, plan: _Plan, product: Product) -> Ref:
        roots = self.linear.computed | {ref.var for ref in plan.rests}
        (root,) = (f for f, _ in product if isinstance(f, Ref) and f.var in roots)
        return root

    def _candidates(self, plan: _Plan) -> Iterator[Rest]:
        """Rests of products that some sum contains times 1 - a factor, from the root or whole."""
        candidates: dict[Rest, None] = {}
        for each in plan.sums:
            coefficients = {product: coefficient for coefficient, product in each.products}
            for product, coefficient in coefficients.items():
                for longer, opposite in coefficients.items():
                    if coefficient == -opposite and contains(longer, product):
                        missing = without(longer, product)
                        if len(missing) == 1:
                            root = frozenset({(self._root(plan, product), 1)})
                            candidates[Rest(root, missing[0])] = None
                            candidates[Rest(product, missing[0])] = None
        yield from (rest for rest in candidates if rest not in plan.rests.values())

    def _with_rest(self, plan: _Plan, rest: Rest) -> tuple[_Plan, Ref]:
        root = self._root(plan, rest.product)
        factors = (root, *without(rest.product, frozenset({(root, 1)})))
        names = dict.fromkeys(ref.var.name for factor in factors for ref in reads(factor))
        name = fresh(
            f"{'_'.join(names)}_rest", self.names_in_use | {ref.var.name for ref in plan.rests}
        )
        meaning = "the rest of an adjoint, which several adjoints read"
        shape = shape_of(reduce(lambda a, b: Call("multiply", (a, b)), (*factors, rest.factor)))
        ref = Ref(Var(name, shape, "adjoint", True, meaning=meaning), Now())
        changed = [replace(each, products=_rested(each, rest, ref)) for each in plan.sums]
        return replace(plan, sums=changed, rests={**plan.rests, ref: rest}), ref

    def _recalling(self, plan: _Plan, only: Ref | None) -> Iterator[_Plan]:
        """Plans that read a product of the forward pass again, in all products of one root."""
        products = _products(plan)
        roots = dict.fromkeys(self._root(plan, product) for product in products)
        for root in roots if only is None else [only]:
            for each in self.recalled:
                self.compared += len(products)
                if self.is_over:
                    return
                if each.ended is None or self._is_zero(plan, root, each.ended):
                    changed = [_with_recalled(s, root, each) for s in plan.sums]
                    if changed != plan.sums:
                        newly_kept = [each] if each.stored and each not in plan.kept else []
                        yield replace(plan, sums=changed, kept=[*plan.kept, *newly_kept])

    def _is_zero(self, plan: _Plan, root: Ref, ended: Expr) -> bool:
        """Return whether `root` is made 0 at `ended` before any product of it is computed."""
        own = root
        while own in plan.rests:
            own = self._root(plan, plan.rests[own].product)
        zero = Call("select", (ended, _ZERO, own))
        writers = [i for i, s in enumerate(plan.sums) if s.statement.target.var == own.var]
        last = plan.sums[writers[-1]].statement if writers else None
        first = (i for i, s in enumerate(plan.sums) if any((root, 1) in p for _, p in s.products))
        made_zero = last is not None and last.given and last.value == zero and last.target == own
        return bool(made_zero) and min(first, default=0) > writers[-1]


def _products(plan: _Plan) -> list[Product]:
    """All products of all sums."""
    return [product for each in plan.sums for _, product in each.products]


def _rested(each: Sum, rest: Rest, ref: Ref) -> list[tuple[Fraction, Product]]:
    """Products of a sum, with `ref` for each pair whose difference is a multiple of `rest`."""
    coefficients = {product: coefficient for coefficient, product in each.products}
    rested: list[tuple[Fraction, Product]] = []
    for product in sorted(coefficients, key=lambda product: sum(count for _, count in product)):
        opposite = times(product, rest.factor)
        coefficient = coefficients.get(product)
        if coefficient is None or not contains(product, rest.product):
            continue
        if coefficients.get(opposite) == -coefficient:
            del coefficients[product], coefficients[opposite]
            also = without(product, rest.product)
            rested.append((coefficient, times(frozenset({(ref, 1)}), *also)))
    return [*rested, *((coefficient, product) for product, coefficient in coefficients.items())]


def _with_recalled(each: Sum, root: Ref, fact: Recalled) -> Sum:
    part = times(frozenset({(root, 1)}), *factors_of(fact.product))
    products = [
        (c, times(frozenset({(root, 1)}), fact.value, *without(product, part)))
        if contains(product, part)
        else (c, product)
        for c, product in each.products
    ]
    return each if products == each.products else replace(each, products=products)
