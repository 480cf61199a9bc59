"""Points at which a function is called: small sizes and random data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gru_codegen.cell import Cell
from gru_codegen.losses import Loss

__all__ = ["Data", "Point", "points"]

Array = NDArray[Any]


@dataclass(frozen=True)
class Data:
    """The kinds of data that a function takes.

    Attributes
    ----------
    one_sample: whether it knows no batch, so that B is 1 throughout.
    one_hot: whether x is one-hot, since the function takes indices.
    no_state: whether it takes no initial state, so that this is zero throughout.
    sizes: those that are fixed, by their letters.
    """

    one_sample: bool = False
    one_hot: bool = False
    no_state: bool = False
    sizes: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Point:
    """Sizes by their letters, and data as the derivation has them.

    Attributes
    ----------
    name: what is special about it; empty if nothing is.
    weights: by name, each a matrix; a bias is (1, n).
    x, y: (T, B, D) and (T, B, O). states: by name, each (B, n).
    """

    name: str
    sizes: Mapping[str, int]
    weights: Mapping[str, Array]
    x: Array
    y: Array
    states: Mapping[str, Array]


#: What is special about a point; T and B; the first of its other sizes, which go on from there.
_SPECIAL = (
    ("", 3, 2, 4),
    ("", 2, 5, 3),
    ("T = 1", 1, 3, 2),
    ("s0 = 0", 3, 2, 3),
    ("B = 1", 3, 1, 4),
)


def points(cell: Cell, loss: Loss, data: Data) -> Iterator[Point]:
    """Two points where nothing is special, then one step, zero states, and one sample."""
    rng = np.random.default_rng(7)
    for name, T, B, first in _SPECIAL:
        if (name == "s0 = 0" and data.no_state) or (name == "B = 1" and data.one_sample):
            continue
        sizes = {"T": T, "B": 1 if data.one_sample else B}
        others = dict.fromkeys(str(n) for n in _sizes(cell) if str(n) not in ("1", *sizes))
        sizes |= dict(zip(others, cycle(range(first, first + max(3, len(others)))), strict=False))
        sizes |= dict(data.sizes)
        if (name == "T = 1" and sizes["T"] != 1) or (name == "B = 1" and sizes["B"] != 1):
            continue
        yield _point(name, cell, loss, data, sizes, rng)


def _sizes(cell: Cell) -> Iterator[Any]:
    symbols = (*cell.inputs, *cell.weights, *cell.states, *cell.outputs)
    return (number for symbol in symbols for number in symbol.shape)


def _point(
    name: str, cell: Cell, loss: Loss, data: Data, sizes: Mapping[str, int], rng: Any
) -> Point:
    def normal(symbol: Any, *before: int) -> Array:
        shape = (1 if n == 1 else sizes[str(n)] for n in symbol.shape)
        return np.asarray(rng.standard_normal((*before, *shape)))

    T = sizes["T"]
    states = {state.name: normal(state) for state in cell.states}
    if data.no_state or name == "s0 = 0":
        states = {state: np.zeros_like(value) for state, value in states.items()}
    x, y = normal(cell.inputs[0], T), normal(cell.outputs[0], T)
    if loss.targets in ("fractions", "positive"):  # from 0 to 1 all are positive
        y = 1 / (1 + np.exp(-y))
    for low, high in loss.checks.values():
        y = rng.uniform(low, high, y.shape)
    weights = {weight.name: 0.7 * normal(weight) for weight in cell.weights}
    return Point(
        name,
        sizes,
        weights,
        _one_hot(x) if data.one_hot else x,
        _one_hot(y) if loss.targets == "labels" else y,
        states,
    )


def _one_hot(array: Array) -> Array:
    return np.asarray(np.eye(array.shape[-1])[array.argmax(axis=-1)])
