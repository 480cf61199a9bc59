"""Three-address code: one operation a statement, computed where its result is kept.

Expects any expressions, the neighbours of packs decided. Leaves statements of one operation on
variables, constants and views of them; scratch variables have the role `work`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

from gru_codegen.ir import (
    ELEMENTWISE,
    OPERATIONS,
    SELECTIONS,
    VIEWS,
    Call,
    Const,
    Elementwise,
    Every,
    Expr,
    Origin,
    Program,
    Ref,
    Shape,
    Statement,
    Var,
    kept_for_every_step,
    refs,
    rewrite,
    shape_of,
    unpacked,
    writes,
)
from gru_codegen.ir.elementwise import a
from gru_codegen.passes.support.algebra import factors_of
from gru_codegen.passes.support.naming import fresh, names_in

__all__ = ["to_three_address_code"]

_Kind = Literal["sum", "product"]

#: Views of vectors that elementwise operations alone take as they are.
_SPREAD = [name for name in VIEWS if name != "transpose"]


def to_three_address_code(program: Program) -> Program:
    """Break every value into single operations that write into the statement's target.

    An operand that needs computing goes to scratch, a variable named ``term``, unless it can be
    computed in the target itself: sums and products begin with such an operand. Scalars and
    gradients keep their expressions: they are handed out and need arrays of their own.
    """
    scratch = _Scratch(names_in(program))
    kept = kept_for_every_step(program)

    def change(statement: Statement) -> Iterator[Statement]:
        if _is_flat(statement):
            yield statement
            return
        origin = statement.origin.computing(statement.target, statement.value)
        for part in _flat(replace(statement, origin=origin), scratch, kept):
            yield replace(part, given=statement.given)

    return program.with_statements(change)


def _is_flat(statement: Statement) -> bool:
    """Return whether `statement` stays as it is: one operation in place, or handed out."""
    target, value = statement.target, statement.value
    if statement.accumulate or target.var.role in ("loss", "gradient"):
        return True
    if isinstance(value, Call) and value.operation in ("beside", "below"):
        return True  # weights, each written to its own place
    if not isinstance(value, Call) or target not in value.args or _defined(value) is not None:
        return False
    return OPERATIONS[value.operation].elementwise and all(map(_is_simple, value.args))


def _flat(statement: Statement, scratch: _Scratch, kept: set[str]) -> Iterator[Statement]:
    target, origin = statement.target, statement.origin
    written = set(writes(statement))
    names = {ref.var.name for ref in written}
    operands = [r for r in refs(statement.value) if names & {p.var.name for p in unpacked(r)}]
    reads_target = any(part in written for ref in operands for part in unpacked(ref))
    if operands == [target] and (begun := _begun(statement)) is not None:
        kind, rest = begun
        yield from _chain(target, kind, rest, origin, scratch, (target,))
    elif reads_target or (operands and not names <= kept):
        # The target holds an operand, its own old value or that of another step: write it last.
        temporary = scratch.place(shape_of(target), ())
        yield from _into(temporary, statement.value, origin, scratch, (temporary,))
        yield replace(statement, value=temporary)
    else:
        yield from _into(target, statement.value, origin, scratch, (target,))


def _begun(statement: Statement) -> tuple[_Kind, list[_Operand]] | None:
    """Operands of a sum or product whose first one is the statement's target; None otherwise."""
    kind, operands = _operands(statement.value)
    goes_on = len(operands) > 1 and operands[0] == _Operand(statement.target)
    return (kind, operands) if goes_on else None


def _operands(value: Expr) -> tuple[_Kind, list[_Operand]]:
    """The operands of a product, or the terms of a sum, which are one where it is none."""
    if isinstance(value, Call) and value.operation == "multiply":
        return "product", _factors(value)
    return "sum", _addends(value)


