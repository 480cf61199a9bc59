"""Adjoints of the errors of single steps: those of a backward loop with an axis of errors in front.

The error of step k is L_k, its part of the loss. The adjoint equations are linear and hold for the
errors of each step alone, so a statement of the backward loop computes them all at once, if the
matrices that reach its step stand one behind the other: that of its own error first, then those of
later steps, which the carries bring.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import Enum
from fractions import Fraction
from functools import reduce

from gru_codegen.emit.numpy.expressions import Numpy
from gru_codegen.errors import ProgramError
from gru_codegen.ir import OPERATIONS, Call, Const, Expr, Now, Ref, Statement, Var, refs, rewrite
from gru_codegen.ir.precedence import ATOM, PRODUCT, SUM, TIGHT, Form, call
from gru_codegen.plan.extents import FULL, extent

__all__ = ["AlongErrors", "Errors", "Reach"]

#: Joins the matrix of a step's own error and those of later ones; no operation of programs.
JOIN = "join"
#: Gives the matrix of a step's own error an axis of that error alone.
FIRST = "first"
#: Operations that are not elementwise: pattern, how tightly it binds, how tightly operands have to.
_PATTERNS = {
    "matmul": ("{} @ {}", PRODUCT, TIGHT),
    "contract": ("{} @ {}", PRODUCT, ATOM),
    "row_sum": ("{}.sum(axis=-1, keepdims=True)", ATOM, ATOM),
    "column_sum": ("{}.sum(axis=1)", ATOM, ATOM),
}


class Reach(Enum):
    """The errors that an adjoint has matrices of.

    OWN: that of its step alone, without an axis. LATER: those of later steps. ALL: both.
    """

    OWN = "own"
    LATER = "later"
    ALL = "all"


class Errors:
    """The errors that each adjoint of a backward loop has, and its values along them.

    body: the statements of the loop. carries: the adjoints that a step passes on to the one before.
    """

    def __init__(self, body: Iterable[Statement], carries: Collection[Var]) -> None:
        self.carries = carries
        self.computed: dict[str, Reach] = {}
        for statement in body:
            target, found = statement.target.var, self.reaches(statement.value)
            if target in carries or found - {Reach.OWN}:
                self.computed[target.name] = Reach.ALL
            elif found:
                self.computed.setdefault(target.name, Reach.OWN)

    def reaches(self, expression: Expr) -> set[Reach]:
        """The errors that each adjoint in `expression` has matrices of."""
        return {reach for ref in refs(expression) if (reach := self._reach(ref)) is not None}

    def _reach(self, ref: Ref) -> Reach | None:
        if ref.var in self.carries and ref.when == Now(1):
            return Reach.LATER
        given = Reach.OWN if ref.var.role == "adjoint" else None
        return self.computed.get(ref.var.name, given)

    def has_axis(self, expression: Expr) -> bool:
        """True if `expression` has a matrix for each of several errors."""
        joined = isinstance(expression, Call) and expression.operation == JOIN
        return joined or bool(self.reaches(expression) & {Reach.LATER, Reach.ALL})

    def along(self, expression: Expr) -> Expr:
        """`expression` for all errors, what is for some of them alone joined with the others.

        One that has its own error alone stays as it is, without an axis.
        """
        found = self.reaches(expression)
        if found <= {Reach.ALL} or found == {Reach.OWN}:
            return expression
        if found == {Reach.LATER}:
            return self.joined((), (expression,))
        assert isinstance(expression, Call)  # it reads several
        if expression.operation in ("add", "subtract"):
            return self._sum(expression)
        return Call(expression.operation, tuple(map(self.complete, expression.args)))

    def terms(self, gradient: Expr) -> Expr:
        """The terms of a gradient at one step, for all the errors that have any there."""
        along = self.along(gradient)
        return Call(FIRST, (along,)) if self.reaches(along) == {Reach.OWN} else along

    def complete(self, expression: Expr) -> Expr:
        """The same, with an axis too where it is for its own error alone."""
        along = self.along(expression)
        return self.joined((along,), ()) if self.reaches(along) == {Reach.OWN} else along

    def _sum(self, expression: Call) -> Expr:
        """A sum, the terms of its own error above those of later ones."""
        own, later, others = [], [], []
        for term in _terms(expression):
            found = self.reaches(term)
            if found == {Reach.OWN}:
                own.append(term)
            elif found == {Reach.LATER}:
                later.append(term)
            else:
                others.append(self.along(term))
        if own or later:
            others.append(self.joined(own, later))
        return _total(others)

    def joined(self, own: Iterable[Expr], later: Iterable[Expr]) -> Call:
        """The sums of both, one above the other; a number where there is none."""
        return Call(JOIN, (_total(own), _total(later)))


def _terms(expression: Expr) -> list[Expr]:
    match expression:
        case Call("add", (left, right)):
            return [*_terms(left), *_terms(right)]
        case Call("subtract", (left, right)):
            return [*_terms(left), *map(_negated, _terms(right))]
    return [expression]


def _negated(term: Expr) -> Expr:
    match term:
        case Call("negate", (argument,)):
            return argument
    return Call("negate", (term,))


def _total(terms: Iterable[Expr]) -> Expr:
    def plus(total: Expr, term: Expr) -> Expr:
        match term:
            case Call("negate", (argument,)):
                return Call("subtract", (total, argument))
        return Call("add", (total, term))

    terms = list(terms)
    return reduce(plus, terms) if terms else Const(Fraction(0))


@dataclass(frozen=True)
class AlongErrors(Numpy):
    """The notation of expressions in which adjoints have an axis of errors."""

    errors: Errors = field(kw_only=True)

    def __call__(self, expression: Expr) -> Form:
        if isinstance(expression, Call):
            if expression.operation == JOIN:
                return self._joined(*expression.args)
            if expression.operation == FIRST:
                return Form("{}[None]", ATOM, ((expression.args[0], ATOM),))
            if any(map(self.errors.has_axis, expression.args)):
                return self._with_axis(expression)
        return super().__call__(expression)

    def _joined(self, own: Expr, later: Expr) -> Form:
        if isinstance(later, Const):
            return Form(f"{self.runtime('_alone')}({{}}, w.steps - t)", ATOM, ((own, SUM),))
        if isinstance(own, Const):
            return Form(f"{self.runtime('_arrived')}({{}})", ATOM, ((later, SUM),))
        if extent(own) != FULL or extent(later) != FULL:
            return call(self.runtime("_joined"), (own, later))
        return Form("np.concatenate([{}[None], {}])", ATOM, ((own, ATOM), (later, SUM)))

    def _with_axis(self, expression: Call) -> Form:
        """An operation on matrices of several errors."""
        operation, args = expression.operation, expression.args
        if OPERATIONS[operation].elementwise:
            return super().__call__(expression)
        if operation == "transpose":
            return call(self.runtime("_turned"), args)
        if operation not in _PATTERNS:
            raise ProgramError(f"{expression}: {operation} has no spelling for several errors")
        pattern, level, least = _PATTERNS[operation]
        wide = [self.whole(argument) for argument in args]
        if operation == "contract":
            has_axis = self.errors.has_axis(args[0])
            wide[0] = f"{self.runtime('_turned')}({wide[0]})" if has_axis else f"{wide[0]}.T"
        operands = tuple((argument, least) for argument in args)
        return Form(pattern.format(*wide), level, operands)

    def whole(self, operand: Expr) -> str:
        """The pattern of an operand that has to be there in full, for all errors that it has."""
        plain = rewrite(operand, _as_sum)
        pattern = super().whole(plain)
        if pattern == "{}" or not self.errors.has_axis(operand):
            return pattern
        return pattern.replace("(w.", "(w.steps - t, w.", 1)


def _as_sum(part: Expr) -> Expr | None:
    """A join as the sum that it is if errors are not told apart."""
    if isinstance(part, Call) and part.operation == JOIN:
        return Call("add", part.args)
    return None
