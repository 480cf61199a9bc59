"""Polynomials in sizes: counts of operations and of stored numbers, as formulas in T, B, D, H."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

from gru_codegen.ir import Shape

__all__ = ["Polynomial"]


class Polynomial:
    """A sum of products of sizes, as ``12 T B D H + 7 T B H``."""

    def __init__(self, terms: Mapping[Shape, int] | None = None) -> None:
        self.terms: Counter[Shape] = Counter()
        for sizes, coefficient in (terms or {}).items():
            self.terms[_sorted(sizes)] += coefficient

    @classmethod
    def product(cls, coefficient: int, sizes: Shape) -> Polynomial:
        """``coefficient * sizes[0] * sizes[1] ...``; a size may be a number in text, or a sum."""
        for place, size in enumerate(sizes):
            if "+" in size:  # several side by side
                total = cls()
                for one in size.split("+"):
                    total += cls.product(coefficient, (*sizes[:place], one, *sizes[place + 1 :]))
                return total
        names = tuple(size for size in sizes if not size.isdigit())
        for size in sizes:
            coefficient *= int(size) if size.isdigit() else 1
        return cls({names: coefficient} if coefficient else {})

    def __add__(self, other: Polynomial) -> Polynomial:
        return Polynomial(self.terms + other.terms)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.terms == other.terms

    __hash__ = None  # type: ignore[assignment]  # it compares by value and holds a Counter

    def times(self, factor: int) -> Polynomial:
        """Every coefficient multiplied by `factor`."""
        return Polynomial({sizes: factor * n for sizes, n in self.terms.items()})

    def fixed(self, sizes: Mapping[str, int]) -> Polynomial:
        """The same with numbers for some of the sizes."""
        total = Polynomial()
        for names, coefficient in self.terms.items():
            numbers = [str(sizes.get(name, name)) for name in names]
            total += Polynomial.product(coefficient, tuple(numbers))
        return total

    def at(self, sizes: Mapping[str, int]) -> int:
        """The value for these sizes."""
        total = 0
        for names, coefficient in self.terms.items():
            for name in names:
                coefficient *= sizes[name]
            total += coefficient
        return total

    def __str__(self) -> str:
        return " + ".join(self.addends())

    def addends(self) -> list[str]:
        """The terms as they are written, the longest products first; "0" if there are none."""
        ordered = sorted(self.terms.items(), key=lambda item: (-len(item[0]), item[0]))
        terms = []
        for sizes, n in ordered:
            factor = [] if n == 1 and sizes else [str(n)]
            terms += [" ".join([*factor, *_powers(sizes)])] if n else []
        return terms or ["0"]


_ORDER = "TBDHO"


def _sorted(sizes: Shape) -> Shape:
    """T, B, D, H and O in this order, then any others."""
    return tuple(sorted(sizes, key=lambda size: ((_ORDER + size).index(size), size)))


def _powers(sizes: Shape) -> list[str]:
    return [size if n == 1 else f"{size}^{n}" for size, n in Counter(sizes).items()]
