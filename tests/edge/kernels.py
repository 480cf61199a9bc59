"""Kernels of cells in every layout and in textbook style, and arguments for them by name."""

from __future__ import annotations

import functools
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.passes import LAYOUTS
from tests.truths.equations import SQUARE, states_of, weights_of
from tests.truths.kernels import state_of

Array = NDArray[Any]

STYLES = ("textbook", *LAYOUTS)
#: Cells whose states stay small whatever their inputs are, one with two states and peepholes.
BOUNDED = ("gru", "lstm-peephole")
#: Cells of which no value has a bound: relu in the first, inputs as they are in the others.
UNBOUNDED = ("ligru", "mingru", "sru")
CELLS = (*BOUNDED, *UNBOUNDED)
#: T, B, D and H.
SIZES = (2, 2, 1, 2)

by_style = pytest.mark.parametrize("style", STYLES)


@functools.cache
def load(cell: str, style: str, unroll: int | None = None, loss: str = "l2") -> ModuleType:
    """The kernel of a cell, in textbook style or in a layout of the fast one."""
    choice: Any = {"style": style} if style == "textbook" else {"layout": style}
    return gc.load(gc.cells[cell], loss=gc.losses[loss], unroll=unroll, **choice)


def draw(
    cell: str,
    dtype: Any = np.float64,
    *,
    sizes: tuple[int, int, int, int] = SIZES,
    x: float = 1,
    weights: float = 1,
    s0: float = 1,
) -> dict[str, Array]:
    """Inputs, targets, states and weights: of either sign, none near 0, all about as large."""
    rng = np.random.default_rng(0)
    T, B, D, H = sizes
    D = H if cell in SQUARE else D

    def numbers(low: float, high: float, *shape: int) -> Array:
        size: Array = rng.uniform(low, high, shape)
        return np.copysign(size, rng.normal(size=shape))

    given = {"x": x * numbers(0.5, 1, T, B, D), "y": numbers(0, 1, T, B, H)}
    given |= {name: s0 * numbers(0.1, 1, B, H) for name in states_of(cell)}
    given |= {
        name: weights * numbers(0.3, 0.5, *shape) for name, shape in weights_of(cell, D, H).items()
    }
    return {name: array.astype(dtype) for name, array in given.items()}


def arguments(kernel: ModuleType, given: dict[str, Array]) -> tuple[Any, Array, Any]:
    """The weights, the inputs and the initial state as `kernel` takes them."""
    params = kernel.Params(**{name: given[name] for name in kernel.Params._fields})
    return params, given["x"], state_of(kernel, [given[name] for name in kernel.STATES])
