"""Back-propagation through time for the reference GRU, written by hand: a peer to measure against.

As a competent NumPy user writes it from the equations: one matrix product per weight and
time step, every gate stored for the backward pass, weight gradients summed as they come. Nothing
is stacked, hoisted out of the time loop or computed in place.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Params(NamedTuple):
    """The weights: (D, H) for those that multiply the input, (H, H) for the recurrent ones."""

    Wz: Array
    Wrecz: Array
    Wca: Array
    Wrecca: Array
    Wr: Array
    Wrecr: Array


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def loss_and_gradients(
    params: Params, x: Array, y: Array, s0: Array | None = None
) -> tuple[float, Params, Array]:
    """Return the L2 loss over all time steps, its six gradients and the last state (B, H).

    x is (T, B, D), y is (T, B, H) and s0 is (B, H), zeros if None. All share one dtype.
    """
    Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = params
    S = np.zeros_like(y[0]) if s0 is None else s0

    loss = 0.0
    stored = []
    for x_t, y_t in zip(x, y, strict=True):
        S_prev = S
        Z = sigmoid(x_t @ Wz + S_prev @ Wrecz)
        R = sigmoid(x_t @ Wr + S_prev @ Wrecr)
        RS = R * S_prev
        CA = np.tanh(x_t @ Wca + RS @ Wrecca)
        S = (1 - Z) * S_prev + Z * CA
        error = S - y_t
        loss += 0.5 * float(np.sum(error**2))
        stored.append((x_t, S_prev, Z, R, RS, CA, error))

    dWz, dWrecz, dWca, dWrecca, dWr, dWrecr = gradients = Params(*map(np.zeros_like, params))
    carry = np.zeros_like(S)
    for x_t, S_prev, Z, R, RS, CA, error in reversed(stored):
        dS = error + carry
        # a_*: what goes into the gate's sigmoid or tanh; da_* is its adjoint.
        da_z = dS * (CA - S_prev) * Z * (1 - Z)
        da_ca = dS * Z * (1 - CA**2)
        dRS = da_ca @ Wrecca.T
        da_r = dRS * S_prev * R * (1 - R)

        dWz += x_t.T @ da_z
        dWrecz += S_prev.T @ da_z
        dWca += x_t.T @ da_ca
        dWrecca += RS.T @ da_ca
        dWr += x_t.T @ da_r
        dWrecr += S_prev.T @ da_r

        carry = dS * (1 - Z) + dRS * R + da_z @ Wrecz.T + da_r @ Wrecr.T

    return loss, gradients, S
