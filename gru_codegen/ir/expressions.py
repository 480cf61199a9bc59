"""Expressions over matrices, and the references that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Literal

from gru_codegen.ir.precedence import ATOM, PRODUCT, SUM, TIGHT, Form, Infix, call, spelled

__all__ = [
    "GIVEN",
    "STORED",
    "Call",
    "Const",
    "Every",
    "Expr",
    "Now",
    "Ref",
    "Role",
    "Shape",
    "Var",
    "When",
    "is_within",
    "may_alias",
    "parts",
    "reads",
    "refs",
    "rewrite",
    "unpacked",
]

#: Sizes by name, as ("B", "H"); T is the number of time steps.
Shape = tuple[str, ...]
#: fixed is what equations compute of weights alone, the same for all steps.
Role = Literal[
    "input",
    "initial",
    "last",
    "target",
    "loss weights",
    "lengths",
    "count",
    "size",
    "weight",
    "fixed",
    "value",
    "adjoint",
    "gradient",
    "loss",
    "work",
]
#: The roles of what is not computed.
GIVEN = ("input", "initial", "last", "target", "loss weights", "lengths", "count", "size", "weight")
#: The roles of what is computed and kept in storage of its own: neither the loss nor gradients.
STORED: tuple[Role, ...] = ("fixed", "value", "adjoint", "work")


@dataclass(frozen=True)
class Now:
    """The surrounding step, plus `offset`."""

    offset: int = 0


@dataclass(frozen=True)
class Every:
    """All steps at once: the value at step t + `offset` for every t."""

    offset: int = 0


When = Now | Every


@dataclass(frozen=True)
class Var:
    """A variable.

    Attributes
    ----------
    name: unique in its program, an identifier.
    shape: of one step.
    role: what it is in the network.
    timed: whether it has one value per time step.
    boundary: what reading beyond the first or last step gives; for a state its initial value. A
        step in it is relative to the one that is beyond: ``dO[t-1]`` beyond the last is the last.
    meaning: what it is called in words.
    parts: of a pack the variables that it consists of, row by row: it has no value of its own.
    adjoint_of: of an adjoint, the name of what it is the adjoint of; of a gradient, that of its
        weight, or of what is fixed; of a size, its letter.
    """

    name: str
    shape: Shape
    role: Role
    timed: bool = False
    boundary: Expr | None = None
    meaning: str = ""
    parts: tuple[tuple[Ref, ...], ...] = ()
    adjoint_of: str = ""

    @property
    def is_fixed(self) -> bool:
        """Return whether it is the same at every step: a weight, or made of such by an equation."""
        return self.role in ("weight", "fixed")

    @property
    def is_of_weights(self) -> bool:
        """Return whether it is computed from weights alone: there is none for each sample."""
        is_work = self.role == "work" and self.shape[:1] not in ((), ("B",))
        return is_work or self.role == "fixed"

    def __hash__(self) -> int:  # names are unique, and hashing a boundary is not cheap
        return hash(self.name)


class Arithmetic:
    """Arithmetic of expressions, and of numbers with them, written as in Python."""

    def __add__(self, other: Expr | int) -> Call:
        return Call("add", (_of(self), _of(other)))

    def __radd__(self, other: int) -> Call:
        return Call("add", (_of(other), _of(self)))

    def __sub__(self, other: Expr | int) -> Call:
        return Call("subtract", (_of(self), _of(other)))

    def __rsub__(self, other: int) -> Call:
        return Call("subtract", (_of(other), _of(self)))

    def __mul__(self, other: Expr | int) -> Call:
        return Call("multiply", (_of(self), _of(other)))

    def __rmul__(self, other: int) -> Call:
        return Call("multiply", (_of(other), _of(self)))

    def __truediv__(self, divisor: int) -> Call:
        return Call("multiply", (Const(Fraction(1, divisor)), _of(self)))

    def __neg__(self) -> Call:
        return Call("negate", (_of(self),))


def _of(operand: Arithmetic | int) -> Expr:
    if isinstance(operand, Arithmetic):
        assert isinstance(operand, Ref | Const | Call)  # there are no others
        return operand
    return Const(Fraction(operand))


@dataclass(frozen=True)
class Ref(Arithmetic):
    """The value of a variable, at a step if it is timed."""

    var: Var
    when: When | None = None

    def __str__(self) -> str:
        match self.when:
            case None:
                return self.var.name
            case Now(0):
                return f"{self.var.name}[t]"
            case Now(offset):
                return f"{self.var.name}[t{offset:+d}]"
            case Every(0):
                return f"{self.var.name}[:]"
            case Every(offset):
                return f"{self.var.name}[:{offset:+d}]"


@dataclass(frozen=True)
class Const(Arithmetic):
    """A rational number, made in the dtype of what it meets."""

    value: Fraction

    def __str__(self) -> str:
        return str(self.value)


@dataclass(frozen=True)
class Call(Arithmetic):
    """An operation applied to expressions."""

    operation: str
    args: tuple[Expr, ...]

    # Every pass asks for both, again and again, and most of an expression lives through many.

    @cached_property
    def refs(self) -> tuple[Ref, ...]:
        """See `refs`."""
        return tuple(ref for argument in self.args for ref in refs(argument))

    @cached_property
    def reads(self) -> tuple[Ref, ...]:
        """See `reads`."""
        return tuple(part for ref in self.refs for part in unpacked(ref))

    def __str__(self) -> str:
        return spelled(self, _notation)


Expr = Ref | Const | Call

#: What the text of a program does not write as a call.
_INFIX = {
    "add": Infix("{} + {}", SUM, (SUM, PRODUCT)),
    "subtract": Infix("{} - {}", SUM, (SUM, PRODUCT)),
    "multiply": Infix("{} * {}", PRODUCT, (PRODUCT, TIGHT)),
    "matmul": Infix("{} @ {}", PRODUCT, (TIGHT, TIGHT)),
    "negate": Infix("-{}", TIGHT, (TIGHT,)),
    "transpose": Infix("{}.T", ATOM, (ATOM,)),
}


def _notation(expression: Expr) -> Form:
    """Python's, which `reading` reads back."""
    match expression:
        case Const(value):
            return Form(str(value), TIGHT if value.denominator == 1 else PRODUCT)
        case Call("negate", (Const(),)):  # a number with a sign is another constant
            return call(expression.operation, expression.args)
        case Call(operation, args) if operation in _INFIX and len(args) == len(
            _INFIX[operation].least
        ):
            return _INFIX[operation].of(*args)
        case Call(operation, args):
            return call(operation, args)
    return Form(str(expression))


