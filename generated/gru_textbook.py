"""Gated recurrent unit.

Forward pass, loss and exact gradients, for any number of time steps.
Generated, so change the declaration and not this file. It is made by

    gru-codegen generate --cell gru --unroll any --loss l2 --style textbook

It needs Python 3.9 or later with NumPy 1.26 or later, and nothing else.

Source of the cell: Chung, Gulcehre, Cho and Bengio 2014, arXiv:1412.3555, section 3.2.

    Z_t  = sigmoid(x_t Wz + S_{t-1} Wrecz)          (B, H)   update gate
    R_t  = sigmoid(x_t Wr + S_{t-1} Wrecr)          (B, H)   reset gate
    CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)   (B, H)   candidate activation
    S_t  = (1 - Z_t) o S_{t-1} + Z_t o CA_t         (B, H)   state
    O_t  = S_t                                      (B, H)   output
    E_t  = O_t - Y_t                                (B, H)   error
    L    = sum_t 1/2 tr(E_t^T E_t)                  ()       loss

One sample per row; o is the elementwise product. x_t is (B, D); Wz, Wca and Wr are (D, H); Wrecz,
Wrecca and Wrecr are (H, H). Time steps count from 1 in the equations and from 0 in the arrays: x_t
is x[t - 1].

The adjoint of a variable A, which is the derivative of the loss with respect to A, is called dA.
The adjoint of S_{t-1}, which step t passes on to step t - 1, is the carry dS_prev. V_t are the loss
weights; M_t is 1 in the rows of the samples for which step t is padding, past their length or
masked, elsewhere 0. With padding, A'_t is what the equation of a state A_t gives, and dA'_t its
adjoint: they share the arrays of A and dA. A <- B says that A is changed in place.

Cost of forward:             6 T matrix products,
                             6 T B D H + 6 T B H^2 + 12 T B H flops
Cost of loss_and_gradients:  15 T matrix products,
                             12 T B D H + 18 T B H^2 + 40 T B H + 3 T D H + 3 T H^2 + 2 T flops
Numbers in a Workspace:      9 T B H + B H
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

__all__ = [
    "AllGradients",
    "Params",
    "Result",
    "Workspace",
    "all_gradients",
    "forward",
    "init_params",
    "loss",
    "loss_and_gradients",
    "params_from_npz",
    "params_to_npz",
    "vjp",
]

Array = NDArray[Any]

CONTRACT = 1
CELL = "gru"
LOSS = "l2"
READOUT = "none"
STYLE = "textbook"
LAYOUT = "rows"
UNROLL: int | None = None
SIZES = ("B", "D", "H")
STATES: tuple[str, ...] = ("S",)
OUTPUT = "S"
#: The shape of every argument and of the outputs, by the name that errors give it.
SHAPES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "x": ("T", "B", "D"),
        "y": ("T", "B", "H"),
        "outputs": ("T", "B", "H"),
        "s0": ("B", "H"),
        "params.Wz": ("D", "H"),
        "params.Wrecz": ("H", "H"),
        "params.Wca": ("D", "H"),
        "params.Wrecca": ("H", "H"),
        "params.Wr": ("D", "H"),
        "params.Wrecr": ("H", "H"),
    }
)
#: What each entry point returns; what it takes is in its signature.
ENTRY_POINTS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "forward": ("outputs", "state"),
        "loss": ("loss",),
        "loss_and_gradients": ("loss", "gradients", "state"),
        "all_gradients": ("loss", "params", "x", "s0", "outputs", "state"),
        "vjp": ("outputs", "state", "pullback"),
    }
)
EQUATIONS = """\
Z_t  = sigmoid(x_t Wz + S_{t-1} Wrecz)          (B, H)   update gate
R_t  = sigmoid(x_t Wr + S_{t-1} Wrecr)          (B, H)   reset gate
CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)   (B, H)   candidate activation
S_t  = (1 - Z_t) o S_{t-1} + Z_t o CA_t         (B, H)   state
O_t  = S_t                                      (B, H)   output
E_t  = O_t - Y_t                                (B, H)   error
L    = sum_t 1/2 tr(E_t^T E_t)                  ()       loss
"""


class Params(NamedTuple):
    """The weights, or their gradients."""

    Wz: Array  # (D, H)
    Wrecz: Array  # (H, H)
    Wca: Array  # (D, H)
    Wrecca: Array  # (H, H)
    Wr: Array  # (D, H)
    Wrecr: Array  # (H, H)


class Result(NamedTuple):
    """The loss, its gradient with respect to every weight, and the last state (B, H)."""

    loss: Any
    gradients: Params
    state: Array


class AllGradients(NamedTuple):
    """The loss, its gradients with respect to weights, x and s0, the outputs and the last state."""

    loss: Any
    params: Params
    x: Array  # (T, B, D)
    s0: Array
    outputs: Array  # (T, B, H)
    state: Array


class Workspace:
    """The arrays of one call, kept for the next; a call while another one has them is refused.

    They grow to the largest number of time steps that they have met; begin(steps) with that first
    makes them once.
    """

    def __init__(
        self,
        batch_size: int,
        input_size: int,
        hidden_size: int,
        dtype: DTypeLike = np.float64,
    ) -> None:
        _check_sizes(batch_size=batch_size, input_size=input_size, hidden_size=hidden_size)
        self.batch_size, self.input_size, self.hidden_size = batch_size, input_size, hidden_size
        self.sizes = (batch_size, input_size, hidden_size)
        self.dtype = _number_type(dtype)
        self.calls: list[object] = []  # under way: the first goes on, others are refused
        self.latest: object = None  # whose values the arrays have
        self.ended: Array | None = None
        self.capacity, self.steps = 0, -1
        self._allocate()
        self._show(0)

    def _allocate(self) -> None:
        """Make the arrays for as many time steps as they have met."""
        T = self.capacity
        B, H, dtype = self.batch_size, self.hidden_size, self.dtype
        self._S = np.empty((T + 1, B, H), dtype)  # state
        self._Z = np.empty((T, B, H), dtype)  # update gate
        self._R = np.empty((T, B, H), dtype)  # reset gate
        self._RS = np.empty((T, B, H), dtype)  # factor in the candidate activation
        self._CA = np.empty((T, B, H), dtype)  # candidate activation
        self._dO = np.empty((T, B, H), dtype)  # adjoint of O_t
        self._daCA = np.empty((T, B, H), dtype)  # adjoint of aCA_t
        self._daR = np.empty((T, B, H), dtype)  # adjoint of aR_t
        self._daZ = np.empty((T, B, H), dtype)  # adjoint of aZ_t

    def begin(self, steps: int) -> None:
        """Show the first `steps` steps of every array, larger ones if need be."""
        call = object()
        try:
            self.calls.append(call)
            self.admit(call)
            self._begin(steps)
        finally:
            self.calls.remove(call)

    def _begin(self, steps: int) -> None:
        if steps > self.capacity:
            self.capacity = steps
            self._allocate()
            self._show(steps)
        elif steps != self.steps:
            self._show(steps)

    def _show(self, steps: int) -> None:
        self.steps = steps
        self.S_prev = self._S[:steps]  # S before each step
        self.Z = self._Z[:steps]
        self.R = self._R[:steps]
        self.RS = self._RS[:steps]
        self.CA = self._CA[:steps]
        self.S = self._S[1 : steps + 1]
        self.dO = self._dO[:steps]
        self.daCA = self._daCA[:steps]
        self.daR = self._daR[:steps]
        self.daZ = self._daZ[:steps]
        self.S_first = self._S[0]  # S before all steps
        self.S_last = self._S[steps]  # S after all steps

    def admit(self, call: object) -> None:
        """Refuse `call`, which is among those under way, unless it came first."""
        if self.calls[0] is not call:
            raise RuntimeError(
                "workspace: this Workspace is in use by another call; give each thread one of "
                "its own"
            )

    @classmethod
    def of(cls, params: Params, batch_size: int) -> Workspace:
        """A new one for so many samples and these weights, in their dtype."""
        params = _checked(params)
        _check_fit(params)
        return cls(batch_size, params.Wz.shape[0], params.Wz.shape[1], params[0].dtype)

    def __getstate__(self) -> dict[str, Any]:
        names = ("batch_size", "input_size", "hidden_size", "dtype")
        return {name: getattr(self, name) for name in names}

    def __setstate__(self, state: dict[str, Any]) -> None:
        Workspace.__init__(self, **state)  # copies begin as new: views would be cut from arrays


def init_params(
    input_size: int,
    hidden_size: int,
    *,
    rng: np.random.Generator | int | None = None,
    dtype: DTypeLike = np.float64,
) -> Params:
    """Draw every weight from the uniform distribution on [-1/sqrt(H), 1/sqrt(H)).

    `rng` is a Generator or a seed. The draw is made in float64 and cast to `dtype`, so that one
    seed gives the same weights in every dtype.
    """
    D, H = input_size, hidden_size
    _check_sizes(input_size=input_size, hidden_size=hidden_size)
    dtype, rng = _number_type(dtype), np.random.default_rng(rng)
    bound = 1 / max(hidden_size, 1) ** 0.5
    return Params(
        Wz=rng.uniform(-bound, bound, (D, H)).astype(dtype),
        Wrecz=rng.uniform(-bound, bound, (H, H)).astype(dtype),
        Wca=rng.uniform(-bound, bound, (D, H)).astype(dtype),
        Wrecca=rng.uniform(-bound, bound, (H, H)).astype(dtype),
        Wr=rng.uniform(-bound, bound, (D, H)).astype(dtype),
        Wrecr=rng.uniform(-bound, bound, (H, H)).astype(dtype),
    )


def params_to_npz(params: Params, file: str | os.PathLike[str]) -> None:
    """Write the weights, as arrays by name, to an .npz archive called exactly `file`.

    It is written whole: until it is, whatever was there stays. No .npz is appended to the name.
    Object arrays are a TypeError: they would have to be pickled.
    """
    params = _checked(params)
    if params[0].dtype == object:
        raise TypeError("params: object arrays would have to be pickled; cast them first")
    _check_fit(params)
    target = os.path.realpath(file)
    unfinished = f"{target}.{os.urandom(4).hex()}.part"
    try:
        with open(unfinished, "xb") as stream:
            np.savez(stream, **params._asdict())
        os.replace(unfinished, target)
    except BaseException as error:
        with suppress(OSError):
            os.unlink(unfinished)
        if isinstance(error, OSError) and error.filename == unfinished:  # not what was asked for
            raise OSError(error.errno, error.strerror, os.fspath(file)) from error
        raise


def params_from_npz(file: str | os.PathLike[str]) -> Params:
    """Read the weights from an .npz archive called exactly `file`; nothing is unpickled.

    A file that is no whole archive of plain arrays, or one of other weights, is a ValueError that
    says so.
    """
    with open(file, "rb") as stream:
        arrays = _unpacked(stream, file)
    if set(arrays) != set(Params._fields):
        raise ValueError(
            f"{file}: expected the weights {', '.join(Params._fields)}; "
            f"it has {', '.join(sorted(arrays)) or 'none'}"
        )
    try:
        params = _checked(Params(**arrays))
        _check_fit(params)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file}: {error}") from error
    return params


def _unpacked(stream: Any, file: str | os.PathLike[str]) -> dict[str, Array]:
    """Return the arrays of an .npz archive by name; nothing is unpickled.

    A file that is no whole archive of plain arrays is a ValueError that says so; so is one that
    unpacks to very much more than it is.
    """
    try:
        archive = np.load(stream, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        members: Any = archive.zip
        size = sum(member.file_size for member in members.infolist())
        if size > max(2**28, 20 * os.fstat(stream.fileno()).st_size):
            raise ValueError(f"it unpacks to {size} bytes; np.savez writes arrays as they are")
        return {name: archive[name] for name in archive.files}
    except Exception as error:  # whatever NumPy and zipfile say of a damaged file
        what = "not a whole .npz archive of plain arrays"
        unsafe = "allow_pickle" in str(error)  # what NumPy advises then runs what is in it
        raise ValueError(f"{file}: {what}{'' if unsafe else f': {error}'}") from error


# --- entry points --------------------------------------------------------------------------------


def forward(
    params: Params,
    x: Any,
    s0: Any = None,
    *,
    lengths: Any = None,
    mask: Any = None,
    workspace: Workspace | None = None,
) -> tuple[Array, Array]:
    """Return the outputs (T, B, H) and the last state for x (T, B, D); s0 is zeros if None.

    lengths: (B,) integers, how many steps each sample has, T if None. mask: (T, B) booleans, True
    where a step is real, as all are if None. Any other step, and each past the length, is padding:
    a sample keeps its state, its output is 0, and what x holds there is not read.
    """
    params, x, w = _prepared(params, x, workspace)
    call = object()
    try:
        w.calls.append(call)
        x = _begun(w, call, x, s0, lengths, mask)
        _forward(params, x, w)
        return _outputs(w.S, w), w.S_last.copy()
    finally:
        w.calls.remove(call)


def loss(
    params: Params,
    x: Any,
    y: Any,
    s0: Any = None,
    *,
    loss_weights: Any = None,
    lengths: Any = None,
    mask: Any = None,
    workspace: Workspace | None = None,
) -> Any:
    """Return the loss for the targets y (T, B, H): a float, or an element of another dtype.

    loss_weights: (T,) or (T, B), 1 if None; where one is 0, y is not read. lengths, (B,) integers,
    and mask, (T, B) booleans, say what is padding, as for forward; it has no part in the loss.
    """
    params, x, w = _prepared(params, x, workspace)
    call = object()
    try:
        w.calls.append(call)
        x = _begun(w, call, x, s0, lengths, mask)
        y, V = _targets(y, loss_weights, w)
        _forward(params, x, w)
        total = _loss(y, V, w)
        return _scalar(total, w)
    finally:
        w.calls.remove(call)


def loss_and_gradients(
    params: Params,
    x: Any,
    y: Any,
    s0: Any = None,
    *,
    loss_weights: Any = None,
    lengths: Any = None,
    mask: Any = None,
    workspace: Workspace | None = None,
) -> Result:
    """Return the loss, its gradient with respect to every weight, and the last state."""
    params, x, w = _prepared(params, x, workspace)
    call = object()
    try:
        w.calls.append(call)
        x = _begun(w, call, x, s0, lengths, mask)
        y, V = _targets(y, loss_weights, w)
        _forward(params, x, w)
        total = _loss(y, V, w)
        gradients, _ = _backward(params, x, w.dO, w)
        return Result(_scalar(total, w), gradients, w.S_last.copy())
    finally:
        w.calls.remove(call)


def all_gradients(
    params: Params,
    x: Any,
    y: Any,
    s0: Any = None,
    *,
    d_state: Any = None,
    loss_weights: Any = None,
    lengths: Any = None,
    mask: Any = None,
    workspace: Workspace | None = None,
) -> AllGradients:
    """Return the loss, its gradients with respect to the weights, x and s0, the outputs and the
    last state.

    d_state, like the last state, is added to its adjoint: the derivative of whatever comes after
    these steps.
    """
    params, x, w = _prepared(params, x, workspace)
    call = object()
    try:
        w.calls.append(call)
        x = _begun(w, call, x, s0, lengths, mask)
        y, V = _targets(y, loss_weights, w)
        last = _last(d_state, w)
        _forward(params, x, w)
        outputs, state = _outputs(w.S, w), w.S_last.copy()
        total = _loss(y, V, w)
        gradients, first = _backward(params, x, w.dO, w, last)
        d_x = _inputs(params, w)
        return AllGradients(_scalar(total, w), gradients, d_x, first[0].copy(), outputs, state)
    finally:
        w.calls.remove(call)


def vjp(
    params: Params,
    x: Any,
    s0: Any = None,
    *,
    lengths: Any = None,
    mask: Any = None,
    workspace: Workspace | None = None,
) -> tuple[Array, Array, Callable[..., tuple[Params, Any, Array]]]:
    """Return outputs, the last state, and the pullback: from adjoints of outputs to gradients.

    pullback(d_outputs, d_state=None, *, inputs=True) -> (d_params, d_x, d_s0) takes the derivative
    of any function of the outputs (T, B, H) and of the last state, and gives its derivatives with
    respect to the weights, x and s0; d_x is None without inputs, and not computed. It works once,
    and before the workspace serves another call. It reads x and the weights again: until it is
    called, they have to be unchanged.
    """
    params, x, w = _prepared(params, x, workspace)
    call = object()
    try:
        w.calls.append(call)
        x = _begun(w, call, x, s0, lengths, mask)
        _forward(params, x, w)
        outputs, state = _outputs(w.S, w), w.S_last.copy()
    finally:
        w.calls.remove(call)

    def pullback(
        d_outputs: Any, d_state: Any = None, *, inputs: bool = True
    ) -> tuple[Params, Any, Array]:
        pulled = object()
        try:
            w.calls.append(pulled)
            w.admit(pulled)
            _check_unspent(w, call)
            d_outputs = _like_outputs("d_outputs", d_outputs, w.S)
            if w.ended is not None:
                d_outputs = _zeroed(d_outputs, w.ended)
            last = _last(d_state, w)
            w.latest = pulled
            gradients, first = _backward(params, x, d_outputs, w, last)
            d_x = _inputs(params, w) if inputs else None
            return gradients, d_x, first[0].copy()
        finally:
            w.calls.remove(pulled)

    return outputs, state, pullback


# --- the computation -----------------------------------------------------------------------------


def sigmoid(a: Array) -> Any:
    """1 / (1 + exp(-a)), by way of tanh, which cannot overflow."""
    return (1 + np.tanh(a / 2)) / 2


def _inner(a: Array, b: Array) -> Any:
    """The sum of a o b, if it is long a piece at a time: one long sum in float32 loses digits."""
    a, b, piece = a.ravel(), b.ravel(), 2**12
    if a.size <= 2 * piece:
        return a.dot(b)
    whole = a.size // piece * piece
    pieces = np.matmul(a[:whole].reshape(-1, 1, piece), b[:whole].reshape(-1, piece, 1))
    return pieces.sum() + a[whole:].dot(b[whole:])


def _forward(params: Params, x: Array, w: Workspace) -> None:
    """Compute the states, first time step to last."""
    Wz, Wrecz, Wca, Wrecca, Wr, Wrecr = params
    Z, S_prev, R, RS, CA, S = w.Z, w.S_prev, w.R, w.RS, w.CA, w.S
    ended = w.ended
    for t in range(w.steps):
        # update gate: Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz)
        Z[t] = sigmoid(x[t] @ Wz + S_prev[t] @ Wrecz)
        # reset gate: R_t = sigmoid(x_t Wr + S_{t-1} Wrecr)
        R[t] = sigmoid(x[t] @ Wr + S_prev[t] @ Wrecr)
        # factor in the candidate activation: RS_t = R_t o S_{t-1}
        RS[t] = R[t] * S_prev[t]
        # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca)
        CA[t] = np.tanh(x[t] @ Wca + RS[t] @ Wrecca)
        # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t
        S[t] = (1 - Z[t]) * S_prev[t] + Z[t] * CA[t]
        # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
        if ended is not None:
            S[t] = np.where(ended[t], S_prev[t], S[t])


def _loss(Y: Array, V: Array | None, w: Workspace) -> Any:
    """Compute the loss of all time steps."""
    S, dO = w.S, w.dO
    loss = np.zeros(w.steps, w.dtype)
    for t in range(w.steps):
        # output: O_t = S_t; error: E_t = O_t - Y_t
        E = S[t] - Y[t]
        # dE_t = E_t; dO_t = dE_t
        dO[t] = E
        # L2 cost, at every time step: L = sum_t 1/2 tr(E_t^T E_t)
        loss[t] = _inner(E, E if V is None else V[t] * E) / 2
        # with loss weights V: dO_t <- V_t o dO_t
        if V is not None:
            dO[t] = dO[t] * V[t]
    return loss.sum()


def _backward(
    params: Params, x: Array, dO: Array, w: Workspace, last: tuple[Array, ...] | None = None
) -> tuple[Params, tuple[Array, ...]]:
    """Compute the adjoints, last time step to first; return gradients and carries."""
    Wrecz, Wrecca, Wrecr = params.Wrecz, params.Wrecca, params.Wrecr
    ended, Z, daCA, CA, S_prev, daR = w.ended, w.Z, w.daCA, w.CA, w.S_prev, w.daR
    R, daZ, RS = w.R, w.daZ, w.RS
    dS_prev = np.zeros((w.batch_size, w.hidden_size), w.dtype) if last is None else last[0]
    dWz = np.zeros_like(params.Wz)
    dWrecz = np.zeros_like(params.Wrecz)
    dWca = np.zeros_like(params.Wca)
    dWrecca = np.zeros_like(params.Wrecca)
    dWr = np.zeros_like(params.Wr)
    dWrecr = np.zeros_like(params.Wrecr)
    for t in reversed(range(w.steps)):
        # dS_t = dO_t + dS_prev_{t+1}
        dS = dO[t] + dS_prev
        # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
        if ended is not None:
            dS_held = np.where(ended[t], dS, 0)
            dS = np.where(ended[t], 0, dS)
        # dCA_t = dS_t o Z_t
        dCA = dS * Z[t]
        # daCA_t = dCA_t o (1 - CA_t o CA_t)
        daCA[t] = dCA * (1 - CA[t] * CA[t])
        # dRS_t = daCA_t Wrecca^T
        dRS = daCA[t] @ Wrecca.T
        # dR_t = dRS_t o S_{t-1}
        dR = dRS * S_prev[t]
        # daR_t = dR_t o R_t o (1 - R_t)
        daR[t] = dR * R[t] * (1 - R[t])
        # dZ_t = dS_t o (CA_t - S_{t-1})
        dZ = dS * (CA[t] - S_prev[t])
        # daZ_t = dZ_t o Z_t o (1 - Z_t)
        daZ[t] = dZ * Z[t] * (1 - Z[t])
        # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
        dS_prev = dS * (1 - Z[t]) + dRS * R[t] + daR[t] @ Wrecr.T + daZ[t] @ Wrecz.T
        # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
        if ended is not None:
            dS_prev = dS_prev + dS_held
        # gradient of Wz: dWz = sum_t x_t^T daZ_t
        dWz += x[t].T @ daZ[t]
        # gradient of Wrecz: dWrecz = sum_t S_{t-1}^T daZ_t
        dWrecz += S_prev[t].T @ daZ[t]
        # gradient of Wca: dWca = sum_t x_t^T daCA_t
        dWca += x[t].T @ daCA[t]
        # gradient of Wrecca: dWrecca = sum_t RS_t^T daCA_t
        dWrecca += RS[t].T @ daCA[t]
        # gradient of Wr: dWr = sum_t x_t^T daR_t
        dWr += x[t].T @ daR[t]
        # gradient of Wrecr: dWrecr = sum_t S_{t-1}^T daR_t
        dWrecr += S_prev[t].T @ daR[t]
    gradients = Params(dWz, dWrecz, dWca, dWrecca, dWr, dWrecr)
    return gradients, (dS_prev,)


def _inputs(params: Params, w: Workspace) -> Array:
    """Compute the gradient of the input of every time step."""
    Wz, Wca, Wr = params.Wz, params.Wca, params.Wr
    daCA, daR, daZ = w.daCA, w.daR, w.daZ
    dx = np.empty((w.steps, w.batch_size, w.input_size), w.dtype)
    for t in range(w.steps):
        # dx_t = daCA_t Wca^T + daR_t Wr^T + daZ_t Wz^T
        dx[t] = daCA[t] @ Wca.T + daR[t] @ Wr.T + daZ[t] @ Wz.T
    return dx


# --- arguments -----------------------------------------------------------------------------------


def _prepared(params: Any, x: Any, workspace: Workspace | None) -> tuple[Params, Array, Workspace]:
    """Check and cast weights and x; return them with a Workspace, still untouched."""
    params = _checked(params)
    dtype = params[0].dtype
    x = _cast_input("x", x, dtype)
    _, B, D = x.shape
    H = _size(params.Wz, 1)
    shapes = [weight.shape for weight in params]
    if shapes != [(D, H), (H, H), (D, H), (H, H), (D, H), (H, H)]:
        _check_fit(params, x=x)
    if workspace is None:
        w = Workspace(B, D, H, dtype)
    else:
        _check_workspace(workspace, ("B", "D", "H"), (B, D, H), dtype)
        w = workspace
    return params, x, w


def _begun(w: Workspace, call: object, x: Array, s0: Any, lengths: Any, mask: Any) -> Array:
    """Begin a call, with s0; return x as matrices are stored."""
    w.admit(call)
    w.latest = call
    w._begin(len(x))
    _start(w.S_first, "s0", SHAPES["s0"], s0)
    w.ended = None if lengths is None else _ended(lengths, *x.shape[:2])
    if mask is not None:
        w.ended = _masked(mask, w.ended, *x.shape[:2])
    if w.ended is not None:  # what is padding is not read
        x = _zeroed(x, w.ended)
    return x


def _targets(y: Any, loss_weights: Any, w: Workspace) -> tuple[Array, Array | None]:
    """Check and cast the targets and their weights; where a weight is 0 nothing is left of y."""
    targets, V = _like_outputs("y", y, w.S), _weights(loss_weights, w)
    if V is not None:
        targets = _zeroed(targets, V == 0)
    return targets, V


def _last(d_state: Any, w: Workspace) -> tuple[Array, ...]:
    """The adjoints of the last states, zeros if None, as matrices are stored."""
    last = (np.zeros((w.batch_size, w.hidden_size), w.dtype),)
    _start(last[0], "d_state", SHAPES["s0"], d_state)
    return last


def _check_workspace(
    workspace: Any, letters: tuple[str, ...], sizes: tuple[int, ...], dtype: np.dtype[Any]
) -> None:
    if not isinstance(workspace, Workspace):
        kind = type(workspace)
        raise TypeError(
            f"workspace: expected a Workspace of this module, {__name__}, "
            f"got {kind.__name__} of {kind.__module__}"
        )
    if workspace.sizes != sizes or workspace.dtype != dtype:
        raise ValueError(
            f"workspace: it was made for ({', '.join(letters)}) = {workspace.sizes} and "
            f"{workspace.dtype}; these arguments have {sizes} and {dtype}"
        )


def _ended(lengths: Any, steps: int, batch_size: int) -> Array:
    """The mask of the samples that have ended at each step, (T, B, 1)."""
    lengths = np.asarray(lengths)
    _check_shape("lengths", lengths, ("B",), (batch_size,))
    if lengths.dtype.kind not in "iu":
        raise TypeError(f"lengths: expected integers, got {lengths.dtype}")
    if lengths.size and not 0 <= lengths.min() <= lengths.max() <= steps:
        raise ValueError(
            f"lengths: expected 0 to T = {steps}, got {lengths.min()} to {lengths.max()}"
        )
    ended: Array = (np.arange(steps)[:, None] >= lengths)[:, :, None]
    return ended


def _masked(mask: Any, ended: Array | None, steps: int, batch_size: int) -> Array:
    """The steps of each sample that are masked or after it has `ended`, (T, B, 1)."""
    mask = _array("mask", mask)
    _check_shape("mask", mask, ("T", "B"), (steps, batch_size))
    if mask.dtype != bool:
        raise TypeError(f"mask: expected booleans, True where a step is real, got {mask.dtype}")
    masked: Array = ~mask[:, :, None]
    return masked if ended is None else np.logical_or(masked, ended)


def _outputs(outputs: Array, w: Workspace) -> Array:
    """A copy of the outputs, 0 where a step is padding."""
    return outputs.copy() if w.ended is None else _zeroed(outputs, w.ended)


def _scalar(total: Any, w: Workspace) -> Any:
    if w.dtype.char in "fd":  # float32, float64
        return float(total)
    return total if w.dtype == object else w.dtype.type(total)  # NumPy 1 halves in float64


def _check_unspent(w: Workspace, call: object) -> None:
    if w.latest is not call:
        raise RuntimeError(
            "pullback: its buffers are spent, by an earlier call of it or by another call with "
            "the same workspace; call vjp again"
        )


def _array(name: str, value: Any) -> Array:
    if value is None:
        raise TypeError(f"{name}: it is missing; expected an array, got None")
    return np.asarray(value)


def _cast(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    array = _array(name, value)
    if array.dtype == dtype:
        return array
    if not np.can_cast(array.dtype, dtype, "same_kind"):
        raise TypeError(f"{name}: {array.dtype} does not cast to {dtype}, the dtype of the weights")
    return array.astype(dtype)


def _check_shape(name: str, array: Array, letters: tuple[str, ...], shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        written = f"({', '.join(letters)}{',' * (len(letters) == 1)})"
        raise ValueError(f"{name}: expected shape {written} = {shape}, got {array.shape}")


def _cast_input(name: str, value: Any, dtype: np.dtype[Any]) -> Array:
    """An input of all time steps, in the dtype of the weights."""
    array = _cast(name, value, dtype)
    if array.ndim != 3:
        letters = ", ".join(SHAPES[name])
        raise ValueError(f"{name}: expected shape ({letters}), got {array.shape}")
    if UNROLL is not None and len(array) != UNROLL:
        steps, *others = array.shape
        raise ValueError(
            f"{name}: expected shape ({', '.join(SHAPES[name])}) = {(UNROLL, *others)}, got "
            f"{array.shape}: this kernel is unrolled to T = {UNROLL}; generate one with --unroll "
            f"{f'{steps} or --unroll ' * bool(steps)}any"
        )
    return array


def _like_outputs(name: str, value: Any, outputs: Array) -> Array:
    """An argument with the shape and the dtype of the outputs (T, B, n)."""
    array = _cast(name, value, outputs.dtype)
    _check_shape(name, array, SHAPES["outputs"], outputs.shape)
    return array


def _zeroed(array: Array, where: Array, room: Array | None = None) -> Array:
    """A copy, in `room` if given, with zeros `where` nothing may be read."""
    if room is None:
        room = np.empty(array.shape, array.dtype)
    np.copyto(room, array)
    np.copyto(room, 0, where=where)
    return room


def _checked(params: Any) -> Params:
    """The weights as arrays of one dtype and in the declared order, whatever tuple they come in."""
    weights: Params = params if type(params) is Params else _by_name(params)
    dtype: Any = getattr(weights[0], "dtype", None)
    for weight in weights:
        if type(weight) is not np.ndarray or weight.dtype != dtype:
            return _alike(weights)
    return weights if dtype.isnative and dtype.kind in "fcO" else _alike(weights)


def _alike(weights: Params) -> Params:
    """The weights as arrays of one dtype and in this machine's byte order."""
    weights = Params(*map(_native, weights))
    dtypes = [weight.dtype for weight in weights]
    dtype = max(dtypes, key=dtypes.count)
    for name, weight in weights._asdict().items():
        if weight.dtype != dtype:
            other = Params._fields[dtypes.index(dtype)]
            raise TypeError(
                f"params.{name}: all weights must have one dtype; got {weight.dtype}, but {dtype} "
                f"for {other}"
            )
    if dtype.kind not in "fcO":
        raise TypeError(
            f"params: the weights must be floating, complex or object; got {dtype}: cast them first"
        )
    return weights


