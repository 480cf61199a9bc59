"""The loss of the reference GRU and its gradients, written with mpmath scalars at 60 digits.

For a batch of rows, with `o` the elementwise product and no biases:

    Z_t  = sigmoid(x_t Wz  + S_{t-1} Wrecz)
    R_t  = sigmoid(x_t Wr  + S_{t-1} Wrecr)
    CA_t = tanh   (x_t Wca + (R_t o S_{t-1}) Wrecca)
    S_t  = (1 - Z_t) o S_{t-1} + Z_t o CA_t
    L    = 1/2 sum_t sum_{b,h} (S_t - Y_t)^2

(Chung, Gulcehre, Cho, Bengio 2014, arXiv:1412.3555.) Nothing here is differentiated by hand: a
gradient is the complex step Im L(w + ih) / h, entry by entry.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Any

import mpmath

CONTEXT = mpmath.MPContext()
CONTEXT.dps = 60

WEIGHTS = ("Wz", "Wrecz", "Wca", "Wrecca", "Wr", "Wrecr")

#: The truncation of a complex step is of order h^2. An imaginary part has digits of its own and is
#: not subtracted from anything, so h may be small enough to put h^2 far below any round-off.
STEP = "1e-200"

Number = Any  # an mpf or mpc; mpmath carries no types
Matrix = Sequence[Sequence[Number]]
Weights = Mapping[str, Matrix]


def numbers(values: Any) -> Any:
    """An array of Fractions as nested lists of mpmath numbers."""
    if not isinstance(values, Fraction):
        return [numbers(value) for value in values]
    return CONTEXT.fdiv(values.numerator, values.denominator)


def product(left: Matrix, right: Matrix) -> Matrix:
    fdot = CONTEXT.fdot
    return [[fdot(row, column) for column in zip(*right, strict=True)] for row in left]


def elementwise(function: Callable[..., Number], *matrices: Matrix) -> Matrix:
    return [
        [function(*entries) for entries in zip(*rows, strict=True)]
        for rows in zip(*matrices, strict=True)
    ]


def sigmoid(a: Number, b: Number) -> Number:
    return 1 / (1 + CONTEXT.exp(-(a + b)))


def tanh(a: Number, b: Number) -> Number:
    return CONTEXT.tanh(a + b)


def states(w: Weights, x: Sequence[Matrix], s0: Matrix) -> list[Matrix]:
    """S_1 ... S_T, each (B, H), for x of (T, B, D) and s0 of (B, H)."""
    result, s = [], s0
    for x_t in x:
        z = elementwise(sigmoid, product(x_t, w["Wz"]), product(s, w["Wrecz"]))
        r = elementwise(sigmoid, product(x_t, w["Wr"]), product(s, w["Wrecr"]))
        rs = elementwise(lambda r, s: r * s, r, s)
        ca = elementwise(tanh, product(x_t, w["Wca"]), product(rs, w["Wrecca"]))
        s = elementwise(lambda z, s, ca: (1 - z) * s + z * ca, z, s, ca)
        result.append(s)
    return result


def loss(w: Weights, x: Sequence[Matrix], y: Sequence[Matrix], s0: Matrix) -> Number:
    """Half the sum of squares of S_t - Y_t over all time steps, rows and columns."""
    pairs = zip(states(w, x, s0), y, strict=True)
    squares = [elementwise(lambda s, y: (s - y) ** 2, s, y) for s, y in pairs]
    return sum(sum(map(sum, square)) for square in squares) / 2


def gradients(
    w: Weights, x: Sequence[Matrix], y: Sequence[Matrix], s0: Matrix
) -> dict[str, Matrix]:
    """The gradient of the loss with respect to every weight, each in the shape of its weight."""
    step = CONTEXT.mpf(STEP)

    def entry(name: str, i: int, j: int) -> Number:
        weight = [list(row) for row in w[name]]
        weight[i][j] = CONTEXT.mpc(weight[i][j], step)
        return loss({**w, name: weight}, x, y, s0).imag / step

    return {
        name: [[entry(name, i, j) for j in range(len(row))] for i, row in enumerate(weight)]
        for name, weight in w.items()
    }
