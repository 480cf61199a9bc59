"""Steps of units with gates and one state."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.corpus.functions import exp, hard_sigmoid, relu, sigmoid, softplus, spiking, tanh

__all__ = [
    "atr",
    "brc",
    "cfn",
    "dsgu",
    "eleatt_gru",
    "fastgrnn",
    "gru_d",
    "intersection",
    "janet",
    "light_ru",
    "mgu1",
    "mgu2",
    "mgu3",
    "mi_gru",
    "minimal_rnn",
    "mut1",
    "mut2",
    "mut3",
    "nalu",
    "nbrc",
    "recurrent_highway",
    "sgrn",
    "sgu",
    "skip_rnn",
    "star",
    "tau_gru",
    "ugrnn",
    "variational_dropout_gru",
]


def ugrnn(w: Any, x: Any, h: Any) -> Any:
    """UGRNN: the gate keeps the state."""
    g = sigmoid(x @ w.Wg + h @ w.Ug + w.bg)
    h = g * h + (1 - g) * tanh(x @ w.Wc + h @ w.Uc + w.bc)
    return h, (h,)


def intersection(w: Any, x: Any, h: Any) -> Any:
    """+RNN: one highway through the depth and one through the time."""

    def of(name: str) -> Any:
        return x @ getattr(w, f"W{name}") + h @ getattr(w, f"U{name}") + getattr(w, f"b{name}")

    gy, gh = sigmoid(of("gy")), sigmoid(of("gh"))
    return gy * x + (1 - gy) * relu(of("y")), (gh * h + (1 - gh) * tanh(of("h")),)


def atr(w: Any, x: Any, h: Any) -> Any:
    """Two gates of the same two products, by their sum and by their difference."""
    p, q = x @ w.W, h @ w.U
    h = sigmoid(p + q) * p + sigmoid(p - q) * h
    return h, (h,)


def brc(w: Any, x: Any, h: Any) -> Any:
    """Feedback of each neuron to itself alone."""
    c = sigmoid(x @ w.Uc + w.wc * h)
    h = c * h + (1 - c) * tanh(x @ w.U + (1 + tanh(x @ w.Ua + w.wa * h)) * h)
    return h, (h,)


def nbrc(w: Any, x: Any, h: Any) -> Any:
    """The same where all neurons set the feedback."""
    c = sigmoid(x @ w.Uc + h @ w.Wc)
    h = c * h + (1 - c) * tanh(x @ w.U + (1 + tanh(x @ w.Ua + h @ w.Wa)) * h)
    return h, (h,)


def cfn(w: Any, x: Any, h: Any) -> Any:
    """No recurrent matrix but in the gates."""
    keeps = sigmoid(h @ w.Ut + x @ w.Pt + w.bt)
    takes = sigmoid(h @ w.Ue + x @ w.Pe + w.be)
    h = keeps * tanh(h) + takes * tanh(x @ w.W)
    return h, (h,)


def janet(w: Any, x: Any, c: Any) -> Any:
    """With beta = 1 a little more comes in than is forgotten."""
    s = c @ w.Uf + x @ w.Wf + w.bf
    c = sigmoid(s) * c + (1 - sigmoid(s - 1)) * tanh(c @ w.Uc + x @ w.Wc + w.bc)
    return c, (c,)


def light_ru(w: Any, x: Any, h: Any) -> Any:
    """The candidate sees the input alone."""
    f = sigmoid(x @ w.Wf + h @ w.Uf + w.bf)
    h = h + f * (tanh(x @ w.Wh + w.bh) - h)
    return h, (h,)


def mut1(w: Any, x: Any, h: Any) -> Any:
    """MUT1: the input is added to the candidate as it is."""
    z, r = sigmoid(x @ w.Wxz + w.bz), sigmoid(x @ w.Wxr + h @ w.Whr + w.br)
    h = tanh((r * h) @ w.Whh + tanh(x) + w.bh) * z + h * (1 - z)
    return h, (h,)


def mut2(w: Any, x: Any, h: Any) -> Any:
    """MUT2: the input is added to the reset gate as it is."""
    z, r = sigmoid(x @ w.Wxz + h @ w.Whz + w.bz), sigmoid(x + h @ w.Whr + w.br)
    h = tanh((r * h) @ w.Whh + x @ w.Wxh + w.bh) * z + h * (1 - z)
    return h, (h,)


def mut3(w: Any, x: Any, h: Any) -> Any:
    """MUT3: the update gate sees tanh of the state."""
    z = sigmoid(x @ w.Wxz + tanh(h) @ w.Whz + w.bz)
    r = sigmoid(x @ w.Wxr + h @ w.Whr + w.br)
    h = tanh((r * h) @ w.Whh + x @ w.Wxh + w.bh) * z + h * (1 - z)
    return h, (h,)


def star(w: Any, x: Any, h: Any) -> Any:
    """One gate, and tanh of the whole."""
    k = sigmoid(x @ w.Wx + h @ w.Wh + w.bk)
    h = tanh(h + k * (tanh(x @ w.Wz + w.bz) - h))
    return h, (h,)


def _modulated(w: Any, x: Any, h: Any) -> Any:
    return tanh(((x @ w.Wxg + w.bg) * h) @ w.Wzg + w.bzg) * h


def sgu(w: Any, x: Any, h: Any) -> Any:
    """Simple gated unit, with softplus and the hard sigmoid of slope 1/6."""
    z = hard_sigmoid(x @ w.Wxz + h @ w.Whz + w.bz)
    h = (1 - z) * h + z * softplus(_modulated(w, x, h))
    return h, (h,)


def dsgu(w: Any, x: Any, h: Any) -> Any:
    """The deep variant, with one matrix more."""
    z = hard_sigmoid(x @ w.Wxz + h @ w.Whz + w.bz)
    h = (1 - z) * h + z * sigmoid(_modulated(w, x, h) @ w.Wgo)
    return h, (h,)


def minimal_rnn(w: Any, x: Any, h: Any) -> Any:
    """The input is mapped first, then let in."""
    z = tanh(x @ w.Wx + w.bz)
    u = sigmoid(h @ w.Uh + z @ w.Uz + w.bu)
    h = u * h + (1 - u) * z
    return h, (h,)


def _minimal(w: Any, x: Any, h: Any, f: Any) -> Any:
    h = (1 - f) * h + f * tanh(x @ w.Wh + (f * h) @ w.Uh + w.bh)
    return h, (h,)


def mgu1(w: Any, x: Any, h: Any) -> Any:
    """First variant: the gate has no input."""
    return _minimal(w, x, h, sigmoid(h @ w.Uf + w.bf))


def mgu2(w: Any, x: Any, h: Any) -> Any:
    """Second variant: nor a bias."""
    return _minimal(w, x, h, sigmoid(h @ w.Uf))


def mgu3(w: Any, x: Any, h: Any) -> Any:
    """Third variant: the gate is its bias."""
    return _minimal(w, x, h, sigmoid(w.bf))


def _integrated(w: Any, name: str, given: Any, kept: Any) -> Any:
    a, p, q, b = (getattr(w, f"{each}{name}") for each in "apqb")
    return a * given * kept + p * given + q * kept + b


def mi_gru(w: Any, x: Any, h: Any) -> Any:
    """The gated unit, each sum of two products made multiplicative."""
    z = sigmoid(_integrated(w, "z", x @ w.Wz, h @ w.Uz))
    r = sigmoid(_integrated(w, "r", x @ w.Wr, h @ w.Ur))
    c = tanh(_integrated(w, "h", x @ w.Wh, (r * h) @ w.Uh))
    h = (1 - z) * h + z * c
    return h, (h,)


def eleatt_gru(w: Any, x: Any, h: Any) -> Any:
    """Each number of the input is weighed before the unit of torch sees it."""
    x = x * sigmoid(x @ w.Wxa + h @ w.Wha + w.ba)
    z, r = sigmoid(x @ w.Wz + h @ w.Uz + w.bz), sigmoid(x @ w.Wr + h @ w.Ur + w.br)
    h = z * h + (1 - z) * tanh(x @ w.Wc + (r * h) @ w.Uc + w.bc)
    return h, (h,)


def recurrent_highway(w: Any, x: Any, s: Any) -> Any:
    """The input enters the first layer alone, and a carry gate is 1 - t."""
    for layer in "123":
        h, t = s @ getattr(w, f"Rh{layer}"), s @ getattr(w, f"Rt{layer}")
        if layer == "1":
            h, t = h + x @ w.Wh, t + x @ w.Wt
        h, t = tanh(h + getattr(w, f"bh{layer}")), sigmoid(t + getattr(w, f"bt{layer}"))
        s = h * t + s * (1 - t)
    return s, (s,)


def tau_gru(w: Any, x: Any, h: Any, h1: Any, h2: Any) -> Any:
    """At a delay of three steps."""
    g, a = sigmoid(h @ w.W3 + x @ w.U3), sigmoid(h @ w.W4 + x @ w.U4)
    now = (1 - g) * h + g * (tanh(h @ w.W1 + x @ w.U1) + a * tanh(h2 @ w.W2 + x @ w.U2))
    return now, (now, h, h1)


def gru_d(w: Any, x: Any, h: Any, last: Any) -> Any:
    """Missing values fall back to the mean, the state to zero, the longer the gap."""
    faded = exp(-relu(x.delta * w.wgx + w.bgx))
    filled = w.mean + faded * (last - w.mean)
    value = x.m * x.x + (1 - x.m) * filled
    h = exp(-relu(x.delta @ w.Wgh + w.bgh)) * h
    z, r = (
        sigmoid(value @ W + h @ U + x.m @ P + b)
        for W, U, P, b in ((w.Wz, w.Uz, w.Pz, w.bz), (w.Wr, w.Ur, w.Pr, w.br))
    )
    c = tanh(value @ w.Wh + (r * h) @ w.Uh + x.m @ w.Ph + w.bh)
    h = h + z * (c - h)
    return h, (h, last + x.m * (x.x - last))


def variational_dropout_gru(w: Any, x: Any, h: Any) -> Any:
    """Masks on what the products take; the state itself is whole."""
    given, kept = x.mx * x.x, x.mh * h
    z = sigmoid(given @ w.Wz + kept @ w.Uz + w.bz)
    r = sigmoid(given @ w.Wr + kept @ w.Ur + w.br)
    h = z * h + (1 - z) * tanh(given @ w.Wh + (r * kept) @ w.Uh + w.bh)
    return h, (h,)


def sgrn(w: Any, x: Any, h: Any) -> Any:
    """One matrix of the input serves gate and candidate."""
    a = x @ w.W + w.bi
    f = sigmoid(a + h @ w.U + w.bh)
    h = tanh(a + f * (h - a))
    return h, (h,)


def fastgrnn(w: Any, x: Any, h: Any) -> Any:
    """Gate and candidate differ in the bias and the function alone."""
    both = x @ w.W + h @ w.U
    z = sigmoid(both + w.bz)
    h = z * h + (sigmoid(w.zeta) * (1 - z) + sigmoid(w.nu)) * tanh(both + w.bh)
    return h, (h,)


def skip_rnn(w: Any, x: Any, h: Any, chance: Any) -> Any:
    """A step is skipped until the chances have added up to one half."""
    u = spiking(chance - 0.5, np.ones_like)
    h = h + u * (tanh(x @ w.W + h @ w.U + w.b) - h)
    more = sigmoid(h @ w.wp + w.bp)
    room = 1 - chance
    chance = u * more + (1 - u) * (chance + room - relu(room - more))
    return h, (h, chance)


def nalu(w: Any, x: Any, h: Any) -> Any:
    """Sums and products by one matrix of weights that lean to -1, 0 and 1."""
    W, U = (tanh(w.What) * sigmoid(w.Mhat), tanh(w.Uhat) * sigmoid(w.Nhat))

    def size(a: Any) -> Any:
        return np.log(a * np.sign(a.real) + 1e-7)

    g = sigmoid(x @ w.G + h @ w.R)
    h = g * (x @ W + h @ U) + (1 - g) * exp(size(x) @ W + size(h) @ U)
    return h, (h,)
