"""Steps that are linear in the state: state spaces, linear attention."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.functions import cos, exp, relu, sigmoid, silu, sin, softplus, sqrt, tanh

__all__ = [
    "damped_ema",
    "gilr",
    "hawk",
    "lru",
    "mamba",
    "mamba2",
    "mingru_positive",
    "minlstm",
    "qrnn",
    "retention",
    "rg_lru",
    "rwkv4",
    "rwkv4_channel",
    "s4d_real",
    "t_gru",
    "t_lstm",
    "t_rnn",
]


def gilr(w: Any, x: Any, h: Any) -> Any:
    """Gates without the state."""
    g = sigmoid(x @ w.U + w.bg)
    h = g * h + (1 - g) * tanh(x @ w.P + w.bz)
    return h, (h,)


def minlstm(w: Any, x: Any, h: Any) -> Any:
    """Gates that add up to 1."""
    f, i = sigmoid(x @ w.Wf + w.bf), sigmoid(x @ w.Wi + w.bi)
    h = (f * h + i * (x @ w.Wh + w.bh)) / (f + i)
    return h, (h,)


def rg_lru(w: Any, x: Any, h: Any) -> Any:
    """Sigmoid(Lam) to the power 8 r."""
    r, i = sigmoid(x @ w.Wa + w.ba), sigmoid(x @ w.Wx + w.bx)
    a = sigmoid(w.Lam) ** (8 * r)
    h = a * h + sqrt(1 - a * a) * i * x
    return h, (h,)


def lru(w: Any, x: Any, re: Any, im: Any) -> Any:
    """The state turns by exp(theta) and shrinks by exp(-exp(nu))."""
    shrinks, turns = exp(-exp(w.nu)), exp(w.theta)
    u_re, u_im = (exp(w.gamma) * (x @ part) for part in (w.Bre, w.Bim))
    re, im = (
        shrinks * cos(turns) * re - shrinks * sin(turns) * im + u_re,
        shrinks * cos(turns) * im + shrinks * sin(turns) * re + u_im,
    )
    return re @ w.Cre - im @ w.Cim + x @ w.P, (re, im)


def s4d_real(w: Any, x: Any, s: Any) -> Any:
    """Zero-order hold: A = -exp(Alog), step exp(dlog)."""
    A, step = -exp(w.Alog), exp(w.dlog)
    kept = exp(step * A)
    s = kept * s + (kept - 1) / A * w.b * x
    return w.c * s + w.p * x, (s,)


def damped_ema(w: Any, x: Any, s: Any) -> Any:
    """The moving average, then the activation of a residual."""
    alpha, delta = sigmoid(w.alpha), sigmoid(w.delta)
    s = alpha * x + (1 - alpha * delta) * s
    return silu(w.eta * s + x * w.omega), (s,)


def retention(w: Any, x: Any, s: Any) -> Any:
    """Keys, queries and values are numbers."""
    s = 31 / 32 * s + (x @ w.WK) * (x @ w.WV)
    return (x @ w.WQ) * s, (s,)


def _mixed(m: Any, x: Any, last: Any) -> Any:
    return m * x + (1 - m) * last


def rwkv4(w: Any, x: Any, last: Any, num: Any, den: Any) -> Any:
    """As a recurrence, not stabilised."""
    r, k, v = (_mixed(m, x, last) @ W for m, W in ((w.mr, w.Wr), (w.mk, w.Wk), (w.mv, w.Wv)))
    bonus, shrinks = exp(w.u + k), exp(-exp(w.decay))
    mean = (num + bonus * v) / (den + bonus)
    after = (x, shrinks * num + exp(k) * v, shrinks * den + exp(k))
    return (sigmoid(r) * mean) @ w.Wo, after


def rwkv4_channel(w: Any, x: Any, last: Any) -> Any:
    """Squared rectified units behind a gate."""
    k = relu(_mixed(w.mk, x, last) @ w.Wk)
    return sigmoid(_mixed(w.mr, x, last) @ w.Wr) * ((k * k) @ w.Wv), (x,)


def qrnn(w: Any, x: Any, c: Any, before: Any) -> Any:
    """Pairs of inputs, one gate that forgets and one that puts out."""
    z, f, o = (before @ getattr(w, f"W{g}1") + x @ getattr(w, f"W{g}2") for g in "zfo")
    f = sigmoid(f)
    c = f * c + (1 - f) * tanh(z)
    return sigmoid(o) * c, (c, x)


def t_rnn(w: Any, x: Any, h: Any) -> Any:
    """The state is a mean of the inputs in their own coordinates."""
    f = sigmoid(x @ w.U + w.b)
    h = f * h + (1 - f) * (x @ w.W)
    return h, (h,)


def _typed(w: Any, x: Any, before: Any) -> Any:
    W, U, b = ({g: getattr(w, f"{letter}{g}") for g in "zfo"} for letter in "WUb")
    z, f, o = (x @ W[g] + before @ U[g] + b[g] for g in "zfo")
    return z, sigmoid(f), tanh(o)


def t_gru(w: Any, x: Any, h: Any, before: Any) -> Any:
    """The gates see the input of the step before, not the state."""
    z, f, o = _typed(w, x, before)
    h = f * h + o * z
    return h, (h, x)


def t_lstm(w: Any, x: Any, c: Any, before: Any) -> Any:
    """The same with a memory that is a mean, and a gate behind it."""
    z, f, o = _typed(w, x, before)
    c = z + f * (c - z)
    return o * c, (c, x)


def hawk(w: Any, x: Any, h: Any, l1: Any, l2: Any) -> Any:
    """The convolution goes over three steps."""
    linear = x @ w.Wl
    u = w.k0 * linear + w.k1 * l1 + w.k2 * l2
    r, i = sigmoid(u @ w.Wa + w.ba), sigmoid(u @ w.Wx + w.bx)
    a = sigmoid(w.Lam) ** (8 * r)
    h = a * h + sqrt(1 - a * a) * i * u
    g = x @ w.Wg
    gelu = 0.5 * g * (1 + tanh(np.sqrt(2 / np.pi) * (g + 0.044715 * g**3)))
    return (gelu * h) @ w.Wo, (h, linear, l1)


def mingru_positive(w: Any, x: Any, h: Any) -> Any:
    """The log-space form by its result, without logarithms."""
    z, c = sigmoid(x @ w.Wz + w.bz), x @ w.Wh + w.bh
    h = (1 - z) * h + z * np.where(np.real(c) >= 0, c + 0.5, sigmoid(c))
    return h, (h,)


def mamba(w: Any, x: Any, s: Any) -> Any:
    """At N = 1, with a step of rank 1; inputs by Euler's method, as in its code."""
    step = softplus(x @ w.Wd + w.bd)
    s = exp(-step * exp(w.Alog)) * s + step * (x @ w.Wb) * x
    return (x @ w.Wc) * s + w.p * x, (s,)


def mamba2(w: Any, x: Any, s: Any) -> Any:
    """The same where a step and a decay serve all channels of a head."""
    step = softplus(x @ w.Wd + w.bd)
    s = exp(-step * exp(w.Alog)) * s + step * (x @ w.Wb) * x
    return (x @ w.Wc) * s + w.p * x, (s,)
