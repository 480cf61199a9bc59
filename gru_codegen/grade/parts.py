"""Values that a derivation has: a name of the reader's own is recognised among them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from gru_codegen.grade.edits import Words
from gru_codegen.grade.judge import Judge
from gru_codegen.grade.terms import Term, name, negative, number, summands, total

__all__ = ["Part", "parts_of", "recognised", "same"]

#: Sums of more terms are not taken apart.
MOST_TERMS = 6


@dataclass(frozen=True)
class Part:
    """A value with its name in words; `backward` if it is one of errors."""

    term: Term
    words: Words
    backward: bool


def parts_of(judge: Judge) -> list[Part]:
    """All that is recognised, plain values first."""
    return [part for part in _parts(judge) if judge.floats.fits(part.term) is not None]


def _parts(judge: Judge) -> Iterator[Part]:
    symbols = judge.symbols
    for at in dict.fromkeys(symbols.spelled.values()):
        term, role = name(*at), symbols.by_key[at[0]].role
        yield Part(term, ("", term), role in ("adjoint", "gradient"))
    for symbol in symbols.of_role("forward"):
        complement = total((number(1), negative(name(symbol.key))))
        yield Part(complement, ("", complement), False)
    for key, slope in symbols.slopes.items():
        yield Part(slope, ("the slope of ", name(key)), False)
    for symbol in symbols.of_role("adjoint", "gradient"):
        terms = summands(symbol.definition) if symbol.definition else ()
        for count in range(1, len(terms) if len(terms) <= MOST_TERMS else 2):
            for some in combinations(terms, count):
                yield Part(total(some), ("the part ", total(some), " of ", name(symbol.key)), True)


def same(judge: Judge, parts: list[Part], term: Term) -> Part | None:
    """The part that has the value of `term`; None if none has."""
    return next((part for part in parts if judge.equal(term, part.term)), None)


def recognised(judge: Judge, parts: list[Part], term: Term) -> Part | None:
    """The part that has the value of `term`, or that with the other sign; None if none has."""
    if part := same(judge, parts, term):
        return part
    for part in parts:
        if judge.equal(term, negative(part.term)):
            words = ("minus ", *part.words) if part.words[0] == "" else part.words
            if part.words[0]:
                words = (f"with the other sign {part.words[0]}", *part.words[1:])
            return Part(negative(part.term), words, part.backward)
    return None
