"""Linear form of backward loops: each adjoint is a sum of others, times known matrices."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction

from gru_codegen.ir import (
    INTERMEDIATE,
    Call,
    Const,
    Expr,
    Now,
    Origin,
    Ref,
    Statement,
    Var,
    parts,
    reads,
)

__all__ = ["Linear", "LinearBody"]

#: How many operations and operands the factor may have of an adjoint that is passed over: each of
#: its readers has them among its own.
_LARGEST_FACTOR = 16
_ZERO, _ONE, _MINUS = (Const(Fraction(number)) for number in (0, 1, -1))


@dataclass
class Linear:
    """Sum of adjoints, each times its factor in `known`, and of other terms."""

    known: dict[Ref, Expr] = field(default_factory=dict)
    rest: list[Expr] = field(default_factory=list)

    def plus(self, other: Linear) -> Linear:
        known = dict(self.known)
        for ref, factor in other.known.items():
            known[ref] = _plus(known[ref], factor) if ref in known else factor
        return Linear(known, [*self.rest, *other.rest])

    def times(self, factor: Expr) -> Linear:
        return Linear(
            {ref: _times(known, factor) for ref, known in self.known.items()},
            [_times(part, factor) for part in self.rest],
        )


def _plus(left: Expr, right: Expr) -> Expr:
    """The sum of two factors, constants folded."""
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(left.value + right.value)
    if _ZERO in (left, right):
        return right if left == _ZERO else left
    return Call("add", (left, right))


def _times(left: Expr, right: Expr) -> Expr:
    """The product of two factors, constants folded."""
    if isinstance(left, Const) and isinstance(right, Const):
        return Const(left.value * right.value)
    if _ZERO in (left, right):
        return _ZERO
    if _ONE in (left, right):
        return right if left == _ONE else left
    return Call("multiply", (left, right))


class LinearBody:
    """Statements of a backward step as linear forms.

    Attributes
    ----------
    computed: their targets.
    passed_over: adjoints that are substituted into their readers. Each is one other adjoint, times
        a known factor of bounded size. It is read elementwise at its own step alone, and the other
        adjoint is not written in between.
    """

    def __init__(self, body: tuple[Statement, ...], kept: set[str]) -> None:
        self.kept = kept
        self.computed = {statement.target.var for statement in body}
        self._origins = {statement.target.var: statement.origin for statement in body}
        self.passed_over: dict[Var, Expr] = {}
        self.passed_over = dict(self._links(body))

    def of(self, statement: Statement) -> Linear | None:
        """Linear form of `statement`; None if it accumulates or serves an optional argument."""
        if statement.accumulate or statement.given:
            return None
        return self._linear(statement.value)

    def origin(self, statement: Statement) -> Origin:
        """Origin of `statement`, united with those of the adjoints substituted into it."""
        origins = list(self._passed_over(statement.value))
        return INTERMEDIATE.united(*origins, statement.origin)

    def _passed_over(self, value: Expr) -> Iterator[Origin]:
        """Origins of the adjoints that are substituted into `value`."""
        for var in dict.fromkeys(ref.var for ref in reads(value)):
            if var in self.passed_over:
                yield from self._passed_over(self.passed_over[var])
                yield self._origins[var]

    def _links(self, body: tuple[Statement, ...]) -> Iterator[tuple[Var, Expr]]:
        """Adjoints that are one other adjoint, times a known factor, with their values."""
        sizes: dict[Var, int] = {}
        writers = Counter(statement.target.var for statement in body)
        for index, statement in enumerate(body):
            var = statement.target.var
            plain = writers[var] == 1 and not statement.accumulate and not statement.given
            local = statement.target.when == Now() and var.boundary is None
            if plain and local and var.name not in self.kept and self._is_read_here(var, body):
                linear = self._linear(statement.value)
                lasts = not self._is_changed(statement.value, body[index:])
                if linear is not None and len(linear.known) == 1 and not linear.rest and lasts:
                    ((adjoint, factor),) = linear.known.items()
                    size = sizes.get(adjoint.var, 0) + sum(1 for _ in parts(factor))
                    if size <= _LARGEST_FACTOR:
                        sizes[var] = size
                        yield var, statement.value

    def _is_changed(self, value: Expr, body: tuple[Statement, ...]) -> bool:
        """Return whether a statement of `body` writes an operand of `value` at its own step."""
        own = {ref.var for ref in reads(value) if ref.when == Now()}
        return any(statement.target.var in own for statement in body)

    def _is_read_here(self, var: Var, body: tuple[Statement, ...]) -> bool:
        """Return whether `var` is read at its own step alone, and elementwise there."""
        for statement in body:
            uses = [ref for ref in reads(statement.value) if ref.var == var]
            if not uses:
                continue
            linear = self._linear(statement.value)
            elementwise = linear is not None and not any(
                ref.var == var for part in linear.rest for ref in reads(part)
            )
            if statement.given or statement.accumulate or not elementwise:
                return False
            if any(ref.when != Now() for ref in uses):
                return False
        return True

    def _linear(self, value: Expr) -> Linear | None:
        """Linear form of `value` in the adjoints of this loop; None if it has none."""
        if isinstance(value, Ref) and value.var in self.passed_over:
            return self._linear(self.passed_over[value.var])
        if isinstance(value, Ref) and value.var in self.computed:
            return Linear({value: _ONE})
        if not self._reads_adjoints(value) and not isinstance(value, Const):
            return Linear(rest=[value]) if self._is_given_adjoint(value) else None
        if not isinstance(value, Call):
            return None
        match value.operation:
            case "add" | "subtract":
                left, right = map(self._linear, value.args)
                if left is None or right is None:
                    return None
                return left.plus(right if value.operation == "add" else right.times(_MINUS))
            case "negate":
                inner = self._linear(value.args[0])
                return inner and inner.times(_MINUS)
            case "multiply":
                first, second = value.args
                if self._reads_adjoints(first) and self._reads_adjoints(second):
                    return None
                linear, known = (first, second) if self._reads_adjoints(first) else (second, first)
                inner = self._linear(linear)
                return inner and inner.times(known)
        return Linear(rest=[value])

    def _reads_adjoints(self, value: Expr) -> bool:
        return any(ref.var in self.computed for ref in reads(value))

    def _is_given_adjoint(self, value: Expr) -> bool:
        """Return whether `value` is the adjoint of the outputs, which the loss gives."""
        return isinstance(value, Ref) and value.var.role == "adjoint"
