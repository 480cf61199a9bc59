"""Formulas as a reader writes them: trees that keep the order and the brackets of the text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cached_property
from typing import Any, Literal

__all__ = [
    "Kind",
    "Term",
    "applied",
    "elementwise",
    "leaves",
    "name",
    "negative",
    "nodes",
    "number",
    "ones",
    "over_time",
    "product",
    "square",
    "substituted",
    "summands",
    "total",
    "transposed",
    "weight",
]

Kind = Literal[
    "number",
    "name",
    "ones",
    "transpose",
    "apply",
    "negative",
    "sum",
    "elementwise",
    "product",
    "over_time",
]


@dataclass(frozen=True)
class Term:
    """A node of a formula.

    Attributes
    ----------
    kind: number; name; ones, a matrix of them as a factor of a product; transpose; apply; negative;
        sum; elementwise, the product of entries, numbers among the factors; product, of matrices;
        over_time, the sum over all steps.
    parts: the operands, in the order in which they are written.
    value: of a number the Fraction, of a name (key, offset from the step), of apply the function.
    """

    kind: Kind
    parts: tuple[Term, ...] = ()
    value: Any = None

    def __hash__(self) -> int:
        return self._hash

    @cached_property
    def _hash(self) -> int:
        """Kept, since values are looked up by their terms."""
        return hash((self.kind, self.parts, self.value))

    def with_parts(self, parts: Iterable[Term]) -> Term:
        """The same operation on other operands; a sum or a product of one is that one."""
        parts = tuple(parts)
        if len(parts) == 1 and self.kind in ("sum", "elementwise", "product"):
            return parts[0]
        return Term(self.kind, parts, self.value)

    def with_part(self, place: int, part: Term) -> Term:
        """The same with another operand at `place`."""
        return self.with_parts((*self.parts[:place], part, *self.parts[place + 1 :]))

    def without_part(self, place: int) -> Term:
        """The same sum or product without its operand at `place`."""
        return self.with_parts((*self.parts[:place], *self.parts[place + 1 :]))


def number(value: Fraction | int) -> Term:
    """A rational number; beside a matrix every entry of one."""
    return Term("number", (), Fraction(value))


def name(key: str, offset: int = 0) -> Term:
    """A symbol at the step t + `offset`."""
    return Term("name", (), (key, offset))


ones = Term("ones")


def transposed(term: Term) -> Term:
    """The transpose; that of a transpose is what it was."""
    return term.parts[0] if term.kind == "transpose" else Term("transpose", (term,))


def negative(term: Term) -> Term:
    """The term with the other sign."""
    return term.parts[0] if term.kind == "negative" else Term("negative", (term,))


def applied(function: str, term: Term) -> Term:
    """A function of every entry; softmax is one of every row."""
    return Term("apply", (term,), function)


def over_time(term: Term) -> Term:
    """The sum over all time steps."""
    return Term("over_time", (term,))


def total(terms: Iterable[Term]) -> Term:
    """The sum, of sums term by term."""
    return _joined("sum", terms)


def elementwise(factors: Iterable[Term]) -> Term:
    """The elementwise product."""
    return _joined("elementwise", factors)


def product(factors: Iterable[Term]) -> Term:
    """The matrix product."""
    return _joined("product", factors)


def _joined(kind: Kind, terms: Iterable[Term]) -> Term:
    flat: list[Term] = []
    for term in terms:
        flat += term.parts if term.kind == kind else (term,)
    return flat[0] if len(flat) == 1 else Term(kind, tuple(flat))


def square(term: Term) -> Term:
    """The square of every entry."""
    return Term("elementwise", (term, term))


def summands(term: Term) -> tuple[Term, ...]:
    """The terms of a sum, and of its opposite; anything else is one term."""
    if term.kind == "negative":
        return tuple(negative(part) for part in summands(term.parts[0]))
    return term.parts if term.kind == "sum" else (term,)


def leaves(term: Term) -> Iterator[Term]:
    """The names of a term, left to right, repeated as they stand."""
    if term.kind == "name":
        yield term
    for part in term.parts:
        yield from leaves(part)


def nodes(term: Term) -> Iterator[Term]:
    """The term and all its parts, repeated as they stand."""
    yield term
    for part in term.parts:
        yield from nodes(part)


def substituted(term: Term, others: Mapping[Term, Term]) -> Term:
    """The term with others for some of its parts, all at once."""
    if term in others:
        return others[term]
    if not term.parts:
        return term
    return term.with_parts(substituted(part, others) for part in term.parts)


def weight(term: Term) -> int:
    """The number of names in a term."""
    return sum(1 for _ in leaves(term))