class _Scratch:
    """The scratch variables of a program, by shape; one that is in use is never handed out."""

    def __init__(self, names_in_use: set[str]) -> None:
        self.names_in_use = names_in_use
        self.numbers: dict[bool, dict[Shape, int]] = {False: {}, True: {}}
        self.made: dict[tuple[bool, Shape], list[str]] = {}

    def place(self, shape: Shape, used: tuple[Ref, ...]) -> Ref:
        timed = shape[:1] == ("T",)
        own = shape[1:] if timed else shape
        number = self.numbers[timed].setdefault(own, len(self.numbers[timed]))
        stem = ("terms" if timed else "term") + (
            f"_{''.join(own).replace('+', '') or 'number'}" if number else ""
        )
        in_use = {ref.var.name for ref in used}
        made = self.made.setdefault((timed, own), [])
        if in_use.issuperset(made):
            made.append(fresh(stem, self.names_in_use))
        name = next(name for name in made if name not in in_use)
        return Ref(Var(name, own, "work", timed, meaning="scratch"), Every() if timed else None)


@dataclass(frozen=True)
class _Operand:
    """One operand of a sum, with its sign, or of a product."""

    expression: Expr
    negative: bool = False

    @property
    def simple(self) -> bool:
        return _is_simple(self.expression)

    @property
    def preference(self) -> int:
        """Rank as the first operand: computed elementwise, then stored, then a product.

        The elementwise one is computed in place, so that a stored one may lie in the same storage.
        """
        if self.simple:
            return 1
        expression = self.expression
        product = isinstance(expression, Call) and not OPERATIONS[expression.operation].elementwise
        return 2 if product else 0


def _is_simple(expression: Expr) -> bool:
    is_view = isinstance(expression, Call) and expression.operation in VIEWS
    if is_view and isinstance(expression, Call):
        expression = expression.args[0]
        return isinstance(expression, Ref)
    return isinstance(expression, (Ref, Const))


def _is_operand(argument: Expr, call: Call) -> bool:
    """Return whether `argument` need not be computed first; products and sums take no views."""
    if isinstance(argument, Call) and argument.operation in _SPREAD:
        return OPERATIONS[call.operation].elementwise and _is_simple(argument)
    return _is_simple(argument)


def _is_guarded(expression: Expr) -> bool:
    """Return whether `expression` is a stored variable, but for rows that are not read."""
    guard = isinstance(expression, Call) and expression.operation == "guard"
    return guard and isinstance(expression, Call) and isinstance(expression.args[2], Ref)


def _into(
    into: Ref, expression: Expr, origin: Origin, scratch: _Scratch, used: tuple[Ref, ...]
) -> Iterator[Statement]:
    """Statements that compute `expression` in `into`; those in `used` keep their values."""
    if not isinstance(expression, Call) or _is_simple(expression):
        yield Statement(into, expression, origin)
    elif _is_product(expression) and not _is_whole(expression, into):
        column = scratch.place(shape_of(expression), used)
        yield from _into(column, expression, origin, scratch, (*used, column))
        yield Statement(into, column, origin)
    elif expression.operation in ("add", "subtract"):
        yield from _chain(into, "sum", _addends(expression), origin, scratch, used)
    elif expression.operation == "multiply":
        yield from _chain(into, "product", _factors(expression), origin, scratch, used)
    else:
        # A GEMM must not write over what it reads; anything elementwise may, but what takes
        # several operations reads its argument again.
        function = _defined(expression)
        in_place = OPERATIONS[expression.operation].elementwise and function is None
        arguments: list[Expr] = []
        selects = expression.operation in SELECTIONS  # whose last operand alone may lie there
        alone = in_place and len(expression.args) == 1
        for argument in expression.args:
            if not _is_operand(argument, expression) and not (alone and _is_guarded(argument)):
                at_once = in_place and (not selects or argument is expression.args[-1])
                temporary = into if at_once else scratch.place(shape_of(argument), used)
                in_place &= not at_once  # the target holds this argument
                used = (*used, temporary)
                yield from _into(temporary, argument, origin, scratch, used)
                argument = temporary
            arguments.append(argument)
        if function is None:
            yield Statement(into, Call(expression.operation, tuple(arguments)), origin)
        else:
            variables = (argument for argument in arguments if isinstance(argument, Ref))
            used = (*used, *variables)
            yield from _by_definition(into, function, arguments[0], origin, scratch, used)