def _by_name(params: Any) -> Params:
    """The weights of any NamedTuple with these fields, in any order."""
    fields = getattr(params, "_fields", ())
    if set(fields) != set(Params._fields):
        remedy = ": write Params(**params)" if isinstance(params, dict) else ""
        raise TypeError(
            f"params: expected a NamedTuple with the fields {', '.join(Params._fields)}; "
            f"got {', '.join(fields) or type(params).__name__}{remedy}"
        )
    return Params(*[getattr(params, name) for name in Params._fields])


def _native(value: Any) -> Array:
    """An array in this machine's byte order."""
    array = np.asarray(value)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _size(weight: Array, axis: int) -> int:
    """A size as `weight` tells it; -1, which fits nothing, if it lacks the axis."""
    return weight.shape[axis] if axis < weight.ndim else -1


def _check_fit(params: Params, **inputs: Array) -> None:
    """Raise an error about the first whose shape is not what the majority makes of it."""
    numbers: dict[str, list[int]] = {}
    for name, weight in params._asdict().items():
        letters = SHAPES[f"params.{name}"]
        if len(letters) == weight.ndim:  # each weight has one vote on each of its sizes
            for letter, number in dict.fromkeys(zip(letters, weight.shape)):
                numbers.setdefault(letter, []).append(number)
    for name, array in inputs.items():
        numbers.setdefault(SHAPES[name][-1], []).append(array.shape[-1])
    numbers["1"] = [1]  # whatever arrays have where one column is declared
    agreed = {letter: max(votes, key=votes.count) for letter, votes in numbers.items()}
    for name, weight in params._asdict().items():
        letters = SHAPES[f"params.{name}"]
        expected = tuple(agreed.get(letter, 0) for letter in letters)
        _check_shape(f"params.{name}", weight, letters, expected)
    for name, array in inputs.items():
        letters, first = SHAPES[name], next(iter(inputs.values()))
        _check_shape(name, array, letters, (*first.shape[:-1], agreed[letters[-1]]))


