"""Polynomials in matrices: multiplied out, and factored again at the least cost.

The effort is bounded, whatever a cell is: nothing is multiplied out into more than `MOST_TERMS`
terms, and a sum of more than `_MOST_SEARCHED` is factored without a search. Larger expressions
stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce

from gru_codegen.ir import OPERATIONS, Call, Const, Expr, parts, reads, shape_of

__all__ = [
    "ARITHMETIC",
    "MOST_TERMS",
    "Term",
    "added_up",
    "expanded",
    "factored",
    "factors_of",
    "improved",
    "passes_taken",
    "summed",
]


#: How many terms a product may have when it is multiplied out: that of five sums has 32.
MOST_TERMS = 32
#: How many terms a sum may have of which all ways to factor it are tried.
_MOST_SEARCHED = 6


@dataclass(frozen=True)
class Term:
    """coefficient * the product of `factors`, each a Ref or an operation that is no arithmetic."""

    coefficient: Fraction
    factors: tuple[Expr, ...]


def improved(expression: Expr, is_kept: Callable[[Expr], bool] | None = None) -> Expr:
    """`expression` in factored form, in whole or in part, where that takes fewer operations.

    is_kept: the arithmetic that stays in the form in which it is.
    """
    if not isinstance(expression, Call):
        return expression
    is_arithmetic = expression.operation in ARITHMETIC and shape_of(expression)
    if is_arithmetic and not (is_kept and is_kept(expression)):
        candidate = factored(expanded(expression))
        if passes_taken(candidate) < passes_taken(expression):
            return candidate
    args = tuple(improved(argument, is_kept) for argument in expression.args)
    same = all(new is old for new, old in zip(args, expression.args, strict=True))
    return expression if same else Call(expression.operation, args)


ARITHMETIC = ("add", "subtract", "negate", "multiply")


def expanded(expression: Expr) -> list[Term]:
    """`expression` multiplied out, but for products that would have too many terms."""
    if isinstance(expression, Const):
        return [Term(expression.value, ())]
    if not isinstance(expression, Call) or expression.operation not in ARITHMETIC:
        return [Term(Fraction(1), (expression,))]
    arguments = [expanded(argument) for argument in expression.args]
    if expression.operation == "multiply":
        left, right = arguments
        if len(left) * len(right) > MOST_TERMS:
            return [Term(Fraction(1), tuple(factors_of(expression)))]
        return [
            Term(a.coefficient * b.coefficient, a.factors + b.factors) for a in left for b in right
        ]
    if expression.operation == "negate":
        return [_negated(term) for term in arguments[0]]
    left, right = arguments
    return left + (right if expression.operation == "add" else [_negated(t) for t in right])


def _negated(term: Term) -> Term:
    return replace(term, coefficient=-term.coefficient)


def factored(terms: list[Term]) -> Expr:
    """A sum with shared factors taken out, again and again, in the way that costs least."""
    plain = summed(terms)
    candidates = [_taken_out(shared, terms) for shared in _worth_taking_out(terms)]
    return min([plain, *candidates], key=passes_taken)


def _worth_taking_out(terms: list[Term]) -> list[Expr]:
    """The factors that several terms share: one that all have, or all that some have.

    Of a long sum only the one that most terms have.
    """
    counts = Counter(f for term in terms for f in dict.fromkeys(term.factors))
    shared = [f for f, n in counts.items() if n > 1 and not _leaves_a_fraction(f, terms)]
    most = max(map(counts.__getitem__, shared), default=0)
    if most == len(terms) or len(terms) > _MOST_SEARCHED:
        return [factor for factor in shared if counts[factor] == most][:1]
    return shared


def added_up(expression: Expr) -> Iterator[Expr]:
    """The addends of `expression`; itself if it is no addition."""
    if isinstance(expression, Call) and expression.operation == "add":
        for argument in expression.args:
            yield from added_up(argument)
    else:
        yield expression


def factors_of(expression: Expr) -> Iterator[Expr]:
    """The factors of a product, left to right; itself if it is none."""
    if isinstance(expression, Call) and expression.operation == "multiply":
        for argument in expression.args:
            yield from factors_of(argument)
    else:
        yield expression


def summed(terms: list[Term]) -> Expr:
    """The sum of `terms` as they are."""
    return _sum([_product(term) for term in terms])


def _leaves_a_fraction(shared: Expr, terms: list[Term]) -> bool:
    """Return whether taking `shared` out leaves a fraction, inexact in floats, as a term."""
    return any(t.factors == (shared,) and t.coefficient.denominator != 1 for t in terms)


def _taken_out(shared: Expr, terms: list[Term]) -> Expr:
    index = next(i for i, term in enumerate(terms) if shared in term.factors)
    inside = [_without(term, shared) for term in terms if shared in term.factors]
    negative = not any(term.coefficient > 0 for term in inside)
    inside = [_negated(term) for term in inside] if negative else inside
    group = (negative, Call("multiply", (shared, factored(inside))))
    before = [_product(term) for term in terms[:index]]
    behind = [_product(term) for term in terms[index:] if shared not in term.factors]
    return _sum([*before, group, *behind])


def _without(term: Term, factor: Expr) -> Term:
    factors = list(term.factors)
    factors.remove(factor)
    return Term(term.coefficient, tuple(factors))


def _product(term: Term) -> tuple[bool, Expr]:
    """(is it negative, its absolute value)."""
    size = abs(term.coefficient)
    factors = list(term.factors)
    if size != 1 or not factors:
        factors.insert(0, Const(size))
    return term.coefficient < 0, reduce(lambda a, b: Call("multiply", (a, b)), factors)


def _sum(terms: list[tuple[bool, Expr]]) -> Expr:
    """Added first, then subtracted."""
    terms = sorted(terms, key=lambda term: term[0])
    negative, total = terms[0]
    if negative:
        total = Call("negate", (total,))
    for negative, term in terms[1:]:
        total = Call("subtract" if negative else "add", (total, term))
    return total


def passes_taken(expression: Expr) -> tuple[int, int]:
    """Passes over a matrix that `expression` takes, and the number of variables it reads.

    A GEMM counts as so many that it outweighs all else.
    """
    calls = [part for part in parts(expression) if isinstance(part, Call)]
    gemms = sum(1 for call in calls if call.operation == "matmul")
    elementwise = sum(1 for call in calls if OPERATIONS[call.operation].elementwise)
    return 1000 * gemms + elementwise, sum(1 for _ in reads(expression))
