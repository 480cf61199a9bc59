"""Sums with fractions over one denominator, and numbers made of numbers."""

from __future__ import annotations

from fractions import Fraction
from math import lcm

from gru_codegen.ir import Call, Const, Expr

__all__ = ["folded", "over_one_denominator"]


def folded(value: Expr) -> Expr:
    """`value`, or the number that it is if it is made of numbers alone."""
    terms = _terms(value)
    if all(rest is None for _, rest in terms):
        return Const(sum((number for number, _ in terms), Fraction()))
    return value


def over_one_denominator(expression: Expr) -> Expr:
    """A sum with a fraction among its terms as whole multiples of them, divided once.

    ``a - b / 2 + 1/3`` is ``(6 * a - 3 * b + 2) / 6``: a fraction alone would be a float. Whatever
    else `expression` is, it is returned as it is.
    """
    terms = _terms(expression)
    if not any(rest is None and number.denominator != 1 for number, rest in terms):
        return expression
    denominator = lcm(*(number.denominator for number, _ in terms))
    total: Expr | None = None
    for number, rest in terms:
        multiple = number * denominator
        size = abs(multiple) if total is not None else multiple
        term: Expr = Const(size)
        if rest is not None:
            term = rest if size == 1 else Call("multiply", (term, rest))
        if total is None:
            total = Call("negate", (rest,)) if rest is not None and multiple == -1 else term
        else:
            total = Call("add" if multiple > 0 else "subtract", (total, term))
    assert total is not None  # there are terms, the fraction among them
    return Call("multiply", (Const(Fraction(1, denominator)), total))


def _terms(expression: Expr) -> list[tuple[Fraction, Expr | None]]:
    """The terms of a sum, each a number times the rest, which is None for a number alone."""
    if isinstance(expression, Const):
        return [(expression.value, None)]
    if isinstance(expression, Call):
        match expression.operation, [_terms(argument) for argument in expression.args]:
            case "add", (left, right):
                return left + right
            case "subtract", (left, right):
                return left + [(-number, rest) for number, rest in right]
            case "negate", (terms,):
                return [(-number, rest) for number, rest in terms]
            case "multiply", ([(factor, None)], [(number, rest)]):
                return [(factor * number, rest)]
            case "multiply", ([(number, rest)], [(factor, None)]):
                return [(factor * number, rest)]
            case "multiply", ([(factor, None)], _):
                return [(factor, expression.args[1])]
            case "multiply", (_, [(factor, None)]):
                return [(factor, expression.args[0])]
    return [(Fraction(1), expression)]