def _is_product(expression: Call) -> bool:
    return OPERATIONS[expression.operation].is_gemm


def _is_whole(expression: Expr, into: Ref) -> bool:
    """Return whether `expression` has a column for each of `into`, and is none to be spread."""
    return shape_of(expression)[-1:] == into.var.shape[-1:]


def _defined(call: Call) -> Elementwise | None:
    """The function that `call` applies, if its definition takes more than one place."""
    function = ELEMENTWISE.get(call.operation)
    return None if function is None or function.fits_one_place else function


def _by_definition(
    into: Ref,
    function: Elementwise,
    argument: Expr,
    origin: Origin,
    scratch: _Scratch,
    used: tuple[Ref, ...],
) -> Iterator[Statement]:
    """Statements that compute `function` from its named parts, the first perhaps in `into`."""
    assert function.definition is not None  # as _defined has checked
    known: dict[Expr, Expr] = {a: argument}

    def with_values(formula: Expr) -> Expr:
        return rewrite(formula, lambda part: known.get(part))

    for part, formula in function.where:
        temporary = into
        if len(known) > 1 or not _goes_on_from(part, function.definition):
            temporary = scratch.place(shape_of(into), used)
        used = (*used, temporary)
        yield from _into(temporary, with_values(formula), origin, scratch, used)
        known[part] = temporary
    yield from _into(into, with_values(function.definition), origin, scratch, used)


def _goes_on_from(part: Ref, value: Expr) -> bool:
    """Return whether `value` is one operation on `part` and may be computed in its place."""
    _, operands = _operands(value)
    return len(operands) == 2 and operands[0] == _Operand(part)


def _chain(
    into: Ref,
    kind: _Kind,
    operands: list[_Operand],
    origin: Origin,
    scratch: _Scratch,
    used: tuple[Ref, ...],
) -> Iterator[Statement]:
    begin = min(operands, key=lambda operand: (operand.preference, operand.negative))
    if operands[0].expression == into:
        begin = operands[0]  # it is in the target already
    remaining = list(operands)
    remaining.remove(begin)
    value, negative = begin.expression, begin.negative
    if not begin.simple:
        value = into if _is_whole(value, into) else scratch.place(shape_of(value), used)
        used = (*used, value)
        yield from _into(value, begin.expression, origin, scratch, used)
    for operand in remaining:
        value_of_operand = operand.expression
        if not operand.simple:
            value_of_operand = scratch.place(shape_of(value_of_operand), used)
            yield from _into(
                value_of_operand, operand.expression, origin, scratch, (*used, value_of_operand)
            )
        if kind == "product":
            value = Call("multiply", (value, value_of_operand))
        elif operand.negative == negative:
            value = Call("add", (value, value_of_operand))
        else:
            value = Call(
                "subtract", (value_of_operand, value) if negative else (value, value_of_operand)
            )
            negative = False
        yield Statement(into, value, origin)
        value = into
    if negative:
        yield Statement(into, Call("negate", (value,)), origin)


def _addends(expression: Expr, negative: bool = False) -> list[_Operand]:
    if isinstance(expression, Call) and expression.operation in ("add", "subtract"):
        left, right = expression.args
        flip = negative != (expression.operation == "subtract")
        return _addends(left, negative) + _addends(right, flip)
    return [_Operand(expression, negative)]


def _factors(expression: Expr) -> list[_Operand]:
    return [_Operand(factor) for factor in factors_of(expression)]
