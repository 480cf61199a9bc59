"""Gated recurrent unit.

Forward pass, loss and exact gradients, unrolled to 8 time steps.
Generated, so change the declaration and not this file. It is made by

    gru-codegen generate --cell gru --unroll 8 --loss l2 --style fast

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

Arrays have a sample per column: a matrix (B, n) of the equations is kept as (n, B), its transpose,
and x W is W.T.dot(x). Where rows are needed they are gathered: A_rows has those of all time steps
of A, one below the other. The last argument of a function of NumPy says where the result goes:
np.add(a, b, c) is c = a + b. A name of several, as x_copy_S, is one array of them all, one above
the other. W_aZ_aR has the weights of the product aZ_aR, in one matrix. x_copy and x_copy_2 are
copies of x.

Cost of forward:             16 matrix products,
                             48 B D H + 48 B H^2 + 96 B H + 2 D H + 2 H^2 flops
Cost of loss_and_gradients:  34 matrix products,
                             96 B D H + 144 B H^2 + 312 B H + 2 D H + 2 H^2 + 1 flops
Numbers in a Workspace:      33 B D + 146 B H + 3 D H + 5 H^2
                             and 8 B D more after a call with lengths or a mask, for a copy of x; 8
                             B H more after one with these or loss weights, for a copy of y
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
STYLE = "fast"
LAYOUT = "columns"
UNROLL: int | None = 8
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

    They are those of 8 time steps.
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
        self.copies: dict[str, Array] = {}
        B, D, H, dtype = self.batch_size, self.input_size, self.hidden_size, self.dtype
        self.aZ_aR = np.empty((2 * H, B), dtype)
        self.dS_dRS = np.empty((2 * H, B), dtype)
        self.W_aZ_aR = np.empty((D + H, 2 * H), dtype)  # weights, made ready
        self.W_aCA = np.empty((D + H, H), dtype)
        self.aCA = np.empty((H, B), dtype)  # matrix products
        self.W_dS_prev_products = np.empty((H, 2 * H), dtype)  # weights, made ready
        self.dS_held = np.empty((H, B), dtype)  # part of dS where a step is padding
        self.dS_prev_products = np.empty((H, B), dtype)  # matrix products
        self.dS_prev = np.empty((H, B), dtype)  # adjoint of S_{t-1}
        self.term = np.empty((H, B), dtype)  # scratch
        self.dS = self.dS_dRS[:H]  # adjoint of S_t
        self.dRS = self.dS_dRS[H:]  # adjoint of RS_t
        self.one = np.full((), 1, dtype)
        self.two = np.full((), 2, dtype)
        self.W_aZ_aR_Wz = self.W_aZ_aR[:D, :H]
        self.W_aZ_aR_Wr = self.W_aZ_aR[:D, H:]
        self.W_aZ_aR_Wrecz = self.W_aZ_aR[D:, :H]
        self.W_aZ_aR_Wrecr = self.W_aZ_aR[D:, H:]
        self.W_aCA_Wca = self.W_aCA[:D, :]
        self.W_aCA_Wrecca = self.W_aCA[D:, :]
        self.W_dS_prev_products_Wrecz = self.W_dS_prev_products[:, :H]
        self.W_dS_prev_products_Wrecr = self.W_dS_prev_products[:, H:]
        T = steps = self.steps = 8
        B, D, H, dtype = self.batch_size, self.input_size, self.hidden_size, self.dtype
        self._x_copy_S = np.empty((T + 1, D + H, B), dtype)
        self._Z_R = np.empty((T, 2 * H, B), dtype)
        self._x_copy_2_RS = np.empty((T, D + H, B), dtype)
        self._S_by_aZ_RS_by_aR = np.empty((T, 2 * H, B), dtype)
        self._CA = np.empty((T, H, B), dtype)  # candidate activation
        self._dO = np.empty((T, H, B), dtype)  # adjoint of O_t
        self._S_by_S_prev = np.empty((T, H, B), dtype)  # derivative of S with respect to S_prev
        self._S_by_aCA = np.empty((T, H, B), dtype)  # derivative of S with respect to aCA
        self._terms = np.empty((T, 2 * H, B), dtype)  # scratch
        self._x_copy_S_rows = np.empty((T, B, D + H), dtype)  # rows, gathered
        self._daZ_daR_rows = np.empty((T, B, 2 * H), dtype)
        self._x_copy_2_RS_rows = np.empty((T, B, D + H), dtype)
        self._daCA_rows = np.empty((T, B, H), dtype)
        self._mask = np.empty((T, 1, B), bool)  # which samples ended
        D, H = self.input_size, self.hidden_size
        self.x_copy = self._x_copy_S[:steps, :D]  # copy of x
        self.x_copy_2 = self._x_copy_2_RS[:steps, :D]
        self.x_copy_S = self._x_copy_S[:steps]
        self.Z_R = self._Z_R[:steps]
        self.R = self._Z_R[:steps, H:]  # reset gate
        self.S_prev = self._x_copy_S[:steps, D:]  # S before each step
        self.RS = self._x_copy_2_RS[:steps, D:]  # factor in the candidate activation
        self.x_copy_2_RS = self._x_copy_2_RS[:steps]
        self.CA = self._CA[:steps]
        self.S = self._x_copy_S[1 : steps + 1, D:]  # state
        self.Z = self._Z_R[:steps, :H]  # update gate
        self.dO = self._dO[:steps]
        self.S_by_S_prev = self._S_by_S_prev[:steps]
        self.S_by_aCA = self._S_by_aCA[:steps]
        self.S_by_aZ = self._S_by_aZ_RS_by_aR[:steps, :H]  # derivative of S with respect to aZ
        self.RS_by_aR = self._S_by_aZ_RS_by_aR[:steps, H:]  # derivative of RS with respect to aR
        self.S_by_aZ_RS_by_aR = self._S_by_aZ_RS_by_aR[:steps]
        self.terms = self._terms[:steps]
        self.daCA = self._Z_R[:steps, :H]  # adjoint of aCA_t, written over Z
        self.daZ_daR = self._S_by_aZ_RS_by_aR[:steps]
        self.x_copy_S_rows_turned = _turned(self._x_copy_S_rows[:steps])
        self.x_copy_S_rows = _rows(self._x_copy_S_rows[:steps])
        self.daZ_daR_rows_turned = _turned(self._daZ_daR_rows[:steps])
        self.daZ_daR_rows = _rows(self._daZ_daR_rows[:steps])
        self.x_copy_2_RS_rows_turned = _turned(self._x_copy_2_RS_rows[:steps])
        self.x_copy_2_RS_rows = _rows(self._x_copy_2_RS_rows[:steps])
        self.daCA_rows_turned = _turned(self._daCA_rows[:steps])
        self.daCA_rows = _rows(self._daCA_rows[:steps])
        self.daR = self._S_by_aZ_RS_by_aR[:steps, H:]  # adjoint of aR_t, written over RS_by_aR
        self.daZ = self._S_by_aZ_RS_by_aR[:steps, :H]  # adjoint of aZ_t, written over S_by_aZ
        self.S_first = self._x_copy_S[0, D:].T  # S before all steps
        self.S_last = self._x_copy_S[steps, D:].T  # S after all steps
        self.mask = self._mask[:steps]
        self.S_turned = _turned(self.S)
        self.forward_steps = list(
            zip(
                self.x_copy_S, self.Z_R, self.RS, self.R, self.S_prev, self.x_copy_2_RS, self.CA,
                self.S, self.Z, self.mask,
            )
        )
        self.backward_steps = list(
            zip(
                self.dO, self.mask, self.daCA, self.S_by_aCA, self.daZ_daR, self.S_by_aZ_RS_by_aR,
                self.S_by_S_prev, self.R,
            )
        )

    def admit(self, call: object) -> None:
        """Refuse `call`, which is among those under way, unless it came first."""
        if self.calls[0] is not call:
            raise RuntimeError(
                "workspace: this Workspace is in use by another call; give each thread one of "
                "its own"
            )

    def room(self, name: str, shape: tuple[int, ...]) -> Array:
        """An array for an argument that has to be changed first; the same one for the next call."""
        kept = self.copies.get(name)
        if kept is None or len(kept) < shape[0]:
            kept = self.copies[name] = np.empty(shape, self.dtype)
        return kept[: shape[0]]

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
        return _outputs(w.S_turned, w), w.S_last.copy()
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
        gradients, _ = _backward(params, w)
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
        outputs, state = _outputs(w.S_turned, w), w.S_last.copy()
        total = _loss(y, V, w)
        gradients, first = _backward(params, w, last)
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
        outputs, state = _outputs(w.S_turned, w), w.S_last.copy()
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
            d_outputs = _like_outputs("d_outputs", d_outputs, w.S_turned)
            np.copyto(w.dO, _turned(d_outputs))
            if w.ended is not None:
                np.copyto(w.dO, 0, where=_turned(w.ended))
            last = _last(d_state, w)
            w.latest = pulled
            gradients, first = _backward(params, w, last)
            d_x = _inputs(params, w) if inputs else None
            return gradients, d_x, first[0].copy()
        finally:
            w.calls.remove(pulled)

    return outputs, state, pullback


# --- the computation -----------------------------------------------------------------------------


def _rows(a: Array) -> Array:
    """The rows of all time steps, one below the other."""
    steps, rows, columns = a.shape
    return a.reshape(steps * rows, columns)  # -1 is no number of rows where there are no columns


def _turned(a: Array) -> Array:
    """(T, B, n), a sample per row, for (T, n, B), a sample per column, and the other way round."""
    turned: Array = a.transpose(0, 2, 1)
    return turned


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
    one, two = w.one, w.two
    W_aZ_aR, W_aCA = w.W_aZ_aR, w.W_aCA
    x_copy, x_copy_2, aZ_aR, aCA, ended = w.x_copy, w.x_copy_2, w.aZ_aR, w.aCA, w.ended
    W_aZ_aR_T, W_aCA_T = W_aZ_aR.T, W_aCA.T
    # weights, made ready: W_aZ_aR = [[1/2 Wz 1/2 Wr]; [1/2 Wrecz 1/2 Wrecr]]; W_aCA = [Wca; Wrecca]
    w.W_aZ_aR_Wz[...] = Wz
    w.W_aZ_aR_Wr[...] = Wr
    w.W_aZ_aR_Wrecz[...] = Wrecz
    w.W_aZ_aR_Wrecr[...] = Wrecr
    np.divide(W_aZ_aR, two, W_aZ_aR)
    w.W_aCA_Wca[...] = Wca
    w.W_aCA_Wrecca[...] = Wrecca
    # copy of x: x_copy_t = x_t
    x_copy[...] = x
    # copy of x: x_copy_2_t = x_t
    x_copy_2[...] = x_copy

    # --- step 1 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[0]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 2 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[1]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 3 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[2]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 4 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[3]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 5 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[4]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 6 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[5]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 7 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[6]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)

    # --- step 8 of 8 ---
    (
        x_copy_S_t, Z_R_t, RS_t, R_t, S_prev_t, x_copy_2_RS_t, CA_t, S_t, Z_t, ended_t,
    ) = w.forward_steps[7]
    # matrix products: aZ_aR = x_copy_S_t W_aZ_aR
    W_aZ_aR_T.dot(x_copy_S_t, aZ_aR)
    # update gate and reset gate at once:
    #     Z_t = sigmoid(x_t Wz + S_{t-1} Wrecz) = 1/2 (1 + tanh(aZ))
    #     R_t = sigmoid(x_t Wr + S_{t-1} Wrecr) = 1/2 (1 + tanh(aR))
    np.tanh(aZ_aR, Z_R_t)
    np.add(Z_R_t, one, Z_R_t)
    np.divide(Z_R_t, two, Z_R_t)
    # factor in the candidate activation: RS_t = R_t o S_{t-1}
    np.multiply(R_t, S_prev_t, RS_t)
    # matrix products: aCA = x_copy_2_RS_t W_aCA
    W_aCA_T.dot(x_copy_2_RS_t, aCA)
    # candidate activation: CA_t = tanh(x_t Wca + (R_t o S_{t-1}) Wrecca) = tanh(aCA)
    np.tanh(aCA, CA_t)
    # state: S_t = (1 - Z_t) o S_{t-1} + Z_t o CA_t = S_{t-1} + Z_t o (CA_t - S_{t-1})
    np.subtract(CA_t, S_prev_t, S_t)
    np.multiply(S_t, Z_t, S_t)
    np.add(S_t, S_prev_t, S_t)
    # where a step is padding: S_t = M_t o S_{t-1} + (1 - M_t) o S'_t
    if ended is not None:
        np.copyto(S_t, S_prev_t, where=ended_t)


def _loss(Y: Array, V: Array | None, w: Workspace) -> Any:
    """Compute the loss of all time steps."""
    dO, S = w.dO, w.S
    # output: O_t = S_t; error: E_t = O_t - Y_t; dE_t = E_t; dO_t = dE_t
    dO[...] = S
    np.subtract(dO, Y, dO)
    # L2 cost, at every time step: L = sum_t 1/2 tr(E_t^T E_t)
    # with loss weights, each sample's own sum is multiplied by its weight
    loss = _inner(dO, dO) / 2 if V is None else _inner(V, np.einsum("tnb,tnb->tb", dO, dO)) / 2
    # with loss weights V: dO_t <- V_t o dO_t
    if V is not None:
        np.multiply(dO, V, dO)
    return loss


def _backward(
    params: Params, w: Workspace, last: tuple[Array, ...] | None = None
) -> tuple[Params, tuple[Array, ...]]:
    """Compute the adjoints, last time step to first; return gradients and carries."""
    Wrecz, Wrecca, Wrecr = params.Wrecz, params.Wrecca, params.Wrecr
    D, H = w.input_size, w.hidden_size
    one = w.one
    W_dS_prev_products = w.W_dS_prev_products
    S_by_S_prev, Z, S_by_aCA, CA, S_by_aZ = w.S_by_S_prev, w.Z, w.S_by_aCA, w.CA, w.S_by_aZ
    S_prev, RS_by_aR, S_by_aZ_RS_by_aR, Z_R = w.S_prev, w.RS_by_aR, w.S_by_aZ_RS_by_aR, w.Z_R
    terms, dS, ended, dS_held, dRS, dS_dRS = w.terms, w.dS, w.ended, w.dS_held, w.dRS, w.dS_dRS
    dS_prev_products, dS_prev, term = w.dS_prev_products, w.dS_prev, w.term
    x_copy_S_rows, x_copy_S_rows_turned = w.x_copy_S_rows, w.x_copy_S_rows_turned
    x_copy_S, daZ_daR_rows, daZ_daR_rows_turned = w.x_copy_S, w.daZ_daR_rows, w.daZ_daR_rows_turned
    daZ_daR, x_copy_2_RS_rows = w.daZ_daR, w.x_copy_2_RS_rows
    x_copy_2_RS_rows_turned, x_copy_2_RS = w.x_copy_2_RS_rows_turned, w.x_copy_2_RS
    daCA_rows, daCA_rows_turned, daCA = w.daCA_rows, w.daCA_rows_turned, w.daCA
    # weights, made ready: W_dS_prev_products = [Wrecz Wrecr]
    w.W_dS_prev_products_Wrecz[...] = Wrecz
    w.W_dS_prev_products_Wrecr[...] = Wrecr
    # derivative of S with respect to S_prev: S_by_S_prev_t = 1 - Z_t
    np.subtract(one, Z, S_by_S_prev)
    # derivative of S with respect to aCA: S_by_aCA_t = Z_t o (1 - CA_t o CA_t)
    np.multiply(CA, CA, S_by_aCA)
    np.subtract(one, S_by_aCA, S_by_aCA)
    np.multiply(S_by_aCA, Z, S_by_aCA)
    # derivative of S with respect to aZ and derivative of RS with respect to aR at once:
    #     S_by_aZ_t = (CA_t - S_{t-1}) o Z_t o (1 - Z_t); RS_by_aR_t = S_{t-1} o R_t o (1 - R_t)
    np.subtract(CA, S_prev, S_by_aZ)
    RS_by_aR[...] = S_prev
    np.multiply(S_by_aZ_RS_by_aR, Z_R, S_by_aZ_RS_by_aR)
    np.subtract(one, Z_R, terms)
    np.multiply(S_by_aZ_RS_by_aR, terms, S_by_aZ_RS_by_aR)

    # --- step 8 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[7]
    # dS_t = dO_t + dS_prev_{t+1}
    dS[...] = dO_t
    if last is not None:
        np.add(dS, last[0], dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 7 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[6]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 6 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[5]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 5 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[4]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 4 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[3]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 3 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[2]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 2 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[1]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t; dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    np.multiply(dS, S_by_S_prev_t, dS_prev)
    np.add(dS_prev, dS_prev_products, dS_prev)
    np.multiply(dRS, R_t, term)
    np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None:
        np.add(dS_prev, dS_held, dS_prev)

    # --- step 1 of 8 ---
    (
        dO_t, ended_t, daCA_t, S_by_aCA_t, daZ_daR_t, S_by_aZ_RS_by_aR_t, S_by_S_prev_t, R_t,
    ) = w.backward_steps[0]
    # dS_t = dO_t + dS_prev_{t+1}
    np.add(dS_prev, dO_t, dS)
    # where a step is padding: dS_held_t = M_t o dS_t
    if ended is not None and last is not None:
        dS_held[...] = 0
        np.copyto(dS_held, dS, where=ended_t)
    # where a step is padding: dS'_t = (1 - M_t) o dS_t
    if ended is not None:
        np.copyto(dS, 0, where=ended_t)
    # dCA_t = dS_t o Z_t; daCA_t = dCA_t o (1 - CA_t o CA_t) = dS_t o S_by_aCA_t
    np.multiply(dS, S_by_aCA_t, daCA_t)
    # dRS_t = daCA_t Wrecca^T
    Wrecca.dot(daCA_t, dRS)
    # adjoints of aZ and aR at once:
    #     dZ_t = dS_t o (CA_t - S_{t-1}); daZ_t = dZ_t o Z_t o (1 - Z_t) = dS_t o S_by_aZ_t
    #     dR_t = dRS_t o S_{t-1}; daR_t = dR_t o R_t o (1 - R_t) = dRS_t o RS_by_aR_t
    np.multiply(dS_dRS, S_by_aZ_RS_by_aR_t, daZ_daR_t)
    # matrix products: dS_prev_products = daZ_daR_t W_dS_prev_products^T
    if last is not None:
        W_dS_prev_products.dot(daZ_daR_t, dS_prev_products)
    # dS_prev_t = dS_t o (1 - Z_t) + dRS_t o R_t + daR_t Wrecr^T + daZ_t Wrecz^T
    #     = dS_prev_products + dS_t o S_by_S_prev_t + dRS_t o R_t
    if last is not None:
        np.multiply(dS, S_by_S_prev_t, dS_prev)
        np.add(dS_prev, dS_prev_products, dS_prev)
        np.multiply(dRS, R_t, term)
        np.add(dS_prev, term, dS_prev)
    # where a step is padding: dS_prev_t <- dS_prev_t + dS_held_t
    if ended is not None and last is not None:
        np.add(dS_prev, dS_held, dS_prev)
    # gradients at once:
    #     dWz = sum_t x_t^T daZ_t; dWr = sum_t x_t^T daR_t; dWrecz = sum_t S_{t-1}^T daZ_t;
    #     dWrecr = sum_t S_{t-1}^T daR_t
    x_copy_S_rows_turned[...] = x_copy_S
    daZ_daR_rows_turned[...] = daZ_daR
    dWz_Wr_Wrecz_Wrecr = x_copy_S_rows.T.dot(daZ_daR_rows)
    dWz = dWz_Wr_Wrecz_Wrecr[:D, :H].copy()
    dWr = dWz_Wr_Wrecz_Wrecr[:D, H:].copy()
    dWrecz = dWz_Wr_Wrecz_Wrecr[D:, :H].copy()
    dWrecr = dWz_Wr_Wrecz_Wrecr[D:, H:].copy()
    # gradients at once: dWca = sum_t x_t^T daCA_t; dWrecca = sum_t RS_t^T daCA_t
    x_copy_2_RS_rows_turned[...] = x_copy_2_RS
    daCA_rows_turned[...] = daCA
    dWca_Wrecca = x_copy_2_RS_rows.T.dot(daCA_rows)
    dWca = dWca_Wrecca[:D]
    dWrecca = dWca_Wrecca[D:]
    gradients = Params(dWz, dWrecz, dWca, dWrecca, dWr, dWrecr)
    return gradients, (dS_prev.T,)


def _inputs(params: Params, w: Workspace) -> Array:
    """Compute the gradient of the input of every time step."""
    Wz, Wca, Wr = params.Wz, params.Wca, params.Wr
    daCA, daR, daZ = w.daCA, w.daR, w.daZ
    dx = np.empty((w.steps, w.batch_size, w.input_size), w.dtype)
    terms_BD = np.empty((w.steps, w.batch_size, w.input_size), w.dtype)
    Wca_T, daCA_turned, Wr_T, daR_turned, Wz_T = Wca.T, _turned(daCA), Wr.T, _turned(daR), Wz.T
    daZ_turned = _turned(daZ)
    # dx_t = daCA_t Wca^T + daR_t Wr^T + daZ_t Wz^T
    np.matmul(daCA_turned, Wca_T, dx)
    np.matmul(daR_turned, Wr_T, terms_BD)
    np.add(dx, terms_BD, dx)
    np.matmul(daZ_turned, Wz_T, terms_BD)
    np.add(dx, terms_BD, dx)
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
    _start(w.S_first, "s0", SHAPES["s0"], s0)
    w.ended = None if lengths is None else _ended(lengths, *x.shape[:2])
    if mask is not None:
        w.ended = _masked(mask, w.ended, *x.shape[:2])
    if w.ended is not None:  # what is padding is not read
        x = _zeroed(x, w.ended, w.room("x", x.shape))
        np.copyto(w.mask, _turned(w.ended))
    return _turned(x)


def _targets(y: Any, loss_weights: Any, w: Workspace) -> tuple[Array, Array | None]:
    """Check and cast the targets and their weights; where a weight is 0 nothing is left of y."""
    targets, V = _like_outputs("y", y, w.S_turned), _weights(loss_weights, w)
    if V is not None:
        targets = _zeroed(targets, V == 0, w.room("y", w.S_turned.shape))
    return _turned(targets), None if V is None else _turned(V)


def _last(d_state: Any, w: Workspace) -> tuple[Array, ...]:
    """The adjoints of the last states, zeros if None, as matrices are stored."""
    last = (np.zeros((w.batch_size, w.hidden_size), w.dtype),)
    _start(last[0], "d_state", SHAPES["s0"], d_state)
    return tuple(a.T for a in last)


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
