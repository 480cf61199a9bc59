"""Collection of local derivatives: one factor for each pair of adjoints, before the loop.

Expects backward loops whose adjoints are sums of others, times forward values: they are linear.
Leaves each adjoint as such a sum with one factor a term; an adjoint that only hands on another,
elementwise, is substituted into its readers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from gru_codegen.ir import (
    Call,
    Expr,
    Loop,
    Now,
    Program,
    Ref,
    Statement,
    Var,
    kept_for_every_step,
    parts,
    shape_of,
    statements,
)
from gru_codegen.passes.adjoints.linear import LinearBody
from gru_codegen.passes.support.algebra import expanded, factored, improved
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["collect_all_local_derivatives", "collect_local_derivatives"]


def collect_local_derivatives(program: Program) -> Program:
    """Collect the factors of every adjoint that a backward loop computes.

    A factor is named as a derivative of one variable with respect to another: ``S_by_aZ``. It reads
    nothing that the loop computes.
    """
    return _collect(program, every_factor=False)


def collect_all_local_derivatives(program: Program) -> Program:
    """Collect factors as above, and copy those that are one variable.

    Neighbours can then be given to the copy.
    """
    return _collect(program, every_factor=True)


def _collect(program: Program, every_factor: bool) -> Program:
    names_in_use = names_in(program)
    kept = kept_for_every_step(program)

    def change(loop: Loop) -> Iterator[Loop]:
        backward = loop.direction == "reverse"
        yield _Collector(loop, names_in_use, kept, every_factor).loop() if backward else loop

    return program.with_loops(change)


@dataclass
class _Collector:
    loop_before: Loop
    names_in_use: set[str]
    kept: set[str]
    every_factor: bool

    def loop(self) -> Loop:
        body = tuple(statements(self.loop_before.body))
        self.linear = LinearBody(body, self.kept)
        self.factors: set[str] = set()
        changed: list[Statement] = []
        for statement in body:
            if statement.target.var not in self.linear.passed_over:
                changed += self._collected(statement)
        factors = [s for s in changed if s.target.var.name in self.factors]
        factors.sort(key=lambda statement: len(list(parts(statement.value))))
        others = [s for s in changed if s.target.var.name not in self.factors]
        return replace(self.loop_before, body=(*factors, *others))

    def _collected(self, statement: Statement) -> Iterator[Statement]:
        """Definitions of the factors of `statement`, then the statement in terms of them."""
        linear = self.linear.of(statement)
        if linear is None:
            yield statement
            return
        terms = []
        for adjoint, known in linear.known.items():
            known = improved(known)
            # A number is no factor of its own: elements that are exact have to stay so.
            named = isinstance(known, Call) and known.operation != "rows" and shape_of(known) != ()
            if named or (self.every_factor and isinstance(known, Ref) and known.var.timed):
                factor = self._factor(statement.target.var, adjoint, known)
                yield factor
                known = factor.target
            terms += expanded(Call("multiply", (adjoint, known)))
        terms += [term for part in linear.rest for term in expanded(part)]
        value = factored(terms)
        if value != statement.value:
            origin = self.linear.origin(statement)
            statement = replace(statement, value=value, origin=origin)
        yield statement

    def _factor(self, target: Var, adjoint: Ref, value: Expr) -> Statement:
        above, below = (var.adjoint_of or var.name for var in (adjoint.var, target))
        stem = f"{above}_by_{below}"
        name = fresh(stem, self.names_in_use)
        self.factors.add(name)
        meaning = f"derivative of {above} with respect to {below}"
        ref = Ref(Var(name, shape_of(value), "value", True, meaning=meaning), Now())
        return Statement(ref, value)
