"""Matrices that are laid side by side and one below the other, as regions of one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby, pairwise

from gru_codegen.emit.sizes import added, sliced
from gru_codegen.ir import Call, Const, Expr, shape_of

__all__ = ["Grid", "Region", "cut", "doubled"]

#: Spells a size, or a sum of sizes as ``D+H``.
Size = Callable[[str], str]


def _spelled(size: str) -> str:
    return added([size])


@dataclass(frozen=True)
class Region:
    """Neighbouring matrices of a grid: the first band and column, and those behind the last."""

    top: int
    left: int
    bottom: int
    right: int

    @property
    def number(self) -> int:
        """The number of matrices in it."""
        return (self.bottom - self.top) * (self.right - self.left)


@dataclass(frozen=True)
class Grid:
    """The matrices of ``below(beside(A, B), beside(C, D))``, band by band."""

    bands: tuple[tuple[Expr, ...], ...]

    @classmethod
    def of(cls, value: Call) -> Grid:
        """The grid that `value`, beside or below, lays out."""
        bands = value.args if value.operation == "below" else (value,)
        return cls(tuple(map(_band, bands)))

    @property
    def whole(self) -> Region:
        """All of it."""
        return Region(0, 0, len(self.bands), len(self.bands[0]))

    def matrices(self) -> Iterator[tuple[Region, Expr]]:
        """Each matrix and where it stands."""
        for row, band in enumerate(self.bands):
            for column, matrix in enumerate(band):
                yield Region(row, column, row + 1, column + 1), matrix

    def halved(self) -> list[Region]:
        """The largest regions that are halves throughout."""
        regions: list[Region] = []
        marked = [[doubled(matrix) is not None for matrix in band] for band in self.bands]
        keyed = [(_runs(marks), self._widths(band)) for band, marks in enumerate(marked)]
        top = 0
        for (runs, _), alike in groupby(keyed):
            bottom = top + len(list(alike))
            regions += [Region(top, left, bottom, right) for left, right in runs]
            top = bottom
        return regions

    def index(self, region: Region, size: Size = _spelled, turned: bool = False) -> str:
        """The place of `block` in code; a vector, which is a row, by its number."""
        heights = [("1", *shape_of(band[0]))[-2] for band in self.bands]
        vector = len(shape_of(self.bands[region.top][0])) == 1 and region.bottom == region.top + 1
        rows = cut(heights, region.top, region.bottom, size, vector)
        columns = cut(self._widths(region.top), region.left, region.right, size)
        return ", ".join((columns, rows) if turned else (rows, columns))

    def _widths(self, band: int) -> list[str]:
        return [shape_of(matrix)[-1] for matrix in self.bands[band]]


def doubled(matrix: Expr) -> Expr | None:
    """The whole that `matrix` is half of, if it is written so."""
    if isinstance(matrix, Call) and matrix.operation == "multiply":
        factor, whole = matrix.args
        return whole if factor == Const(Fraction(1, 2)) else None
    return None


def cut(sizes: list[str], start: int, stop: int, size: Size, single: bool = False) -> str:
    """Neighbours from `start` up to `stop` in code: a slice, or of a `single` row its number."""
    low = size("+".join(sizes[:start])) if start else ""
    if single:
        return low or "0"
    high = size("+".join(sizes[:stop])) if stop < len(sizes) else ""
    return sliced(low, high)


def _band(band: Expr) -> tuple[Expr, ...]:
    return band.args if isinstance(band, Call) and band.operation == "beside" else (band,)


def _runs(marked: list[bool]) -> list[tuple[int, int]]:
    """From where to where without a gap they are all marked."""
    edges = [n for n, (a, b) in enumerate(pairwise([False, *marked, False])) if a != b]
    return list(zip(edges[::2], edges[1::2], strict=True))
