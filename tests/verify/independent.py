"""Cells of `cells/` written a second time, in NumPy and step by step, and their derivatives.

A derivative is a complex step through these lines, which share nothing with the compiler.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

Array = Any
#: A step: weights and inputs of the step by name, states by name -> outputs, new states.
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


STEPS: dict[str, Step] = {"gru_d": gru_d}


def run(
    step: Step,
    weights: Mapping[str, Array],
    inputs: Mapping[str, Array],
    states: Mapping[str, Array],
    lengths: Array,
) -> tuple[Array, dict[str, Array]]:
    """Return the outputs (T, B, n), 0 past the lengths, and the last states by name."""
    current, outputs = dict(states), []
    for t in range(len(next(iter(inputs.values())))):
        put_out, new = step(weights, {n: each[t] for n, each in inputs.items()}, current)
        on = (t < lengths)[:, None]
        outputs.append(np.where(on, put_out, 0))
        current = {name: np.where(on, new[name], current[name]) for name in current}
    return np.array(outputs), current
