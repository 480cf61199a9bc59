"""Cells of `cells/` written a second time, in NumPy and step by step, and their derivatives.

A derivative is a complex step through these lines, which share nothing with the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any
#: A step: weights and constants, inputs of the step and states, by name -> outputs, new states.
Step = Callable[[Mapping[str, Array], Mapping[str, Array], Mapping[str, Array]], Any]


def sigmoid(a: Array) -> Array:
    return 1 / (1 + np.exp(-a))


def relu(a: Array) -> Array:
    return np.where(a.real > 0, a, 0)


def gru_d(p: Mapping[str, Array], x: Mapping[str, Array], before: Mapping[str, Array]) -> Any:
    """Equations (3) to (6) and (10) to (14) of Che et al. 2018, with o_t the state."""
    m, S, last = x["mask"], before["S"], before["XL"]
    gamma_x = np.exp(-relu(x["delta"] * p["wgx"] + p["bgx"]))
    gamma_h = np.exp(-relu(x["delta"] @ p["Wgs"] + p["bgs"]))
    x_hat = m * x["x"] + (1 - m) * (gamma_x * last + (1 - gamma_x) * p["mean"])
    h = gamma_h * S
    z = sigmoid(x_hat @ p["Wz"] + h @ p["Uz"] + m @ p["Vz"] + p["bz"])
    r = sigmoid(x_hat @ p["Wr"] + h @ p["Ur"] + m @ p["Vr"] + p["br"])
    h_tilde = np.tanh(x_hat @ p["Wca"] + (r * h) @ p["Uca"] + m @ p["Vca"] + p["bca"])
    new = (1 - z) * h + z * h_tilde
    return new, {"S": new, "XL": m * x["x"] + (1 - m) * last}


def antisymmetric(p: Mapping[str, Array], x: Mapping[str, Array], before: Any) -> Any:
    """Equation (13) of Chang et al. 2019, with a step of 1/10 and a friction of 1/100."""
    h, u = before["S"], x["x"]
    m = h @ (p["Wh"] - p["Wh"].T - np.diag(np.full(h.shape[1], 0.01)))
    new = h + 0.1 * sigmoid(m + u @ p["Vz"] + p["bz"]) * np.tanh(m + u @ p["Vh"] + p["bh"])
    return new, {"S": new}


def legendre(p: Mapping[str, Array], x: Mapping[str, Array], before: Any) -> Any:
    """The matrices as the papers write them, number by number."""
    S, M, N, u = before["S"], before["M"], before["N"], x["x"]
    K, H = M.shape[1], S.shape[1]
    delay, legs, near = np.zeros((K, K)), np.zeros((K, K)), np.zeros((K, K))
    for i in range(K):
        for j in range(K):
            delay[i, j] = (2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1))
            near[i, j] = abs(i - j) < 2
            if i == j:
                legs[i, j] = -(i + 1)
            elif i > j:
                legs[i, j] = -((2 * i + 1) ** 0.5) * (2 * j + 1) ** 0.5
    into = np.array([(2 * i + 1) * (-1) ** i for i in range(K)])
    legs_in = np.array([(2 * i + 1) ** 0.5 for i in range(K)])
    U = u @ p["Ux"] + S @ p["Us"]
    M, N = (
        M + (M @ delay.T + U * into) / 20,
        N @ p["keep"] + (N @ (legs.T + near) + U * legs_in) / 20,
    )
    past = np.array([[float(i >= j) for j in range(H)] for i in range(H)])
    S = np.tanh(u @ p["Wx"] + (M + N) @ p["Wm"] + S @ (p["Ws"] * past) + p["shift"])
    return S, {"S": S, "M": M, "N": N}


def several_outputs(p: Mapping[str, Array], x: Mapping[str, Array], before: Any) -> Any:
    S, Z, u = before["S"], before["Z"], x["x"]
    g = sigmoid(u @ p["Wg"])
    S = g * S + (1 - g) * np.tanh(u @ p["W"] + S @ p["Wrec"] + Z @ p["U"] + p["b"])
    Z = np.tanh(S @ p["Wz"] + Z)
    return (g, Z, S), {"S": S, "Z": Z}


STEPS: dict[str, Step] = {
    "gru_d": gru_d,
    "antisymmetric": antisymmetric,
    "legendre": legendre,
    "several_outputs": several_outputs,
}


def run(
    step: Step,
    weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
    states: Mapping[str, Array],
    lengths: Array,
) -> tuple[tuple[Array, ...], dict[str, Array]]:
    """Return each output (T, B, n), 0 past the lengths, and the last states by name."""
    current, steps = dict(states), []
    for t in range(len(next(iter(inputs.values())))):
        put_out, new = step(weights, {n: each[t] for n, each in inputs.items()}, current)
        on = (t < lengths)[:, None]
        several = put_out if isinstance(put_out, tuple) else (put_out,)
        steps.append([np.where(on, each, 0) for each in several])
        current = {name: np.where(on, new[name], current[name]) for name in current}
    return tuple(map(np.array, zip(*steps, strict=True))), current