def parts(expression: Expr) -> Iterator[Expr]:
    """`expression` and all it is made of, outermost first."""
    yield expression
    if isinstance(expression, Call):
        for argument in expression.args:
            yield from parts(argument)


def refs(expression: Expr) -> tuple[Ref, ...]:
    """The references in `expression` as they stand there, left to right."""
    if isinstance(expression, Ref):
        return (expression,)
    return expression.refs if isinstance(expression, Call) else ()


def reads(expression: Expr) -> tuple[Ref, ...]:
    """References that `expression` reads, left to right: of a pack its parts."""
    if isinstance(expression, Ref):
        return unpacked(expression)
    return expression.reads if isinstance(expression, Call) else ()


def unpacked(ref: Ref) -> tuple[Ref, ...]:
    """The parts of a pack, row by row, each at the step that is meant; else `ref` itself."""
    if not ref.var.parts:
        return (ref,)
    shifted = (_shifted(part, ref.when) for row in ref.var.parts for part in row)
    return tuple(each for part in shifted for each in unpacked(part))


def _shifted(part: Ref, when: When | None) -> Ref:
    if when is None or part.when is None:
        return part
    return Ref(part.var, type(when)(when.offset + part.when.offset) if part.when.offset else when)


def rewrite(expression: Expr, rule: Callable[[Expr], Expr | None]) -> Expr:
    """Replace every outermost part for which `rule` has an answer."""
    answer = rule(expression)
    if answer is not None:
        return answer
    if isinstance(expression, Call):
        args = tuple(rewrite(argument, rule) for argument in expression.args)
        return expression if args == expression.args else Call(expression.operation, args)
    return expression


def may_alias(ref: Ref, other: Ref) -> bool:
    """Return whether `ref` and `other` may mean one matrix: the same, or one of all steps."""
    of_all_steps = isinstance(ref.when, Every) or isinstance(other.when, Every)
    return ref == other or (ref.var == other.var and of_all_steps)


def is_within(run: tuple[Ref, ...], other: tuple[Ref, ...]) -> bool:
    """Return whether `run` stands in this order, without gaps, within `other`."""
    places: Iterable[int] = range(len(other) - len(run) + 1)
    if run:  # names tell most places apart, and soon
        places = (start for start in places if other[start].var.name == run[0].var.name)
    return any(other[start : start + len(run)] == run for start in places)
