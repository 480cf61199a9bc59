"""The reference cell's kernels against `sympy.diff` of the composed loss, all sizes 1.

With B = D = H = 1 every matrix is a scalar and the unrolled loss is one expression, which SymPy
differentiates as it stands: no matrix calculus, no adjoint, no recurrence. Each further time step
costs about eight times the last, which is why this ends at T = 3.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

import mpmath
import numpy as np
import pytest
import sympy

from tests.shares import in_turn
from tests.truths.kernels import KINDS, Kind
from tests.truths.mp import digits, points, reals

WEIGHTS = ("Wz", "Wrecz", "Wca", "Wrecca", "Wr", "Wrecr")

#: The states, the loss and its six derivatives, given the weights, x_1 ..., y_1 ... and s0.
Composed = Callable[..., list[mpmath.mpf]]


def sigmoid(a: sympy.Expr) -> sympy.Expr:
    return 1 / (1 + sympy.exp(-a))


@pytest.fixture(scope="module", params=[1, 2, 3])
def composed(request: pytest.FixtureRequest) -> tuple[int, Composed]:
    steps = request.param
    weights = Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = sympy.symbols(WEIGHTS, real=True)
    x = sympy.symbols(f"x1:{steps + 1}", real=True)
    y = sympy.symbols(f"y1:{steps + 1}", real=True)
    s = s0 = sympy.Symbol("s0", real=True)

    states, loss = [], sympy.Integer(0)
    for x_t, y_t in zip(x, y, strict=True):
        z = sigmoid(x_t * Wz + s * Wrecz)
        r = sigmoid(x_t * Wr + s * Wrecr)
        ca = sympy.tanh(x_t * Wca + r * s * Wrecca)
        s = (1 - z) * s + z * ca
        states.append(s)
        loss += (s - y_t) ** 2 / 2
    derivatives = [sympy.diff(loss, weight) for weight in weights]
    function = sympy.lambdify(
        [*weights, *x, *y, s0], [*states, loss, *derivatives], modules="mpmath", cse=True
    )
    return steps, function


@pytest.mark.parametrize(("kind", "seed"), in_turn(KINDS, range(3)), ids=str)
def test_scalar_sympy(kind: Kind, composed: tuple[int, Composed], seed: int) -> None:
    steps, function = composed
    kernel = kind.load("gru", steps)
    random = Random(seed)
    weights, x, y, s0 = (points(random, n, 1, 1) for n in (len(WEIGHTS), steps, steps, 1))

    with mpmath.workdps(60):
        drawn = np.concatenate([weights, x, y, s0]).ravel()
        values = function(*(mpmath.fdiv(*point.as_integer_ratio()) for point in drawn))
    states, loss, derivatives = values[:steps], values[steps], values[steps + 1 :]

    params = kernel.Params(**dict(zip(WEIGHTS, reals(weights), strict=True)))
    outputs, _ = kernel.forward(params, reals(x), reals(s0[0]))
    result = kernel.loss_and_gradients(params, reals(x), reals(y), reals(s0[0]))

    agreement = {
        "outputs": digits(outputs.ravel(), states),
        "loss": digits(result.loss, loss),
        "state": digits(result.state.ravel(), states[-1:]),
    }
    for name, derivative in zip(WEIGHTS, derivatives, strict=True):
        agreement[name] = digits(getattr(result.gradients, name), [[derivative]])
    assert all(found >= 40 for found in agreement.values()), agreement
