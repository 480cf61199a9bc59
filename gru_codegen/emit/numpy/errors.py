"""Adjoints of the errors of single steps: those of a backward loop with an axis of errors in front.

The error of step k is L_k, its part of the loss. The adjoint equations are linear and hold for the
errors of each step alone, so a statement of the backward loop computes them all at once, in an
array with a matrix for each: at step t that of its own error is at [t], those of later errors,
which the carries bring, are at [t + 1 :].
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from enum import Enum
from fractions import Fraction

from gru_codegen.emit.numpy.expressions import Numpy
from gru_codegen.errors import ProgramError
from gru_codegen.ir import (
    OPERATIONS,
    Call,
    Const,
    Expr,
    Now,
    Ref,
    Statement,
    Var,
    refs,
)
from gru_codegen.ir.precedence import ATOM, PRODUCT, TIGHT, Form, call

__all__ = ["AlongErrors", "Errors", "Reach"]

#: Operations that are not elementwise: pattern, how tightly it binds, how tightly operands have to.
_PATTERNS = {
    "matmul": ("{} @ {}", PRODUCT, TIGHT),
    "contract": ("{} @ {}", PRODUCT, ATOM),
    "row_sum": ("{}.sum(axis=-1, keepdims=True)", ATOM, ATOM),
    "column_sum": ("{}.sum(axis=1)", ATOM, ATOM),
    "total": ("{}.sum(axis=(-2, -1))", ATOM, ATOM),
}
_ZERO = Const(Fraction(0))


class Reach(Enum):
    """The errors that an adjoint has matrices of, as the index of those in its array.

    OWN: that of its step alone. LATER: those of later steps. ALL: both.
    """

    OWN = "t"
    LATER = "t + 1 :"
    ALL = "t:"


class Errors:
    """The errors that each adjoint of a backward loop has, and its statements along them.

    body: the statements of the loop, each a single operation but for gradients. carries: the
    adjoints that a step passes on to the one before. before: the statements before the loop, which
    may compute something of each step's own error. axis: the names of what has an axis of errors.
    """

    def __init__(
        self,
        body: Iterable[Statement],
        carries: Collection[Var],
        before: Iterable[Statement] = (),
    ) -> None:
        self.carries = carries
        self.computed: dict[str, Reach | None] = {}
        self.axis = {carry.name for carry in carries}
        body = list(body)
        for statement in (*before, *body, *body):  # what is written twice is what it is in the end
            self.learn(statement)

    def learn(self, statement: Statement) -> None:
        """Take note of the errors that the target of `statement`, the next one, has from here on.

        Scratch variables are used again, for other errors.
        """
        target, found = statement.target.var, self.reaches(statement.value)
        reach = Reach.OWN if found or target.role == "adjoint" else None
        if target in self.carries or found - {Reach.OWN}:
            reach = Reach.ALL
        if target.role != "work" and self.computed.get(target.name) == Reach.ALL:
            reach = Reach.ALL
        self.computed[target.name] = reach
        if reach == Reach.ALL:
            self.axis.add(target.name)

    def reaches(self, expression: Expr) -> set[Reach]:
        """The errors that each adjoint in `expression` has matrices of."""
        return {reach for ref in refs(expression) if (reach := self.reach(ref)) is not None}

    def reach(self, ref: Ref) -> Reach | None:
        """The errors that `ref` has matrices of; None where it is no adjoint."""
        if ref.var in self.carries and ref.when == Now(1):
            return Reach.LATER
        given = Reach.OWN if ref.var.role == "adjoint" else None
        return self.computed.get(ref.var.name, given)

    def widens(self, statement: Statement) -> bool:
        """True if `statement`, the next one, computes a matrix for each error from its target.

        What the target has until then is no adjoint, but one matrix, a factor of all errors.
        """
        is_read = any(ref.var == statement.target.var for ref in refs(statement.value))
        is_one = self.reach(statement.target) is None
        return is_read and is_one and bool(self.reaches(statement.value) - {Reach.OWN})

    def along(self, statement: Statement) -> list[tuple[Reach, Statement]]:
        """The same statement for the errors that its target has: for all at once, or one by one.

        It is for its own error apart where its operands have other errors than its target. What an
        operand has no matrix of is zero.
        """
        found = self.reaches(statement.value)
        own, later = (
            replace(statement, value=self._without(missing, statement.value))
            for missing in (Reach.LATER, Reach.OWN)
        )
        self.learn(statement)
        if self.reach(statement.target) != Reach.ALL:
            return [(Reach.OWN, statement)]
        if found == {Reach.ALL}:
            return [(Reach.ALL, statement)]
        return [(Reach.OWN, own), (Reach.LATER, later)]

    def _without(self, missing: Reach, expression: Expr) -> Expr:
        """`expression`, linear in adjoints, where those with these errors alone are zero."""
        if isinstance(expression, Ref):
            return _ZERO if self.reach(expression) == missing else expression
        if not isinstance(expression, Call) or not self.reaches(expression):
            return expression
        args = tuple(self._without(missing, argument) for argument in expression.args)
        return _simplified(Call(expression.operation, args))


def _simplified(linear: Call) -> Expr:
    """An operation on what may be zero; all but sums and selections of zeros are zero then."""
    match linear:
        case Call("add", (left, right)):
            return right if left == _ZERO else left if right == _ZERO else linear
        case Call("subtract", (left, right)) if right == _ZERO:
            return left
        case Call("subtract", (left, right)) if left == _ZERO:
            return Call("negate", (right,))
        case Call("select", (_, left, right)):
            return _ZERO if left == right == _ZERO else linear
    return linear if _ZERO not in linear.args else _ZERO


@dataclass(frozen=True)
class AlongErrors(Numpy):
    """The notation of gradients of several errors at once, those of `part`."""

    errors: Errors = field(kw_only=True)
    part: Reach = field(kw_only=True)

    def __call__(self, expression: Expr) -> Form:
        if isinstance(expression, Call) and any(map(self.has_axis, expression.args)):
            return self._with_axis(expression)
        return super().__call__(expression)

    def has_axis(self, expression: Expr) -> bool:
        """True if `expression` has a matrix for each of several errors."""
        return self.part != Reach.OWN and bool(self.errors.reaches(expression) - {Reach.OWN})

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
            turned = f"{self.runtime('_turned')}({wide[0]})"
            wide[0] = turned if self.has_axis(args[0]) else f"{wide[0]}.T"
        operands = tuple((argument, least) for argument in args)
        return Form(pattern.format(*wide), level, operands)

    def matrices(self, operand: Expr) -> list[str]:
        """The number of errors that an operand has, if it has a matrix for each."""
        if not self.has_axis(operand):
            return super().matrices(operand)
        return ["w.steps - t" if self.part == Reach.ALL else "w.steps - t - 1"]