def _start(place: Array, name: str, letters: tuple[str, ...], value: Any) -> None:
    """Write an initial state, zeros if it is None, where the first step reads it."""
    if value is None:
        place[...] = 0
    else:
        state = _cast(name, value, place.dtype)
        _check_shape(name, state, letters, place.shape)
        place[...] = state


def _weights(loss_weights: Any, w: Workspace) -> Array | None:
    """One weight for each sample of each step, (T, B, 1), 0 for padding; None if all are 1."""
    if loss_weights is None and w.ended is None:
        return None
    weights = np.ones(w.steps, w.dtype)
    if loss_weights is not None:
        weights = _cast("loss_weights", loss_weights, w.dtype)
    if weights.ndim not in (1, 2):
        raise ValueError(
            f"loss_weights: expected shape (T,) = ({w.steps},) or "
            f"(T, B) = {(w.steps, w.batch_size)}, got {weights.shape}"
        )
    if weights.ndim == 1:
        _check_shape("loss_weights", weights, ("T",), (w.steps,))
        weights = np.repeat(weights[:, None], w.batch_size, axis=1)
    else:
        _check_shape("loss_weights", weights, ("T", "B"), (w.steps, w.batch_size))
    V: Array = weights[:, :, None]
    return V if w.ended is None else _zeroed(V, w.ended)


def _number_type(dtype: DTypeLike) -> np.dtype[Any]:
    """The dtype, if the equations can be computed in it."""
    found = np.dtype(dtype)
    if found.kind not in "fcO":
        raise TypeError(f"dtype: expected floating, complex or object, got {found}")
    return found


def _check_sizes(**numbers: int) -> None:
    for name, number in numbers.items():
        if isinstance(number, bool) or not isinstance(number, (int, np.integer)):
            raise TypeError(f"{name}: expected a whole number, got {number!r}")
        if number < 0:
            raise ValueError(f"{name}: expected 0 or more, got {number}")
