"""A GRU with the L2 loss, for any number of time steps, written by hand to the contract.

It stands in for a generated kernel where the compiler is not the subject: it is the textbook
back-propagation through time, and its faults are its author's own.

    Z_t  = sigmoid(x_t Wz + S_{t-1} Wrecz)                update gate
    R_t  = sigmoid(x_t Wr + S_{t-1} Wrecr)                reset gate
    CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)         candidate activation
    S_t  = (1 - Z_t) o S_{t-1} + Z_t o CA_t               state
    L    = 1/2 sum_t sum_{b,h} (S_t - Y_t)^2              loss
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

UNROLL: int | None = None
CELL = "gru"
LOSS = "l2"
READOUT = "none"
STYLE = "textbook"
EQUATIONS = __doc__ or ""
STATES = ("S",)
SIZES = ("B", "D", "H")
OUTPUT = "S"
CONTRACT = 1


class Params(NamedTuple):
    """The weights: (D, H) for the input, (H, H) for the state."""

    Wz: Array
    Wrecz: Array
    Wca: Array
    Wrecca: Array
    Wr: Array
    Wrecr: Array


class Result(NamedTuple):
    """The loss, its gradient for each weight, and the last state (B, H)."""

    loss: Any
    gradients: Params
    state: Array


class Workspace:
    """Buffers for batches of one size, and for as many time steps as were ever asked for."""

    def __init__(
        self, batch_size: int, input_size: int, hidden_size: int, dtype: Any = np.float64
    ) -> None:
        self.key = (batch_size, input_size, hidden_size, np.dtype(dtype))
        self.grow(0)

    def grow(self, T: int) -> None:
        B, _, H, dtype = self.key
        self.S = np.empty((T + 1, B, H), dtype)
        self.Z, self.R, self.CA = np.empty((3, T, B, H), dtype)


def init_params(
    input_size: int, hidden_size: int, *, rng: Any = None, dtype: Any = np.float64
) -> Params:
    """Draw every weight from U(-1/sqrt(H), 1/sqrt(H))."""
    rng = np.random.default_rng(rng)
    rows = (input_size, hidden_size) * 3
    bound = 1 / np.sqrt(hidden_size)
    return Params(*(rng.uniform(-bound, bound, (n, hidden_size)).astype(dtype) for n in rows))


def forward(
    params: Params, x: Any, s0: Any = None, *, workspace: Workspace | None = None
) -> tuple[Array, Array]:
    """Return the outputs (T, B, H) and the last state (B, H) for x (T, B, D), s0 (B, H)."""
    params, x, s0, w = _checked(params, x, s0, workspace)
    T = len(x)
    _run(params, x, s0, w)
    return w.S[1 : T + 1].copy(), w.S[T].copy()


def loss(
    params: Params, x: Any, y: Any, s0: Any = None, *, workspace: Workspace | None = None
) -> Any:
    """Return 1/2 sum (S_t - Y_t)^2 for y (T, B, H)."""
    params, x, s0, w = _checked(params, x, s0, workspace)
    y = _array("y", "(T, B, H)", y, (*x.shape[:2], s0.shape[1]), s0.dtype)
    _run(params, x, s0, w)
    return _l2(w.S[1 : len(x) + 1] - y)


def loss_and_gradients(
    params: Params, x: Any, y: Any, s0: Any = None, *, workspace: Workspace | None = None
) -> Result:
    """Return the loss, its gradient for each weight, and the last state."""
    params, x, s0, w = _checked(params, x, s0, workspace)
    T = len(x)
    y = _array("y", "(T, B, H)", y, (*x.shape[:2], s0.shape[1]), s0.dtype)
    _run(params, x, s0, w)
    error = w.S[1 : T + 1] - y

    gradients = Params(*map(np.zeros_like, params))
    carry = np.zeros_like(s0)
    for t in reversed(range(T)):
        S_prev, Z, R, CA = w.S[t], w.Z[t], w.R[t], w.CA[t]
        dS = error[t] + carry
        # da is the adjoint of what goes into a gate's sigmoid or tanh.
        da_z = dS * (CA - S_prev) * Z * (1 - Z)
        da_ca = dS * Z * (1 - CA * CA)
        dRS = da_ca @ params.Wrecca.T
        da_r = dRS * S_prev * R * (1 - R)

        gradients.Wz[...] += x[t].T @ da_z
        gradients.Wrecz[...] += S_prev.T @ da_z
        gradients.Wca[...] += x[t].T @ da_ca
        gradients.Wrecca[...] += (R * S_prev).T @ da_ca
        gradients.Wr[...] += x[t].T @ da_r
        gradients.Wrecr[...] += S_prev.T @ da_r

        carry = dS * (1 - Z) + dRS * R + da_z @ params.Wrecz.T + da_r @ params.Wrecr.T
    return Result(_l2(error), gradients, w.S[T].copy())


def _run(params: Params, x: Array, s0: Array, w: Workspace) -> None:
    w.S[0] = s0
    for t in range(len(x)):
        S_prev = w.S[t]
        w.Z[t] = _sigmoid(x[t] @ params.Wz + S_prev @ params.Wrecz)
        w.R[t] = _sigmoid(x[t] @ params.Wr + S_prev @ params.Wrecr)
        w.CA[t] = np.tanh(x[t] @ params.Wca + (w.R[t] * S_prev) @ params.Wrecca)
        w.S[t + 1] = (1 - w.Z[t]) * S_prev + w.Z[t] * w.CA[t]


def _sigmoid(a: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-a)))


def _l2(error: Array) -> Any:
    total = (error * error).sum() / 2
    return float(total) if total.dtype in (np.float32, np.float64) else total


def _checked(
    params: Any, x: Any, s0: Any, workspace: Workspace | None
) -> tuple[Params, Array, Array, Workspace]:
    """Return the arguments as arrays of one dtype, their shapes agreed, and a large workspace."""
    if set(getattr(params, "_fields", ())) != set(Params._fields):
        raise TypeError(f"params must have the fields {', '.join(Params._fields)}")
    params = Params(**params._asdict())
    (D, H), dtype = params.Wz.shape, params.Wz.dtype
    for name, weight in params._asdict().items():
        if weight.dtype != dtype or dtype.kind not in "fcO":
            raise TypeError(f"params must be of one dtype that is not integer; {name} is not")
        letters, shape = ("(H, H)", (H, H)) if "rec" in name else ("(D, H)", (D, H))
        _array(name, letters, weight, shape, dtype)

    x = np.asarray(x)
    if x.ndim != 3 or (UNROLL is not None and len(x) != UNROLL):
        raise ValueError(f"x must have shape (T, B, D) with T = {UNROLL or 'any'}, not {x.shape}")
    T, B, _ = x.shape
    x = _array("x", "(T, B, D)", x, (T, B, D), dtype)
    s0 = _array("s0", "(B, H)", np.zeros((B, H), dtype) if s0 is None else s0, (B, H), dtype)

    workspace = Workspace(B, D, H, dtype) if workspace is None else workspace
    if workspace.key != (B, D, H, dtype):
        raise ValueError(f"workspace is for (B, D, H, dtype) = {workspace.key}")
    if len(workspace.Z) < T:
        workspace.grow(T)
    return params, x, s0, workspace


def _array(name: str, letters: str, value: Any, shape: tuple[int, ...], dtype: Any) -> Array:
    array: Array = np.asarray(value)
    if array.shape != shape:
        raise ValueError(f"{name} must have shape {letters} = {shape}, not {array.shape}")
    if array.dtype.kind not in "iu" and not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{name} must be {dtype}, not {array.dtype}")
    return array.astype(dtype, copy=False)
