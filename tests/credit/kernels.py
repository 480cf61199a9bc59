"""Kernels with `credit`, and the E[k->t] of each from its own loss, one step at a time."""

from __future__ import annotations

from functools import cache
from itertools import product
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

import gru_codegen as gc
from gru_codegen.verify.configuration import Problem, Sizes, cast
from gru_codegen.verify.options import lengths, weights

STEP = 1e-30
#: Several states, readouts, biases, means, labels; a state read after the reset, one input alone.
CASES = [
    ("gru", "l2", "none"),
    ("gru-bias", "l2-mean", "linear"),
    ("gru-reset-after", "bce", "linear"),
    ("lstm", "cross-entropy", "linear"),
    ("lstm-peephole", "l2", "none"),
    ("lstm-coupled", "l2", "linear"),
    ("sru", "l2", "none"),
    ("rnn", "l2", "linear"),
]


@cache
def kernel(cell: str, loss: str = "l2", readout: str = "none", **choices: Any) -> ModuleType:
    """The kernel of a cell of the package, with `credit`."""
    loss_of = gc.losses[loss]
    return gc.load(gc.cells[cell], loss=loss_of, readout=readout, extras=["credit"], **choices)


def problem(module: ModuleType) -> Problem:
    """Small random data, all sizes different."""
    sizes = Sizes(3, 4, 2, 5)
    if not {"D", "H"} <= set(module.SIZES):
        sizes = sizes._replace(D=5)
    return Problem(module, sizes, seed=0)


def masks(data: Problem) -> dict[str, Any]:
    """Lengths and loss weights, of which some are 0."""
    T, B = data.sizes[:2]
    V = weights(T, B)
    V[1] = 0  # a step without an error
    return {"lengths": lengths(T, B, first=2), "loss_weights": V}


def entries(data: Problem, *, lengths: Any = None, loss_weights: Any = None) -> list[NDArray[Any]]:
    """Every E[k->t] (T, T, *shape) of each weight, by complex steps in the weights of one step.

    The kernel is run step by step, so that each step can have weights of its own.
    """
    read, T = data.arguments, data.sizes[0]
    start, states = cast(read.params, np.complex128), [cast(read.s0, np.complex128)]
    counts = np.ones((T, data.sizes[1])) if loss_weights is None else loss_weights
    if lengths is not None:
        counts = np.where(np.arange(T)[:, None] < lengths, counts, 0)
    mean = gc.losses[data.kernel.LOSS].mean

    def step(k: int, params: Any, state: Any) -> tuple[Any, Any]:
        """L_k and the state after step k."""
        x, y = read.inputs[0][k : k + 1], read.y[k : k + 1]
        given = {} if lengths is None else {"lengths": np.clip(lengths - k, 0, 1)}
        V = None if loss_weights is None else loss_weights[k : k + 1]
        error = data.kernel.loss(params, x, y, state, loss_weights=V, **given)
        error *= counts[k].sum() / counts.sum() if mean else 1
        return error, data.kernel.forward(params, x, state, **given)[1]

    for k in range(T):
        states.append(step(k, start, states[-1])[1])
    found = [np.zeros((T, T, *W.shape)) for W in read.params]
    for i, W in enumerate(start):
        for t, place in product(range(T), range(W.size)):
            moved, state = [each.copy() for each in start], states[t]
            moved[i].flat[place] += 1j * STEP
            for k in range(t, T):
                error, state = step(k, type(start)(*moved) if k == t else start, state)
                found[i][k, t].flat[place] = error.imag / STEP
    return found
