"""Values that a derivation has: a name of the reader's own is recognised among them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from gru_codegen.grade.edits import Words
from gru_codegen.grade.evaluation import NEAR
from gru_codegen.grade.judge import Judge
from gru_codegen.grade.symbols import Shape
from gru_codegen.grade.terms import Term, name, negative, number, summands, total

__all__ = ["Part", "Parts"]

#: Sums of more terms are not taken apart.
MOST_TERMS = 6


@dataclass(frozen=True)
class Part:
    """A value with its name in words; `backward` if it is one of errors."""

    term: Term
    words: Words
    backward: bool

    @property
    def opposite(self) -> Part:
        """The value with the other sign."""
        is_name = self.words[0] == ""
        words = ("minus ", *self.words) if is_name else (*self.words, ", with the other sign")
        return Part(negative(self.term), words, self.backward)


@dataclass
class Parts:
    """All that is recognised, plain values first.

    by_shape: parts of one shape, and their values at the points in float64, one after the other.
    """

    judge: Judge
    by_shape: dict[Shape, tuple[list[Part], Any]]

    @classmethod
    def of(cls, judge: Judge) -> Parts:
        """The parts of the derivation that `judge` knows."""
        found: dict[Shape, list[tuple[Part, Any]]] = defaultdict(list)
        for part in _parts(judge):
            value = judge.floats(part.term)
            if value.shape:
                found[value.shape].append((part, value.array))
        stacked = {
            shape: ([part for part, _ in pairs], np.array([array for _, array in pairs]))
            for shape, pairs in found.items()
        }
        return cls(judge, stacked)

    def same(self, term: Term) -> Part | None:
        """The part that has the value of `term`; None if none has."""
        value = self.judge.floats.fits(term)
        if value is None or value.shape not in self.by_shape:
            return None
        parts, arrays = self.by_shape[value.shape]
        off = np.abs(arrays - value.array).max(axis=(1, 2, 3))
        near = off <= float(NEAR) * np.abs(arrays).max(axis=(1, 2, 3))
        found = (parts[place] for place in np.flatnonzero(near))
        return next((part for part in found if self.judge.equal(term, part.term)), None)

    def recognised(self, term: Term) -> Part | None:
        """The part that has the value of `term`, or that with the other sign."""
        if part := self.same(term):
            return part
        opposite = self.same(negative(term))
        return opposite and opposite.opposite


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
