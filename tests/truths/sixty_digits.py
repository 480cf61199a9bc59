"""The loss of any cell and its gradients, of its equations written by hand, at 60 digits.

The loss is L = 1/2 sum_t sum_{b,h} (output_t - Y_t)^2. Nothing is differentiated by hand: a
gradient is the complex step Im L(w + ih) / h, entry by entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, NamedTuple

import mpmath
import numpy as np

from tests.truths import equations
from tests.truths.mp import Array

CONTEXT = mpmath.MPContext()
CONTEXT.dps = 60

#: The truncation of a complex step is of order h^2. An imaginary part has digits of its own and is
#: not subtracted from anything, so h may be small enough to put h^2 far below any round-off.
STEP = "1e-200"


class Functions:
    """The functions of the equations on object arrays of mpmath numbers, real or complex."""

    @staticmethod
    def sigmoid(a: Array) -> Any:
        return np.frompyfunc(lambda entry: 1 / (1 + CONTEXT.exp(-entry)), 1, 1)(a)

    @staticmethod
    def tanh(a: Array) -> Any:
        return np.frompyfunc(CONTEXT.tanh, 1, 1)(a)

    @staticmethod
    def relu(a: Array) -> Any:
        return np.frompyfunc(lambda entry: entry if entry.real > 0 else 0 * entry, 1, 1)(a)


class Run(NamedTuple):
    """What a cell computes: outputs (T, B, H), the last states (B, H), and the loss."""

    outputs: Array
    states: tuple[Array, ...]
    loss: Any


def numbers(fractions: Array) -> Array:
    """The same numbers as an object array of mpmath's."""

    def number(fraction: Fraction) -> Any:
        return CONTEXT.fdiv(fraction.numerator, fraction.denominator)

    converted: Array = np.frompyfunc(number, 1, 1)(fractions)
    return converted


def run(cell: str, given: Mapping[str, Array]) -> Run:
    """Run a cell on arrays of mpmath numbers: x, y, its initial states and its weights."""
    own = dict(given)
    x, y = own.pop("x"), own.pop("y")
    before = tuple(own.pop(name) for name in equations.states_of(cell))
    outputs, states = equations.run(cell, Functions, own, x, before)
    stacked = np.array(outputs, dtype=object)
    return Run(stacked, states, ((stacked - y) ** 2).sum() / 2)


def gradients(cell: str, given: Mapping[str, Array]) -> dict[str, Array]:
    """The gradient of the loss with respect to everything that is given, but the targets."""
    step = CONTEXT.mpf(STEP)

    def entry(name: str, place: tuple[int, ...]) -> Any:
        moved = given[name].copy()
        moved[place] = CONTEXT.mpc(moved[place], step)
        return run(cell, {**given, name: moved}).loss.imag / step

    found = {name: np.empty_like(array) for name, array in given.items() if name != "y"}
    for name, gradient in found.items():
        for place in np.ndindex(gradient.shape):
            gradient[place] = entry(name, place)
    return found
