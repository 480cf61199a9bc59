"""Weights as a function stores them: transposed, or several in one array."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate, permutations
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

__all__ = ["Arrangement", "Vectors", "fault_of_blocks", "turned"]

Array = NDArray[Any]
#: The shape that a bias (1, n) has: (n,), (1, n) or (n, 1).
Vectors = Literal["vector", "row", "column"]
TRANSPOSED = ".T"


@dataclass(frozen=True)
class Arrangement:
    """One array of a function: a grid of weights, each as declared or transposed.

    Attributes
    ----------
    grid: rows of names; a name that ends in .T is of the transposed weight.
    transposed: whether the whole grid is transposed.
    vectors: the shape of a grid of biases side by side.
    any_order: whether the order of the weights is to be found out.
    """

    grid: tuple[tuple[str, ...], ...]
    transposed: bool = False
    vectors: Vectors = "vector"
    any_order: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the weights."""
        return tuple(_plain(name) for row in self.grid for name in row)

    def join(self, weights: Mapping[str, Array]) -> Array:
        """The array of the function, of `weights` by name, each a matrix."""
        rows = [[self._stored(name, weights) for name in row] for row in self.grid]
        whole = turned(np.block(rows), self.transposed)
        if self._holds_vectors(weights):
            return (
                whole.ravel()
                if self.vectors == "vector"
                else turned(whole.reshape(1, -1), self.vectors == "column")
            )
        return whole

    def part(self, array: Array, weights: Mapping[str, Array]) -> dict[str, Array]:
        """The gradients by the name of the weight, each a matrix, of that of the array.

        An array of another shape is returned as it is, for each of the weights.
        """
        whole = self.join(weights)
        if array.shape != whole.shape:
            if array.size != whole.size or _long(array) != _long(whole):
                return dict.fromkeys(self.names, array)
            array = array.reshape(whole.shape)  # a bias as a row, a column or a vector
        if self._holds_vectors(weights):
            array = turned(array.reshape(1, -1), self.transposed)
        array = turned(array, self.transposed)
        heights = [self._stored(row[0], weights).shape[0] for row in self.grid]
        widths = [self._stored(name, weights).shape[1] for name in self.grid[0]]
        found = {}
        for row, below, height in zip(self.grid, accumulate(heights), heights, strict=True):
            for name, right, width in zip(row, accumulate(widths), widths, strict=True):
                block = array[below - height : below, right - width : right]
                found[_plain(name)] = turned(block, name.endswith(TRANSPOSED))
        return found

    def orders(self) -> Iterator[Arrangement]:
        """The same with its columns, or its rows if it has one column, in every order."""
        if len(self.grid[0]) > 1:
            for order in permutations(range(len(self.grid[0]))):
                yield replace(self, grid=tuple(tuple(row[k] for k in order) for row in self.grid))
        else:
            for rows in permutations(self.grid):
                yield replace(self, grid=rows)

    def _stored(self, name: str, weights: Mapping[str, Array]) -> Array:
        return turned(weights[_plain(name)], name.endswith(TRANSPOSED))

    def _holds_vectors(self, weights: Mapping[str, Array]) -> bool:
        return len(self.grid) == 1 and all(weights[name].shape[0] == 1 for name in self.names)


def fault_of_blocks(
    grid: tuple[tuple[str, ...], ...], shapes: Mapping[str, tuple[Any, ...]]
) -> str | None:
    """Say which blocks of a grid do not fit, by the shapes of the weights; None if all do."""
    columns = tuple(zip(*grid, strict=True))
    for axis, lines, what in ((0, grid, "rows"), (1, columns, "columns")):
        for first, *others in lines:
            wanted = _size(first, axis, shapes)
            for other in others:
                if (size := _size(other, axis, shapes)) != wanted:
                    return f"{first} has {wanted} {what} and {other} has {size}"
    return None


def _size(name: str, axis: int, shapes: Mapping[str, tuple[Any, ...]]) -> Any:
    plain = _plain(name)
    return shapes[plain][axis if plain == name else 1 - axis]


def turned(array: Array, transposed: bool = True) -> Array:
    """The transpose of a matrix, if `transposed`."""
    return array.T if transposed else array


def _plain(name: str) -> str:
    return name.removesuffix(TRANSPOSED)


def _long(array: Array) -> tuple[int, ...]:
    """The sizes of an array that are not 1."""
    return tuple(n for n in array.shape if n != 1)
