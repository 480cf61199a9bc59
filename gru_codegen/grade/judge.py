"""Equality of formulas: at three random points in float64, then at one point at 50 digits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gru_codegen.grade.evaluation import Evaluator, Point, close
from gru_codegen.grade.symbols import Shape, Symbols
from gru_codegen.grade.terms import Term, name

__all__ = ["Judge"]


@dataclass
class Judge:
    """Says which formulas are equal; what they read of the derivation is the truth.

    Attributes
    ----------
    floats, digits: the points in float64, and that at 50 digits.
    """

    symbols: Symbols
    floats: Evaluator
    digits: Evaluator

    @classmethod
    def at(cls, floats: Point, digits: Point) -> Judge:
        """The judge at these points."""
        return cls(floats.symbols, Evaluator(floats), Evaluator(digits))

    def know(self, key: str, term: Term) -> None:
        """Take `term` for a name of the reader's own from now on."""
        for evaluate in (self.floats, self.digits):
            evaluate.own[key] = term
        self.forget()
        self.__dict__.pop("names", None)

    def forget(self) -> None:
        """Forget the values of formulas, which are computed again when they are needed."""
        for evaluate in (self.floats, self.digits):
            evaluate.forget()

    def equal(self, left: Term, right: Term) -> bool:
        """Return whether two formulas have one value; not if the shapes of one do not fit."""
        for evaluate in (self.floats, self.digits):
            first, second = evaluate.fits(left), evaluate.fits(right)
            if first is None or second is None or not close(first, second):
                return False
        return True

    @cached_property
    def names(self) -> tuple[tuple[Term, Shape], ...]:
        """Every name that a formula may read as inspect writes it, with its shape."""
        return tuple(self._names())

    def _names(self) -> Iterator[tuple[Term, Shape]]:
        found = [name(*at) for at in dict.fromkeys(self.symbols.spelled.values())]
        for term in (*(name(key) for key in self.floats.own), *found):
            value = self.floats.fits(term)
            # what is the same number everywhere, as the adjoint of a cost, explains too much
            is_matrix = value is not None and value.shape  # an infinite number has no range either
            if value is not None and is_matrix and self.is_read(term) and np.ptp(value.array):
                yield term, value.shape

    def is_read(self, term: Term) -> bool:
        """Return whether it is no gradient: formulas do not read those."""
        symbol = self.symbols.by_key.get(term.value[0])
        return symbol is None or symbol.role != "gradient"
