"""A cell with two states and vectors among its weights, by hand: what an LSTM asks of the checks.

C_t = p o C_{t-1} + x_t W + S_{t-1} Wrec + b
S_t = tanh(C_t)
L   = 1/2 sum_t sum_{b,h} (S_t - Y_t)^2
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNROLL: int | None = None
CELL = "two-states"
LOSS = "l2"
READOUT = "none"
STYLE = "textbook"
EQUATIONS = __doc__ or ""
STATES = ("S", "C")
SIZES = ("B", "D", "H")
OUTPUT = "S"
CONTRACT = 1


class Params(NamedTuple):
    """The weights W (D, H), Wrec (H, H), b (H,) and p (H,)."""

    W: Array
    Wrec: Array
    b: Array
    p: Array


class State(NamedTuple):
    """Both states, (B, H) each."""

    S: Array
    C: Array


class Result(NamedTuple):
    """The loss, its gradient for each weight, and the last state."""

    loss: Any
    gradients: Params
    state: State


class Workspace:
    """Its sizes and dtype; nothing is kept in it."""

    def __init__(
        self, batch_size: int, input_size: int, hidden_size: int, dtype: Any = np.float64
    ) -> None:
        self.key = (batch_size, input_size, hidden_size, np.dtype(dtype))


def init_params(
    input_size: int, hidden_size: int, *, rng: Any = None, dtype: Any = np.float64
) -> Params:
    """Draw the matrices from N(0, 1); the vectors are zero."""
    rng = np.random.default_rng(rng)
    D, H = input_size, hidden_size
    drawn = rng.normal(size=(D, H)), rng.normal(size=(H, H)), np.zeros(H), np.zeros(H)
    return Params(*(weight.astype(dtype) for weight in drawn))


def forward(
    params: Params, x: Any, s0: Any = None, *, workspace: Workspace | None = None
) -> tuple[Array, State]:
    """Return the outputs (T, B, H) and the last state."""
    params, x, S, C = _checked(params, x, s0, workspace)
    steps = _run(params, x, S, C)
    return np.array([S for S, _ in steps[1:]]), State(*(state.copy() for state in steps[-1]))


def loss(
    params: Params, x: Any, y: Any, s0: Any = None, *, workspace: Workspace | None = None
) -> Any:
    """Return 1/2 sum (S_t - Y_t)^2."""
    return loss_and_gradients(params, x, y, s0, workspace=workspace).loss


def loss_and_gradients(
    params: Params, x: Any, y: Any, s0: Any = None, *, workspace: Workspace | None = None
) -> Result:
    """Return the loss, its gradient for each weight, and the last state."""
    params, x, S, C = _checked(params, x, s0, workspace)
    y = _array("y", y, (*x.shape[:2], S.shape[1]), S.dtype)
    steps = _run(params, x, S, C)
    gradients = Params(*map(np.zeros_like, params))
    total, dS, dC = (S[0, 0] * 0), np.zeros_like(S), np.zeros_like(C)
    for t in reversed(range(len(x))):
        (S_prev, C_prev), (S, _) = steps[t], steps[t + 1]
        total = total + ((S - y[t]) ** 2).sum() / 2
        dC = dC + (dS + S - y[t]) * (1 - S * S)
        gradients.W[...] += x[t].T @ dC
        gradients.Wrec[...] += S_prev.T @ dC
        gradients.b[...] += dC.sum(axis=0)
        gradients.p[...] += (dC * C_prev).sum(axis=0)
        dS, dC = dC @ params.Wrec.T, dC * params.p
    value = float(total) if S.dtype in (np.float32, np.float64) else total
    return Result(value, gradients, State(*(state.copy() for state in steps[-1])))


def _run(params: Params, x: Array, S: Array, C: Array) -> list[tuple[Array, Array]]:
    steps = [(S, C)]
    for x_t in x:
        C = params.p * C + x_t @ params.W + S @ params.Wrec + params.b
        S = np.tanh(C)
        steps.append((S, C))
    return steps


def _checked(
    params: Any, x: Any, s0: Any, workspace: Workspace | None
) -> tuple[Params, Array, Array, Array]:
    if set(getattr(params, "_fields", ())) != set(Params._fields):
        raise TypeError(f"params must have the fields {', '.join(Params._fields)}")
    params = Params(**params._asdict())
    (D, H), dtype = params.W.shape, params.W.dtype
    for name, shape in {"W": (D, H), "Wrec": (H, H), "b": (H,), "p": (H,)}.items():
        weight = getattr(params, name)
        if weight.dtype != dtype or dtype.kind not in "fcO":
            raise TypeError(f"params must be of one dtype that is not integer; {name} is not")
        _array(name, weight, shape, dtype)
    x = np.asarray(x)
    if x.ndim != 3 or x.shape[2] != D:
        raise ValueError(f"x must have shape (T, B, {D}), not {x.shape}")
    B = x.shape[1]
    if workspace is not None and workspace.key != (B, D, H, dtype):
        raise ValueError(f"workspace is for (B, D, H, dtype) = {workspace.key}")
    S, C = (np.zeros((B, H), dtype),) * 2 if s0 is None else s0
    S, C = _array("s0.S", S, (B, H), dtype), _array("s0.C", C, (B, H), dtype)
    return params, _array("x", x, x.shape, dtype), S, C


def _array(name: str, value: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    array: Array = np.asarray(value)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {shape}, not {array.shape}")
    if array.dtype.kind not in "iu" and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{name} must be {dtype}, not {array.dtype}")
    return array.astype(dtype, copy=False)
