"""Factors that a loss or a gradient may be wrong by, as formulas in the sizes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import product
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Factor", "factor", "factor_of_numbers", "plain_factors", "said", "tolerance"]

Array = NDArray[Any]
#: The relative error of the same operations in two orders, in float64 and in float32.
DOUBLE, SINGLE = 1e-9, 2e-5


class Factor(NamedTuple):
    """A number times sizes to the power of 1, 0 or -1."""

    number: Fraction
    powers: Mapping[str, int]

    @classmethod
    def one(cls) -> Factor:
        """The factor that changes nothing."""
        return cls(Fraction(1), {})

    def at(self, sizes: Mapping[str, int]) -> float:
        """Value for given sizes."""
        return float(self.number) * prod(float(sizes[n]) ** k for n, k in self.powers.items())

    def __str__(self) -> str:
        over = [n for n, k in self.powers.items() if k > 0]
        under = [n for n, k in self.powers.items() if k < 0]
        above, below = abs(self.number.numerator), self.number.denominator
        top = " ".join(([str(above)] if above != 1 or not over else []) + over)
        bottom = " ".join(([str(below)] if below != 1 else []) + under)
        sign = "-" if self.number < 0 else ""
        if not bottom:
            return f"{sign}{top}"
        return f"{sign}{top}/({bottom})" if " " in bottom else f"{sign}{top}/{bottom}"


def _known(letters: Sequence[str]) -> Iterator[Factor]:
    """The factors that are known, the plainest first."""
    numbers = [Fraction(n) for n in (1, 2, Fraction(1, 2), -1, -2, Fraction(-1, 2))]
    powers = product((0, -1, 1), repeat=len(letters))
    every = (
        Factor(number, {n: k for n, k in zip(letters, chosen, strict=True) if k})
        for chosen in powers
        for number in numbers
    )
    return iter(sorted(every, key=lambda f: (len(f.powers) + (f.number != 1), f.number != 1)))


def tolerance(found: Array) -> float:
    """The relative error of the dtype that a function computes in."""
    return SINGLE if found.dtype in (np.float32, np.float16) else DOUBLE


def factor_of_numbers(
    ratios: Sequence[tuple[float, Mapping[str, int]]], close: float = DOUBLE
) -> Factor | None:
    """The factor that has these values for these sizes, if it is a known one.

    The letters are T, B and that of the outputs, O or H. close: the relative error of the values.
    """
    for known in _known(_letters(ratios[0][1])):
        if all(abs(known.at(s) - ratio) <= close * abs(ratio) for ratio, s in ratios):
            return known
    return None


def plain_factors(sizes: Mapping[str, int]) -> Iterator[Factor]:
    """The factors that all gradients are most often multiples by."""
    for known in _known(_letters(sizes)):
        over = any(power > 0 for power in known.powers.values())
        if known != Factor.one() and not over and (known.number == 1 or not known.powers):
            yield known


def _letters(sizes: Mapping[str, int]) -> list[str]:
    return [letter for letter in ("T", "B", "O" if "O" in sizes else "H") if letter in sizes]


def factor(cases: Iterable[tuple[Array, Array, Mapping[str, int]]]) -> str | None:
    """The multiple of what is expected that is found, in words; None if it is none.

    cases: found, expected and sizes.
    """
    ratios, close = [], DOUBLE
    for found, expected, sizes in cases:
        if found.shape != expected.shape:
            return None
        square = float((expected * expected).sum())
        if square == 0:
            if found.any():
                return None
            continue
        close = tolerance(found)
        ratio = float((found * expected).sum()) / square
        if ratio == 0 or np.abs(found - ratio * expected).max() > close * np.abs(found).max():
            return None
        ratios.append((ratio, sizes))
    if not ratios:
        return None
    known = factor_of_numbers(ratios, close)
    if known is not None:
        return said(known)
    if np.ptp([ratio for ratio, _ in ratios]) <= close * abs(ratios[0][0]):
        return f"is {ratios[0][0]:.6g} times what it has to be"
    return "has the right direction, and a length that differs by another factor at each call"


def said(known: Factor) -> str:
    """A factor as the rest of a sentence."""
    fraction = abs(known.number) < 1 or any(power < 0 for power in known.powers.values())
    return f"is {known} {'of' if fraction else 'times'} what it has to be"
