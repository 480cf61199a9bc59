"""The equations of the reference GRU in NumPy, traced by HIPS autograd at every call."""

from __future__ import annotations

from typing import Any

import autograd
import autograd.numpy as np

from benchmarks.contenders import Prepared
from benchmarks.problem import Problem


def sigmoid(a: Any) -> Any:
    return 1 / (1 + np.exp(-a))


def loss(weights: Any, x: Any, y: Any, s0: Any) -> Any:
    Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = weights
    S, total = s0, 0
    for x_t, y_t in zip(x, y, strict=True):
        Z = sigmoid(np.dot(x_t, Wz) + np.dot(S, Wrecz))
        R = sigmoid(np.dot(x_t, Wr) + np.dot(S, Wrecr))
        CA = np.tanh(np.dot(x_t, Wca) + np.dot(R * S, Wrecca))
        S = (1 - Z) * S + Z * CA
        total = total + np.sum((S - y_t) ** 2) / 2
    return total


def prepare(problem: Problem, cell: str) -> Prepared:
    weights = tuple(problem.params.values())
    arguments = problem.x, problem.y, problem.states["S"]
    both = autograd.value_and_grad(loss)

    def read(result: Any) -> dict[str, Any]:
        value, gradients = result
        return {"loss": value, **dict(zip(problem.params, gradients, strict=True))}

    return lambda: both(weights, *arguments), read
