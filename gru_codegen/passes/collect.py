"""What multiplies an adjoint is collected into one factor, known before the backward loop begins.

A backward loop is linear in what it computes: each adjoint is a sum of others, times matrices that
the forward pass knows. Those that hand on a single other one elementwise are passed over.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from gru_codegen.ir import (
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
from gru_codegen.passes.algebra import expanded, factored, improved
from gru_codegen.passes.naming import fresh
from gru_codegen.passes.wording import equation

__all__ = ["collect", "collect_all"]


def collect(program: Program) -> Program:
    """Collect the factors of every adjoint that a loop last to first computes.

    A factor is called by what it is, the derivative of one variable with respect to another:
    ``S_by_aZ``. It reads nothing that the loop computes.
    """
    return _collect(program, every_factor=False)


def collect_all(program: Program) -> Program:
    """The same, and a factor that is there already gets a copy that neighbours can be given to."""
    return _collect(program, every_factor=True)


def _collect(program: Program, every_factor: bool) -> Program:
    taken = set(program.variables())
    kept = kept_for_every_step(program)

    def change(block: Block) -> Block:
        if isinstance(block, Loop) and block.direction == "reverse":
            return _Collector(block, taken, kept, every_factor).loop()
        return block

    return program.with_blocks(lambda phase: tuple(map(change, phase.blocks)))


@dataclass
class _Collector:
    loop_before: Loop
    taken: set[str]
    kept: set[str]
    every_factor: bool

    def loop(self) -> Loop:
        body = tuple(statements(self.loop_before.body))
        self.computed = {statement.target.var for statement in body}
        self.passed_over: dict[Var, Expr] = {}
        self.passed_over = dict(self._links(body))
        self.factors: set[str] = set()
        changed: list[Statement] = []
        for statement in body:
            if statement.target.var in self.passed_over:
                continue
            changed += self._collected(statement)
        factors = [s for s in changed if s.target.var.name in self.factors]
        factors.sort(key=lambda statement: len(list(parts(statement.value))))
        others = [s for s in changed if s.target.var.name not in self.factors]
        return replace(self.loop_before, body=(*factors, *others))

    def _links(self, body: tuple[Statement, ...]) -> Iterator[tuple[Var, Expr]]:
        """The adjoints that are one other adjoint, times what is known."""
        writers = Counter(statement.target.var for statement in body)
        for statement in body:
            var = statement.target.var
            plain = writers[var] == 1 and not statement.accumulate and not statement.given
            here = statement.target.when == Now() and var.boundary is None
            if plain and here and var.name not in self.kept and self._is_read_here(var, body):
                linear = self._linear(statement.value)
                if linear is not None and len(linear.known) == 1 and not linear.rest:
                    yield var, statement.value

    def _is_read_here(self, var: Var, body: tuple[Statement, ...]) -> bool:
        """Whether it is read at its own step alone, and elementwise there."""
        for statement in body:
            those = [ref for ref in reads(statement.value) if ref.var == var]
            if not those:
                continue
            linear = self._linear(statement.value)
            elementwise = linear is not None and not any(
                ref.var == var for part in linear.rest for ref in reads(part)
            )
            if statement.given or statement.accumulate or not elementwise:
                return False
            if any(ref.when != Now() for ref in those):
                return False
        return True

    def _linear(self, value: Expr) -> _Linear | None:
        """`value` as a sum of adjoints of this loop, times what is known; None if it is not."""
        if isinstance(value, Ref) and value.var in self.passed_over:
            return self._linear(self.passed_over[value.var])
        if isinstance(value, Ref) and value.var in self.computed:
            return _Linear({value: _ONE})
        if not self._reads_adjoints(value) and not isinstance(value, Const):
            return _Linear(rest=[value]) if self._is_given_adjoint(value) else None
        if not isinstance(value, Call):
            return None
        match value.operation:
            case "add" | "subtract":
                left, right = map(self._linear, value.args)
                if left is None or right is None:
                    return None
                return left.plus(right if value.operation == "add" else right.times(_MINUS))
            case "negate":
                found = self._linear(value.args[0])
                return found and found.times(_MINUS)
            case "multiply":
                first, second = value.args
                if self._reads_adjoints(first) and self._reads_adjoints(second):
                    return None
                linear, known = (first, second) if self._reads_adjoints(first) else (second, first)
                found = self._linear(linear)
                return found and found.times(known)
        return _Linear(rest=[value])

    def _reads_adjoints(self, value: Expr) -> bool:
        return any(ref.var in self.computed for ref in reads(value))

    def _is_given_adjoint(self, value: Expr) -> bool:
        """Whether it is the adjoint of the outputs, which comes from the loss."""
        return isinstance(value, Ref) and value.var.role == "adjoint"

    def _collected(self, statement: Statement) -> Iterator[Statement]:
        """`statement` with the factors that it needs, computed before it."""
        linear = None if statement.accumulate or statement.given else self._linear(statement.value)
        if linear is None:
            yield statement
            return
        terms = []
        for adjoint, known in linear.known.items():
            known = improved(known)
            named = isinstance(known, Call) and known.operation != "rows"
            if named or (self.every_factor and isinstance(known, Ref) and known.var.timed):
                factor = self._factor(statement.target.var, adjoint, known)
                yield factor
                known = factor.target
            terms += expanded(Call("multiply", (adjoint, known)))
        terms += [term for part in linear.rest for term in expanded(part)]
        value = factored(terms)
        if value != statement.value:
            origin = replace(statement.origin, equation=equation(statement.target, value))
            statement = replace(statement, value=value, origin=origin)
        yield statement

    def _factor(self, target: Var, adjoint: Ref, value: Expr) -> Statement:
        above, below = adjoint.var.name.removeprefix("d"), target.name.removeprefix("d")
        stem = f"{above}_by_{below}"
        name = fresh(stem, self.taken)
        self.factors.add(name)
        meaning = f"derivative of {above} with respect to {below}"
        ref = Ref(Var(name, target.shape, "value", True, meaning=meaning), Now())
        return Statement(ref, value, Origin(equation(ref, value), meaning))


@dataclass
class _Linear:
    """A sum of adjoints, each times what is `known`, and of terms that are no such products."""

    known: dict[Ref, Expr] = field(default_factory=dict)
    rest: list[Expr] = field(default_factory=list)

    def plus(self, other: _Linear) -> _Linear:
        known = dict(self.known)
        for ref, factor in other.known.items():
            known[ref] = Call("add", (known[ref], factor)) if ref in known else factor
        return _Linear(known, [*self.rest, *other.rest])

    def times(self, factor: Expr) -> _Linear:
        def multiplied(by: Expr) -> Expr:
            return factor if by == _ONE else Call("multiply", (by, factor))

        return _Linear(
            {ref: multiplied(known) for ref, known in self.known.items()},
            [multiplied(part) for part in self.rest],
        )


_ONE, _MINUS = Const(Fraction(1)), Const(Fraction(-1))
